"""A state store that keeps each run in a file of JSON, in one folder.

Every change writes the whole run to a new file and puts it in the place of the old one, which is atomic: who reads
finds the run before the change or after it. Who changes something holds a lock on the folder. For runs whose steps are
small, on a file system that is not shared by several machines, on Unix.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import json
import os
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from cascade.spec.errors import CorruptDataError, LeaseLostError, RunHeldError, StateStoreError
from cascade.spec.identifiers import RunId
from cascade.spec.plugin_url import PluginUrl
from cascade.spec.state import (
    Ending,
    EntryKey,
    Holder,
    IsAlive,
    RunRecord,
    StateChange,
    StoredCall,
    StoredRun,
    is_held,
)

T = TypeVar("T")

_FORMAT = "cascade-directory-store 1"


class DirectoryStore:
    """Keeps runs in a folder, which is made when the first run is opened.

    Args:
        folder: Where.
        now: Gives the time, in seconds since the Unix epoch.
    """

    def __init__(self, folder: Path | str, now: Callable[[], float] = time.time) -> None:
        self._folder = Path(folder).absolute()
        self.now = now

    @classmethod
    def from_url(cls, url: PluginUrl) -> DirectoryStore:
        """What ``directory:///runs`` selects."""
        url.options()
        return cls(url.path())

    async def open(self, run_id: RunId, holder: Holder, lease_s: float, is_alive: IsAlive) -> DirectoryBackend:
        """Take the lease of a run."""

        def take() -> None:
            self._folder.mkdir(parents=True, exist_ok=True)
            with self.locked():
                now = self.now()
                run = self.read(run_id)
                if run is None:
                    run = StoredRun(RunRecord(run_id, "Running", 0, now, now, None, 0.0, False), None, None, {}, None)
                _refuse_held(run.record, now, is_alive)
                record = run.record._replace(holder=holder, held_until=now + lease_s, is_cancel_requested=False)
                if record.status != "Succeeded":
                    record, run = record._replace(status="Running"), run._replace(ending=None)
                self.write(run._replace(record=record))

        await _in_thread(take)
        return DirectoryBackend(self, run_id, holder, lease_s)

    async def find(self, run_id: RunId) -> StoredRun | None:
        """Everything that is kept of a run. Needs no lock: a file is whole at any time."""
        return await _in_thread(lambda: self.read(run_id))

    async def runs(self) -> list[RunRecord]:
        """All runs, the one that was changed last coming first."""
        found = await _in_thread(lambda: [_read(file) for file in self._folder.glob("*.json")])
        return sorted((run.record for run in found if run), key=lambda record: record.updated_at, reverse=True)

    async def request_cancel(self, run_id: RunId) -> bool:
        """Ask whoever holds a run to stop it."""

        def request() -> bool:
            with self.locked():
                run = self.read(run_id)
                if run is None or run.ending is not None:
                    return False
                self.write(run._replace(record=run.record._replace(is_cancel_requested=True)))
                return True

        return await _in_thread(request)

    async def delete(self, run_id: RunId, is_alive: IsAlive) -> bool:
        """Forget a run, unless it is held."""

        def forget() -> bool:
            with self.locked():
                run = self.read(run_id)
                if run is None:
                    return False
                _refuse_held(run.record, self.now(), is_alive)
                self._file(run_id).unlink()
                return True

        return await _in_thread(forget)

    async def close(self) -> None:
        """Nothing stays open between two operations."""

    # --- Files: called in a thread -----------------------------------------------------------------------------------

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let nobody else change anything in the folder, in this process or another."""
        if not self._folder.is_dir():  # there is nothing to be changed
            yield
            return
        with (self._folder / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # given back when the file is closed, by whatever end of the process
            yield

    def read(self, run_id: RunId) -> StoredRun | None:
        """The run, or ``None``."""
        return _read(self._file(run_id))

    def write(self, run: StoredRun) -> None:
        """Put a run in the place of what is there. On a disk that is full, nothing happens."""
        file = self._file(run.record.run_id)
        beside = file.with_suffix(".new")
        with beside.open("w", encoding="utf-8") as new:
            json.dump(_to_json(run), new)
            new.flush()
            os.fsync(new.fileno())
        beside.replace(file)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)  # the name is safe as well
        finally:
            os.close(folder)

    def _file(self, run_id: RunId) -> Path:
        return self._folder / f"{hashlib.sha256(run_id.encode()).hexdigest()}.json"  # an id may be any text


class DirectoryBackend:
    """One run in a `DirectoryStore`, held under a lease."""

    def __init__(self, store: DirectoryStore, run_id: RunId, holder: Holder, lease_s: float) -> None:
        self.run_id = run_id
        self._store = store
        self._holder = holder
        self._lease_s = lease_s

    async def load(self) -> StoredRun:
        """Everything that is kept of the run."""
        return await _in_thread(self._held)

    async def commit(self, change: StateChange) -> None:
        """Make one change."""

        def make() -> None:
            with self._store.locked():
                run = _changed(self._held(), change)
                self._store.write(run._replace(record=run.record._replace(updated_at=self._store.now())))

        await _in_thread(make)

    async def renew(self) -> bool:
        """Prolong the lease."""

        def prolong() -> bool:
            with self._store.locked():
                run = self._held()
                held_until = self._store.now() + self._lease_s
                self._store.write(run._replace(record=run.record._replace(held_until=held_until)))
                return run.record.is_cancel_requested

        return await _in_thread(prolong)

    async def close(self) -> None:
        """Give the lease back, if it was not lost."""

        def give_back() -> None:
            with self._store.locked():
                run = self._store.read(self.run_id)
                if run is not None and run.record.holder == self._holder:
                    self._store.write(run._replace(record=run.record._replace(holder=None)))

        await _in_thread(give_back)

    def _held(self) -> StoredRun:
        run = self._store.read(self.run_id)
        if run is None or run.record.holder != self._holder:
            raise LeaseLostError(f"run {self.run_id!r} is no longer held by this process: somebody else has opened it")
        return run


def _changed(run: StoredRun, change: StateChange) -> StoredRun:
    record, about, call, kept, ending = run
    if change.about is not None:
        about = change.about
    if change.call is not None:
        call, kept, record = change.call, {}, record._replace(step=change.call.step)
    entries = {key: data for key, data in kept.items() if key.scope not in change.cleared} | dict(change.entries)
    if change.ending is not None:
        ending, record = change.ending, record._replace(status=change.ending.status)
        if ending.status == "Succeeded":
            call, entries = None, {}
    return StoredRun(record, about, call, entries, ending)


def _refuse_held(record: RunRecord, now: float, is_alive: IsAlive) -> None:
    if record.holder is not None and is_held(record.holder, record.held_until, now, is_alive):
        raise RunHeldError(record.run_id, record.holder)


async def _in_thread(work: Callable[[], T]) -> T:
    """Do what may wait for a disk or a lock; every fault of the file system is one of the store."""
    try:
        return await asyncio.to_thread(work)
    except OSError as error:
        raise StateStoreError(f"the folder of the state store cannot be used: {error}") from error


def _read(file: Path) -> StoredRun | None:
    try:
        return _from_json(json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptDataError(f"{file} is damaged, or was not written by this store: {error}") from error


def _to_json(run: StoredRun) -> dict[str, Any]:
    return {
        "format": _FORMAT,
        "record": run.record,
        "about": _text(run.about),
        "call": run.call and (run.call.step, _text(run.call.data)),
        "entries": [(*key, _text(data)) for key, data in run.entries.items()],
        "ending": run.ending and (run.ending.status, _text(run.ending.data)),
    }


def _from_json(said: dict[str, Any]) -> StoredRun:
    if said["format"] != _FORMAT:
        raise ValueError(f"the format is {said['format']!r}")
    record = RunRecord(*said["record"])
    return StoredRun(
        record._replace(holder=record.holder and Holder(*record.holder)),
        None if said["about"] is None else _bytes(said["about"]),
        said["call"] and StoredCall(said["call"][0], _bytes(said["call"][1])),
        {EntryKey(scope, name): _bytes(data) for scope, name, data in said["entries"]},
        said["ending"] and Ending(said["ending"][0], _bytes(said["ending"][1])),
    )


def _text(data: bytes | None) -> str | None:
    return None if data is None else b64encode(data).decode()


def _bytes(text: str) -> bytes:
    return b64decode(text, validate=True)
