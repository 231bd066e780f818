"""`InMemoryStateStore`: durable runs in dictionaries; gone with the process. For tests, and as the smallest example."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Self

from cascade.adapters.system_clock import SystemClock
from cascade.spec.errors import LeaseLostError, RunHeldError
from cascade.spec.identifiers import RunId
from cascade.spec.plugin_url import PluginUrl
from cascade.spec.protocols import Clock
from cascade.spec.state import (
    Ending,
    EntryKey,
    Holder,
    IsAlive,
    RunRecord,
    StateChange,
    StoredCall,
    StoredRun,
    StoredStatus,
    is_held,
)


@dataclass(slots=True)
class _Run:
    run_id: RunId
    created_at: float
    updated_at: float
    status: StoredStatus = "Running"
    holder: Holder | None = None
    held_until: float = 0.0
    is_cancel_requested: bool = False
    about: bytes | None = None
    call: StoredCall | None = None
    step: int = 0
    entries: dict[EntryKey, bytes] = field(default_factory=dict)
    ending: Ending | None = None

    def record(self) -> RunRecord:
        return RunRecord(
            self.run_id,
            self.status,
            self.step,
            self.created_at,
            self.updated_at,
            self.holder,
            self.held_until,
            self.is_cancel_requested,
        )

    def stored(self) -> StoredRun:
        return StoredRun(self.record(), self.about, self.call, dict(self.entries), self.ending)

    def apply(self, change: StateChange) -> None:
        if change.about is not None:
            self.about = change.about
        if change.call is not None:
            self.call, self.step = change.call, change.call.step
            self.entries.clear()
        if change.cleared:
            self.entries = {key: data for key, data in self.entries.items() if key.scope not in change.cleared}
        self.entries.update(change.entries)
        if change.ending is not None:
            self.ending, self.status = change.ending, change.ending.status
            if self.status == "Succeeded":
                self.call = None
                self.entries.clear()


class InMemoryStateStore:
    """Keeps runs in dictionaries. Nothing waits, so every commit is prompt.

    Args:
        clock: Its wall clock decides which leases have expired.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock: Clock = SystemClock() if clock is None else clock
        self._runs: dict[RunId, _Run] = {}
        self._lock = threading.Lock()

    @classmethod
    def from_url(cls, url: PluginUrl) -> Self:
        """The store that ``memory://`` selects: another one each time."""
        url.nowhere()
        return cls(**url.options())

    async def open(self, run_id: RunId, holder: Holder, lease_s: float, is_alive: IsAlive) -> InMemoryStateBackend:
        """Take the lease of a run; `RunHeldError` if somebody else has it."""
        now = self._clock.timestamp()
        with self._lock:
            run = self._runs.get(run_id)
            if run is None:
                run = self._runs[run_id] = _Run(run_id, now, now)
            _refuse_held(run, now, is_alive)
            run.holder, run.held_until, run.is_cancel_requested = holder, now + lease_s, False
            if run.status != "Succeeded":
                run.status, run.ending = "Running", None
        return InMemoryStateBackend(run, lease_s, self._clock)

    async def find(self, run_id: RunId) -> StoredRun | None:
        """Everything that is kept of a run."""
        run = self._runs.get(run_id)
        return None if run is None else run.stored()

    async def runs(self) -> list[RunRecord]:
        """All runs, the one that was changed last coming first."""
        with self._lock:
            records = [run.record() for run in self._runs.values()]
        return sorted(records, key=lambda run: run.updated_at, reverse=True)

    async def request_cancel(self, run_id: RunId) -> bool:
        """Ask whoever holds a run to stop it."""
        run = self._runs.get(run_id)
        if run is None or run.ending is not None:
            return False
        run.is_cancel_requested = True
        return True

    async def delete(self, run_id: RunId, is_alive: IsAlive) -> bool:
        """Forget a run, unless it is held."""
        with self._lock:
            run = self._runs.get(run_id)
            if run is None:
                return False
            _refuse_held(run, self._clock.timestamp(), is_alive)
            run.holder = None  # whoever has its backend still has lost the lease
            del self._runs[run_id]
        return True

    async def close(self) -> None:
        """Nothing is open."""


class InMemoryStateBackend:
    """One run of an `InMemoryStateStore`, which makes it."""

    def __init__(self, run: _Run, lease_s: float, clock: Clock) -> None:
        self._run = run
        self._token = None if run.holder is None else run.holder.token
        self._lease_s = lease_s
        self._clock = clock

    @property
    def run_id(self) -> RunId:
        """The run."""
        return self._run.run_id

    async def load(self) -> StoredRun:
        """Everything that is kept of the run."""
        return self._run.stored()

    def try_commit(self, change: StateChange) -> bool:
        """Make one change; `LeaseLostError` if another holder has the run."""
        self._check_lease()
        self._run.apply(change)
        self._run.updated_at = self._clock.timestamp()
        return True

    async def commit(self, change: StateChange) -> None:
        """Make one change; `LeaseLostError` if another holder has the run."""
        self.try_commit(change)

    async def renew(self) -> bool:
        """Prolong the lease; whether somebody has asked to cancel the run."""
        self._check_lease()
        self._run.held_until = self._clock.timestamp() + self._lease_s
        return self._run.is_cancel_requested

    async def close(self) -> None:
        """Give the lease back."""
        if self._run.holder is not None and self._run.holder.token == self._token:
            self._run.holder = None

    def _check_lease(self) -> None:
        holder = self._run.holder
        if holder is None or holder.token != self._token:
            raise LeaseLostError(f"run {self.run_id!r} is no longer held by this process: its lease had expired")


def _refuse_held(run: _Run, now: float, is_alive: IsAlive) -> None:
    if is_held(run.holder, run.held_until, now, is_alive):
        assert run.holder is not None
        raise RunHeldError(run.run_id, run.holder)


__all__ = ["InMemoryStateBackend", "InMemoryStateStore"]
