"""`DurableRun`: a run in a store, from taking its lease to giving it back.

Whoever asks for a run of some id either begins it, or goes on with it, or gets the value with which it has ended. The
lease is renewed in the event loop of the run, every few seconds; at the same time it is seen whether somebody wants the
run to be cancelled. If the lease was lost, the run is stopped here: another process has it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Final, Self

from cascade.adapters.serializers.data import DataSerializer
from cascade.adapters.serializers.types import TypeRegistry
from cascade.graph.build import build_despite_cycles
from cascade.runtime.durability.calls import CallCodec
from cascade.runtime.durability.durable import DurableJournal
from cascade.runtime.durability.leases import is_alive, new_holder, release
from cascade.runtime.durability.levels import Durability
from cascade.runtime.durability.names import Names
from cascade.runtime.durability.resumption import Resumption
from cascade.runtime.notes import add_note, words_of
from cascade.runtime.parameters import ParameterValues
from cascade.runtime.run_context import RunContext
from cascade.runtime.waiting import wait_for_all
from cascade.spec.errors import (
    CascadeError,
    CorruptDataError,
    RunCancelledError,
    StoredValueError,
    UnstorableValueError,
)
from cascade.spec.identifiers import RunId
from cascade.spec.policies import NOTHING
from cascade.spec.protocols import Clock, StateBackend, StateStore
from cascade.spec.state import Ending, Holder, StateChange, StoredRun
from cascade.spec.task import Task

LEASE_S: Final = 20.0
"""Seconds after which another machine may take a run over whose process is gone or does not answer."""

HEARTBEAT_S: Final = 2.0
"""Seconds between two renewals of a lease; so long it takes until a request to cancel a run is seen."""


class DurableRun:
    """One run in a store, held by this process. Made by `open`.

    Attributes:
        stored: What was kept of it when it was opened.
    """

    def __init__(
        self, store: StateStore, backend: StateBackend, stored: StoredRun, level: Durability, types: TypeRegistry
    ) -> None:
        self.stored = stored
        self._store = store
        self._backend = backend
        self._level = level
        self._serializer = DataSerializer(types)
        self._journal: DurableJournal | None = None
        self._heartbeat: asyncio.Task[None] | None = None
        self._stopped_by: BaseException | None = None
        self._has_ended = False
        self._ending_before: Ending | None = None
        self._holder: Holder | None = None
        self._is_decided = False
        """Whether the store was told that the run has succeeded, even if no answer came."""

    @classmethod
    async def open(cls, store: StateStore, run_id: RunId, level: Durability, types: TypeRegistry, clock: Clock) -> Self:
        """Take the lease of a run.

        Raises:
            RunHeldError: Somebody else has it.
            CascadeError: The store cannot be used.
        """
        before = await store.find(run_id)
        # Not to be cancelled half-way: then nobody would give the lease back.
        holder = new_holder(clock.timestamp())
        opening = asyncio.ensure_future(store.open(run_id, holder, LEASE_S, is_alive))
        was_cancelled = await wait_for_all([opening])
        try:
            backend = opening.result()
        except BaseException:
            release(holder)
            raise
        try:
            if was_cancelled:
                raise asyncio.CancelledError
            kept = cls(store, backend, await backend.load(), level, types)
            kept._holder = holder
            kept._ending_before = None if before is None else before.ending
            return kept
        except BaseException:
            release(holder)
            await wait_for_all([asyncio.ensure_future(backend.close())])
            raise

    @property
    def has_succeeded(self) -> bool:
        """Whether there is nothing left to be done."""
        return self.stored.ending is not None and self.stored.ending.status == "Succeeded"

    def value(self, target: Any, resumption: Resumption) -> Any:
        """The value with which the run has ended.

        Args:
            target: Its tasks say which classes the value may be made of.
            resumption: So do those of its module.

        Raises:
            StoredValueError: It could not be stored.
            CorruptDataError: It cannot be read.
        """
        assert self.stored.ending is not None
        registry = self._serializer.registry
        tasks = _tasks_of(target)
        if resumption.main is not None:
            registry.look_up_main_in(resumption.main.__name__)
            tasks += [found for found in vars(resumption.main).values() if isinstance(found, Task)]
        for task in tasks:
            registry.register_annotations(task)
        return read_value(self.stored, self._serializer)

    def params(self, given: Mapping[str, Any] | None) -> dict[str, Any]:
        """The parameters of the run: those with which it began, and for a new run those that are given."""
        return dict(given or {}) if self.stored.about is None else read_params(self.stored, self._serializer)

    def begin(self, run: RunContext, target: Any, resumption: Resumption, clock: Clock) -> tuple[int, Any]:
        """Let the run be kept.

        Args:
            run: The run.
            target: What it evaluates if it is new.
            resumption: How it goes on if its program has changed.
            clock: Measures intervals.

        Returns:
            The step to begin with, and what it evaluates.

        Raises:
            TaskNotFoundError: A task of a stored call no longer exists.
            TaskVersionError: A task of a stored call has another version.
            UnstorableValueError: The parameters cannot be stored.
            CorruptDataError: The stored call cannot be read.
        """
        stored = self.stored
        names = Names(self._serializer.registry, resumption.main, resumption.imports, given=lambda: _tasks_of(target))
        codec = CallCodec(names, run.parameters.value, resumption.migrate, resumption.accept_versions)
        step, entries = 1, stored.entries
        decoded = None
        if stored.call is not None:
            step = stored.call.step
            decoded = codec.decode(stored.call.data)
            target = decoded.call
            run.parameters.preset(decoded.parameters)
        self._journal = run.journal = DurableJournal(
            self._backend,
            codec,
            self._serializer,
            names,
            self._level,
            clock,
            run.publish,
            {} if decoded is None or decoded.is_changed else entries,
        )
        if stored.about is None:
            self._journal.tell_about(self._about(run.parameters))
        if decoded is not None and not decoded.is_changed:
            self._journal.resume_at(step)
        self._heartbeat = asyncio.create_task(self._keep_lease(asyncio.current_task()), name="cascade lease")
        return step, target

    async def succeed(self, value: Any) -> None:
        """The run has ended with a value. If that cannot be stored, only the caller gets it."""
        self._has_ended = True
        assert self._journal is not None
        try:
            data = _VALUE + self._serializer.dumps(value)
        except UnstorableValueError as error:
            data = _NO_VALUE + str(error).encode("utf-8", "backslashreplace")
        self._is_decided = True
        await self._journal.end(Ending("Succeeded", data))

    async def fail(self, error: BaseException) -> BaseException:
        """The run has ended without a value: keep what is known, so that it can go on.

        Returns:
            What the run ends with.
        """
        self._has_ended = True
        if self._stopped_by is not None:
            error = self._stopped_by
            run = asyncio.current_task()
            if run is not None:
                run.uncancel()
        if self._journal is None or self._is_decided:
            # A success may be in the store although the answer was lost: in its place, a failure without a call would
            # let the run begin anew. If it is not there, the run goes on from its last step as after a crash.
            return error
        ending: Ending | None = None
        if isinstance(error, RunCancelledError):
            ending = Ending("Cancelled", b"")
        elif isinstance(error, Exception):
            said = [words_of(error), *map(str, getattr(error, "__notes__", None) or ())]
            ending = Ending("Failed", "\n".join(said).encode("utf-8", "replace"))
        ended = asyncio.ensure_future(self._journal.end(ending))
        await wait_for_all([ended])
        failure = ended.exception()
        if failure is not None and failure is not error:
            add_note(error, f"Cascade: then, while the run's state was stored: {words_of(failure)}")
        return error

    async def close(self) -> None:
        """Give the lease back. What was refused before anything ran stands as before; if it was new, it is deleted."""
        was_cancelled = False
        if self._heartbeat is not None:
            self._heartbeat.cancel()
            was_cancelled = await wait_for_all([self._heartbeat])
        closed = asyncio.ensure_future(self._close_backend())
        was_cancelled |= await wait_for_all([closed])
        closed.result()
        if was_cancelled:
            raise asyncio.CancelledError

    async def _close_backend(self) -> None:
        try:
            if self._journal is not None:
                await self._journal.stop()
            if not self._has_ended and not self.has_succeeded and self._ending_before is not None:
                await self._backend.commit(StateChange(ending=self._ending_before))
        finally:
            if self._holder is not None:
                release(self._holder)
            await self._backend.close()
        if self.stored.about is None and (self._journal is None or not self._journal.is_stored):
            await self._store.delete(self._backend.run_id, is_alive)

    async def _keep_lease(self, run: asyncio.Task[Any] | None) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            try:
                if await self._backend.renew():
                    name = self._backend.run_id
                    self._stopped_by = RunCancelledError(
                        f"run {name!r} was cancelled by request; it can be continued from where it stands"
                    )
            except Exception as error:
                self._stopped_by = error
            if self._stopped_by is not None:
                if run is not None:
                    run.cancel()
                return

    def _about(self, parameters: ParameterValues) -> bytes:
        try:
            params = self._serializer.dumps(parameters.given, "params").decode()
        except UnstorableValueError as error:
            raise error.said_of(f"run {self._backend.run_id!r}") from None
        return json.dumps({"format": _ABOUT, "version": 1, "params": params}).encode()


_ABOUT: Final = "cascade-run"
_VALUE: Final = b"v"
_NO_VALUE: Final = b"n"


def read_value(stored: StoredRun, serializer: DataSerializer) -> Any:
    """The value of a run that has succeeded.

    Raises:
        StoredValueError: It could not be stored.
        CorruptDataError: It cannot be read.
    """
    data = b"" if stored.ending is None else stored.ending.data
    if data[:1] == _VALUE:
        return serializer.loads(data[1:])
    if data[:1] == _NO_VALUE:
        raise StoredValueError(
            f"run {stored.record.run_id!r} has ended, but its value could not be stored: "
            f"{data[1:].decode('utf-8', 'replace')}; delete the run, or give another run_id, to run it again"
        )
    raise CorruptDataError(f"what is stored as the value of run {stored.record.run_id!r} cannot be read")


def read_params(stored: StoredRun, serializer: DataSerializer) -> dict[str, Any]:
    """The parameters with which a run began.

    Raises:
        CorruptDataError: They cannot be read.
    """
    try:
        about = json.loads(stored.about or b"")
        if about["format"] == _ABOUT and about["version"] == 1:
            params = serializer.loads(about["params"].encode())
            if isinstance(params, dict):
                return params
    except CascadeError:
        raise
    except Exception as error:
        raise CorruptDataError(f"what is stored about run {stored.record.run_id!r} cannot be read: {error}") from error
    raise CorruptDataError(f"what is stored about run {stored.record.run_id!r} is of a newer version of Cascade")


def _tasks_of(target: Any) -> list[Any]:
    """The tasks in a target, and those of their variants."""
    if target is NOTHING:
        return []
    graph, _, _ = build_despite_cycles(target)
    return [node.task for node in graph.nodes if node.task is not None]


__all__ = ["HEARTBEAT_S", "LEASE_S", "DurableRun", "read_params", "read_value"]
