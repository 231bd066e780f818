"""`StateStore` and `StateBackend`: where durable runs are kept, and one run in it.

A store is what a URL names (``state="sqlite:///runs.db"``): many runs, of many processes. Opening a run gives its
backend, which holds the run under a *lease*: as long as it is held, nobody else can open it.

    store.open("r1", …)  ->  backend.load()  ->  backend.commit(…), commit(…), …  ->  backend.close()

Values, calls and keys cross this border as bytes and texts that mean nothing to the store. The engine collects changes,
orders them (one `commit` at a time for each run) and decides when they must be safe; a store makes each change atomic.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from cascade.spec.identifiers import RunId
from cascade.spec.state import Holder, IsAlive, RunRecord, StateChange, StoredRun


@runtime_checkable
class StateBackend(Protocol):
    """One run in a store, held under a lease.

    Implementers:
        Methods are called in the event loop of the run and must not block it. The engine calls one at a time, except
        that `renew` may come while a `commit` is under way.

        After the lease was lost, because it expired and another holder has opened the run, every `commit` and `renew`
        raises `LeaseLostError` and changes nothing: so a process that was away (a laptop that slept) cannot overwrite
        what the other has done. Compare ``holder.token`` in the same atomic change.

        Every fault of the store itself (unreachable, full, locked by somebody for too long) is a `StateStoreError`, and
        data that cannot be what was written are a `CorruptDataError`. A failed `commit` has changed nothing.
    """

    @property
    def run_id(self) -> RunId:
        """The run."""
        ...

    async def load(self) -> StoredRun:
        """Everything that is kept of the run: what the last `commit` that returned, and those before, have made.

        Raises:
            CorruptDataError: It cannot be read.
        """
        ...

    async def commit(self, change: StateChange) -> None:
        """Make one change, wholly or not at all. When this returns, it survives the end of the process.

        Raises:
            LeaseLostError: Another holder has the run.
            StateStoreError: It could not be stored.
        """
        ...

    async def renew(self) -> bool:
        """Prolong the lease: from now on, for the time that `StateStore.open` was given.

        Returns:
            Whether somebody has asked to cancel the run.

        Raises:
            LeaseLostError: Another holder has the run.
            StateStoreError: It could not be prolonged.
        """
        ...

    async def close(self) -> None:
        """Give the lease back, so that the run can be opened again at once. A second call does nothing.

        A lease that was lost is no error here.
        """
        ...


@runtime_checkable
class PromptStateBackend(StateBackend, Protocol):
    """A backend that can often commit in so short a time that the event loop may wait for it.

    This is an optional ability, declared by having the method. It makes a loop of short steps with
    ``durability="step"`` several times faster, because no other thread takes part in a step.
    """

    def try_commit(self, change: StateChange) -> bool:
        """Make one change now, if that needs to wait for nothing: no lock, no flush of a disk, no network.

        Returns:
            Whether the change was made. ``False`` means that nothing was, and that `commit` is to be used.

        Raises:
            LeaseLostError: Another holder has the run.
            StateStoreError: It could not be stored.
        """
        ...


@runtime_checkable
class StateStore(Protocol):
    """Many runs, kept beyond the process.

    Implementers:
        One store object may be used by several event loops and threads at once. Methods must not block the event loop.
        A store that is made from a URL is a function of that URL: it opens nothing before it is used.

    Example:
        A whole store, which forgets everything with the process, is `cascade.adapters.state.in_memory`.
    """

    async def open(self, run_id: RunId, holder: Holder, lease_s: float, is_alive: IsAlive) -> StateBackend:
        """Take the lease of a run, new or known, whatever its status. One atomic change.

        A run is free if nobody holds it, if ``is_alive`` says that the process of its holder is not, or if it says
        ``None`` and the lease has expired (`cascade.spec.state.is_held`). Opening a run forgets a request to cancel it.
        The status of a run that has not succeeded becomes ``"Running"``, and its ending is forgotten.

        Args:
            run_id: The run.
            holder: Who opens it.
            lease_s: Seconds after which the lease expires, unless it is renewed.
            is_alive: Asked about the holder that the run has, if any.

        Raises:
            RunHeldError: It is held by somebody else, who is named.
            StateStoreError: The store cannot be used.
            CorruptDataError: It is damaged, of a newer version, or no store at all.
        """
        ...

    async def find(self, run_id: RunId) -> StoredRun | None:
        """Everything that is kept of a run, without opening it; ``None`` if there is no such run."""
        ...

    async def runs(self) -> Sequence[RunRecord]:
        """All runs, the one that was changed last coming first."""
        ...

    async def request_cancel(self, run_id: RunId) -> bool:
        """Ask whoever holds a run to stop it: its next `StateBackend.renew` says so.

        Returns:
            Whether there is such a run, and it has not ended.
        """
        ...

    async def delete(self, run_id: RunId, is_alive: IsAlive) -> bool:
        """Forget a run, unless it is held (as in `open`).

        Returns:
            Whether there was such a run.

        Raises:
            RunHeldError: It is held.
        """
        ...

    async def close(self) -> None:
        """Let go of files and connections. Backends must have been closed before. A second call does nothing."""
        ...


__all__ = ["PromptStateBackend", "StateBackend", "StateStore"]
