"""`FaultyStateStore`: a state store whose operations are struck by the faults of `cascade.testing.faults`.

A store promises that a change is made wholly or not at all, so a wrapper around a finished store cannot tear what is
inside it. What it can do is to *kill* the writer: `Fault.TORN` lets the change be made or not, as the dice fall, and
from then on every operation of every run fails, as if the process had ended in the middle of the write. Nobody inside
can know which of the two it was. To go on, make another `FaultyStateStore` around the same store, as the next process
would. That half a file is no half a run is for the store to prove: `StateBackendConformance` has a promise for it.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from cascade.spec.errors import StateStoreError
from cascade.spec.identifiers import RunId
from cascade.spec.protocols import PromptStateBackend, StateBackend, StateStore
from cascade.spec.state import Holder, IsAlive, RunRecord, StateChange, StoredRun
from cascade.testing.faults import Fault, Faults, InjectedError, Struck, suffer
from cascade.testing.virtual_time import real_time

T = TypeVar("T")

_READING: Final = (Fault.ERROR, Fault.DELAY)
_WRITING: Final = (Fault.ERROR, Fault.LOST, Fault.DELAY, Fault.DUPLICATE, Fault.DISK_FULL, Fault.TORN)


class FaultyStateStore:
    """A store, and backends, that fail as real ones do: every injected error is a `StateStoreError`.

    The operations are named ``open``, ``find``, ``runs``, ``request_cancel``, ``delete``, ``load``, ``commit`` and
    ``renew``, and ``try_commit`` if the backends inside have it (it answers ``False`` where `commit` would be delayed).
    Closing never fails.

    Args:
        store: Keeps the runs.
        faults: Decides which operations are struck.

    Attributes:
        faults: As given.
        has_crashed: Whether a torn write has struck; nothing works from then on.
    """

    def __init__(self, store: StateStore, faults: Faults) -> None:
        self.faults = faults
        self._store = store
        self.has_crashed = False

    async def open(self, run_id: RunId, holder: Holder, lease_s: float, is_alive: IsAlive) -> StateBackend:
        """Open a run in the store inside."""
        # Not twice: the second time it would be held.
        backend = await self.call(
            "open",
            (Fault.ERROR, Fault.LOST, Fault.DELAY, Fault.DISK_FULL, Fault.TORN),
            lambda: self._store.open(run_id, holder, lease_s, is_alive),
        )
        if isinstance(backend, PromptStateBackend):
            return FaultyPromptBackend(self, backend)
        return FaultyStateBackend(self, backend)

    async def find(self, run_id: RunId) -> StoredRun | None:
        """Look a run up in the store inside."""
        return await self.call("find", _READING, lambda: self._store.find(run_id))

    async def runs(self) -> Sequence[RunRecord]:
        """List the runs of the store inside."""
        return await self.call("runs", _READING, self._store.runs)

    async def request_cancel(self, run_id: RunId) -> bool:
        """Pass a request on."""
        return await self.call("request_cancel", _WRITING, lambda: self._store.request_cancel(run_id))

    async def delete(self, run_id: RunId, is_alive: IsAlive) -> bool:
        """Delete a run of the store inside."""
        return await self.call("delete", _WRITING, lambda: self._store.delete(run_id, is_alive))

    async def close(self) -> None:
        """Close the store inside, unless it is to be found as after a crash."""
        if not self.has_crashed:
            await self._store.close()

    async def call(self, operation: str, possible: Sequence[Fault], call: Callable[[], Awaitable[T]]) -> T:
        """Make a call of the store inside that may be struck. In virtual time the clock does not jump meanwhile."""
        struck = self.next(operation, possible)

        async def really() -> T:
            with real_time():
                return await call()

        try:
            if struck is not None and struck.fault is Fault.TORN:
                if self.crash(struck):
                    await really()
                raise struck.error()
            return await suffer(self.faults, struck, really)
        except (InjectedError, OSError) as error:
            raise failed(error) from error

    def next(self, operation: str, possible: Sequence[Fault]) -> Struck | None:
        """What is to happen to an operation.

        Raises:
            StateStoreError: Nothing works any more.
        """
        if self.has_crashed:
            raise StateStoreError(f"the process of this store was killed by {self.faults!r}, before {operation!r}")
        return self.faults.next(operation, possible)

    def crash(self, struck: Struck) -> bool:
        """Let nothing work from now on; whether the last write arrives."""
        self.has_crashed = True
        return random.Random(repr(struck)).random() < 0.5


class FaultyStateBackend:
    """One run in a `FaultyStateStore`, which makes it."""

    def __init__(self, store: FaultyStateStore, backend: StateBackend) -> None:
        self._store = store
        self._backend = backend

    @property
    def run_id(self) -> RunId:
        """The run."""
        return self._backend.run_id

    async def load(self) -> StoredRun:
        """Load what the backend inside has kept."""
        return await self._store.call("load", _READING, self._backend.load)

    async def commit(self, change: StateChange) -> None:
        """Let the backend inside make the change, or not, or twice."""
        await self._store.call("commit", _WRITING, lambda: self._backend.commit(change))

    async def renew(self) -> bool:
        """Let the backend inside prolong the lease."""
        return await self._store.call("renew", _WRITING, self._backend.renew)

    async def close(self) -> None:
        """Give the lease back, unless it is to be found as after a crash."""
        if not self._store.has_crashed:
            await self._backend.close()


class FaultyPromptBackend(FaultyStateBackend):
    """One run in a `FaultyStateStore`, whose changes can often be made at once."""

    def __init__(self, store: FaultyStateStore, backend: PromptStateBackend) -> None:
        super().__init__(store, backend)
        self._prompt = backend

    def try_commit(self, change: StateChange) -> bool:
        """Let the backend inside make the change, or not; or say that it has to wait."""
        struck = self._store.next("try_commit", _WRITING)
        if struck is None:
            return self._prompt.try_commit(change)
        match struck.fault:
            case Fault.DELAY:
                return False
            case Fault.DUPLICATE:
                return self._prompt.try_commit(change) and self._prompt.try_commit(change)
            case Fault.LOST:
                self._prompt.try_commit(change)
            case Fault.TORN:
                if self._store.crash(struck):
                    self._prompt.try_commit(change)
        raise failed(struck.error())


def failed(error: Exception) -> StateStoreError:
    """What the engine is told."""
    return StateStoreError(f"the state store failed: {error}")


__all__ = ["FaultyPromptBackend", "FaultyStateBackend", "FaultyStateStore"]
