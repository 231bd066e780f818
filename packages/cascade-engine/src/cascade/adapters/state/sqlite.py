"""`SqliteStateStore`: durable runs in a file, for the processes of one machine.

A run is a row, and the entries of its step are rows of another table; a change is a transaction. The database is in WAL
mode, so with ``synchronous=NORMAL`` a commit is a few microseconds of writing into the page cache of the system: it
survives the end of the process at any moment, and what the machine loses with its power are the last moments before it,
never the file. ``synchronous=FULL`` flushes the disk in every commit.

Two connections do the work:

* the *direct* one, for `SqliteBackend.try_commit` in the thread of the event loop. It never waits: it gives up when
  another thread uses it or another process is writing (no busy timeout), when the disk is to be flushed, and when the
  log is to be emptied. Nor does it overtake what the run has handed over.
* that of the *writer*, a thread, for everything else. It takes all changes that are waiting into one transaction, so
  many runs that wait for a disk share its flushes. It also copies the log back into the file when that has grown
  (checkpoints of SQLite, which flush), so the log stays below some megabytes however long a loop runs.

A lease is the token in the row of the run: every change names it, in the same statement or transaction.
"""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final, NoReturn, Self, TypeVar

from cascade.adapters.places import absolute_place
from cascade.adapters.sqlite_file import Layout, close_in, is_damaged, open_database
from cascade.adapters.system_clock import SystemClock
from cascade.spec.errors import CorruptDataError, LeaseLostError, ParameterError, RunHeldError, StateStoreError
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
    is_held,
)

if TYPE_CHECKING:
    from sqlite3 import Connection

T = TypeVar("T")

BUSY_TIMEOUT_S: Final = 10.0
"""Seconds that a change waits for other processes to finish theirs."""

LOG_LIMIT_BYTES: Final = 1 << 22
"""When the log has grown by about so many bytes, it is copied into the file."""

_LARGE_BYTES: Final = 1 << 18
"""Changes of more bytes take so long to copy that they are no work for the thread of an event loop."""

_PAGE_BYTES: Final = 1024  # a small page: every commit of a step writes at least one whole page
_LAYOUT: Final = Layout(
    application_id=0x43535254,  # "CSRT"
    migrations=(
        (
            """CREATE TABLE runs (
                number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, status TEXT NOT NULL, step INTEGER NOT NULL,
                call BLOB, ending BLOB, created_at REAL NOT NULL, updated_at REAL NOT NULL, token TEXT, host TEXT,
                pid INTEGER, process TEXT, since REAL, held_until REAL NOT NULL, cancel INTEGER NOT NULL)""",
            "CREATE TABLE abouts (run INTEGER PRIMARY KEY, data BLOB NOT NULL)",
            """CREATE TABLE entries (
                run INTEGER, scope TEXT, name TEXT, data BLOB NOT NULL, PRIMARY KEY (run, scope, name)
            ) WITHOUT ROWID""",
        ),
    ),
    page_size=_PAGE_BYTES,
)
_RECORD: Final = "id, status, step, created_at, updated_at, token, host, pid, process, since, held_until, cancel"


@dataclass(slots=True, eq=False)
class _Job:
    """Work for the writer. Jobs that only change runs are done together in one transaction."""

    work: Callable[[Connection], Any]
    is_change: bool
    done: Future[Any] = field(default_factory=Future)


class SqliteStateStore:
    """Keeps runs in a SQLite database. May be shared by threads, event loops and processes of one machine.

    Args:
        path: The file, which is made absolute; it is made if there is none, its folder is not.
        synchronous: ``"NORMAL"``: changes survive the end of the process; ``"FULL"``: also that of the machine.
        clock: Its wall clock decides which leases have expired.

    Raises:
        ParameterError: ``synchronous`` is something else.
    """

    def __init__(
        self, path: str | os.PathLike[str], synchronous: str = "NORMAL", *, clock: Clock | None = None
    ) -> None:
        self._place = absolute_place(path)
        self._synchronous = str(synchronous).upper()
        if self._synchronous not in ("NORMAL", "FULL"):
            raise ParameterError(f'synchronous is "NORMAL" or "FULL", not {synchronous!r}')
        self._clock: Clock = SystemClock() if clock is None else clock
        self._lock = threading.Lock()
        """Held by whoever uses the direct connection."""
        self._direct: Connection | None = None
        self._log_bytes = 0
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        """Those of the thread: another thread, after a `close`, has others."""
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._process = os.getpid()

    @classmethod
    def from_url(cls, url: PluginUrl) -> Self:
        """The store of ``sqlite:///runs.db``, ``sqlite:////var/lib/runs.db`` or ``sqlite:///runs.db?synchronous=full``.

        Raises:
            PluginError: There is no path, or an option is not known.
        """
        return cls(url.path(), **url.options(synchronous=str))

    async def open(self, run_id: RunId, holder: Holder, lease_s: float, is_alive: IsAlive) -> SqliteBackend:
        """Take the lease of a run; `RunHeldError` if somebody else has it."""

        def take(connection: Connection) -> tuple[int, bool]:
            now = self._clock.timestamp()
            row = connection.execute(f"SELECT {_RECORD} FROM runs WHERE id = ?", (run_id,)).fetchone()
            if row is None:
                connection.execute(
                    "INSERT INTO runs (id, status, step, created_at, updated_at, held_until, cancel) "
                    "VALUES (?, 'Running', 0, ?, ?, 0, 0)",
                    (run_id, now, now),
                )
            else:
                _refuse_held(_record(row), now, is_alive)
            connection.execute(
                "UPDATE runs SET token = ?, host = ?, pid = ?, process = ?, since = ?, held_until = ?, cancel = 0, "
                "ending = iif(status = 'Succeeded', ending, NULL), "
                "status = iif(status = 'Succeeded', status, 'Running') WHERE id = ?",
                (*holder, now + lease_s, run_id),
            )
            (number,) = connection.execute("SELECT number FROM runs WHERE id = ?", (run_id,)).fetchone()
            (count,) = connection.execute("SELECT count(*) FROM entries WHERE run = ?", (number,)).fetchone()
            return number, bool(count)

        number, has_entries = await self._do(take, is_change=True)
        return SqliteBackend(self, run_id, number, holder.token, lease_s, has_entries)

    async def find(self, run_id: RunId) -> StoredRun | None:
        """Everything that is kept of a run."""
        return await self._do(lambda connection: _load(connection, run_id))

    async def runs(self) -> list[RunRecord]:
        """All runs, the one that was changed last coming first."""
        rows = await self._do(
            lambda connection: connection.execute(
                f"SELECT {_RECORD} FROM runs ORDER BY updated_at DESC, number DESC"
            ).fetchall()
        )
        return [_record(row) for row in rows]

    async def request_cancel(self, run_id: RunId) -> bool:
        """Ask whoever holds a run to stop it."""
        sql = "UPDATE runs SET cancel = 1 WHERE id = ? AND status = 'Running'"
        return await self._do(lambda connection: connection.execute(sql, (run_id,)).rowcount > 0, is_change=True)

    async def delete(self, run_id: RunId, is_alive: IsAlive) -> bool:
        """Forget a run, unless it is held."""

        def forget(connection: Connection) -> bool:
            row = connection.execute(f"SELECT {_RECORD}, number FROM runs WHERE id = ?", (run_id,)).fetchone()
            if row is None:
                return False
            _refuse_held(_record(row[:-1]), self._clock.timestamp(), is_alive)
            for table, column in (("entries", "run"), ("abouts", "run"), ("runs", "number")):
                connection.execute(f"DELETE FROM {table} WHERE {column} = ?", row[-1:])
            return True

        return await self._do(forget, is_change=True)

    async def close(self) -> None:
        """Empty the log, close the file and end the thread. The store may be used again afterwards."""
        with self._starting:
            thread, self._thread = self._thread, None
            self._jobs.put(None)
        if thread is not None and self._process == os.getpid():
            await asyncio.to_thread(thread.join)

    # --- For the backends -------------------------------------------------------------------------------------------

    def try_now(self, work: Callable[[Connection], None], size_bytes: int) -> bool:
        """Change something in this thread, if that takes no waiting; whether it was done."""
        if self._direct is None or self._synchronous == "FULL" or self._process != os.getpid():
            return False
        if size_bytes > _LARGE_BYTES or not self._lock.acquire(blocking=False):
            return False
        try:
            if self._direct is None or self._log_bytes > LOG_LIMIT_BYTES:
                return False
            self._log_bytes += size_bytes + _PAGE_BYTES
            try:
                work(self._direct)
            except Exception as error:
                if self._direct.in_transaction:
                    self._direct.execute("ROLLBACK")
                if _is_busy(error):
                    return False
                self._explain(error)
            return True
        finally:
            self._lock.release()

    async def change(self, work: Callable[[Connection], T], size_bytes: int = 0) -> T:
        """Change something in the writer's thread, together with what others change."""
        self._log_bytes += size_bytes + _PAGE_BYTES
        return await self._do(work, is_change=True)

    async def read(self, run_id: RunId) -> StoredRun:
        """Everything that is kept of a run that is held."""
        found = await self.find(run_id)
        if found is None:
            raise LeaseLostError(f"run {run_id!r} was deleted from {self._place}")
        return found

    def timestamp(self) -> float:
        """The time, in seconds since the Unix epoch."""
        return self._clock.timestamp()

    # --- The writer -------------------------------------------------------------------------------------------------

    async def _do(self, work: Callable[[Connection], T], *, is_change: bool = False) -> T:
        job = _Job(work, is_change)
        with self._starting:
            if self._process != os.getpid():
                # A connection must not be carried over a fork, not even to be closed: it is the parent's.
                self._process, self._thread, self._direct = os.getpid(), None, None
                self._lock = threading.Lock()
            if self._thread is None:
                self._jobs = SimpleQueue()
                self._thread = threading.Thread(
                    target=self._write, args=(self._jobs,), name="cascade state", daemon=True
                )
                self._thread.start()
            self._jobs.put(job)
        result: T = await asyncio.wrap_future(job.done)
        return result

    def _write(self, waiting: SimpleQueue[_Job | None]) -> None:
        """The life of the writer's thread: open the file with the first job, close it after the last."""
        connection: Connection | None = None
        direct: Connection | None = None
        try:
            while (job := waiting.get()) is not None:
                if not job.done.set_running_or_notify_cancel():
                    continue
                jobs = [job]
                try:
                    if connection is None:
                        connection, direct = self._open()
                    if job.is_change:
                        self._take_changes(waiting, jobs)
                        self._change_together(connection, jobs)
                    else:
                        job.done.set_result(job.work(connection))
                    if self._log_bytes > LOG_LIMIT_BYTES:
                        self._empty_log(connection)
                except BaseException as error:  # whatever it is, those who wait must hear of it
                    explained = self._explained(error)
                    for failed in jobs:
                        if not failed.done.done():
                            failed.done.set_exception(explained)
        finally:
            with self._lock:
                if self._direct is direct:
                    self._direct = None
            if direct is not None:
                direct.close()
            if connection is not None:
                connection.close()  # the last one of all processes copies the log back and removes it

    def _open(self) -> tuple[Connection, Connection]:
        connection = open_database(self._place, _LAYOUT, BUSY_TIMEOUT_S)
        try:
            connection.execute(f"PRAGMA synchronous = {self._synchronous}")
            connection.execute("PRAGMA wal_autocheckpoint = 0")
            direct = open_database(self._place, _LAYOUT, 0.0)
            direct.execute("PRAGMA wal_autocheckpoint = 0")
        except BaseException:
            connection.close()
            raise
        for opened in (connection, direct):
            weakref.finalize(self, close_in, os.getpid(), opened)
        with self._lock:
            self._direct, self._log_bytes = direct, self._log_size()
        return connection, direct

    def _take_changes(self, waiting: SimpleQueue[_Job | None], jobs: list[_Job]) -> None:
        """Add the changes that are waiting, too."""
        while True:
            try:
                job = waiting.get_nowait()
            except Empty:
                return
            if job is None or not job.is_change:
                waiting.put(job)  # it comes later than it might, but after all that its caller has waited for
                return
            if job.done.set_running_or_notify_cancel():
                jobs.append(job)

    def _change_together(self, connection: Connection, jobs: list[_Job]) -> None:
        results: list[tuple[_Job, Any, Exception | None]] = []
        connection.execute("BEGIN IMMEDIATE")
        try:
            for job in jobs:
                try:
                    results.append((job, job.work(connection), None))
                except (LeaseLostError, RunHeldError) as error:  # raised before anything was changed
                    results.append((job, None, error))
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        for job, result, refusal in results:
            if refusal is None:
                job.done.set_result(result)
            else:
                job.done.set_exception(refusal)

    def _empty_log(self, connection: Connection) -> None:
        # If a reader is in the way for long, that is no error: the log grows a little longer.
        connection.execute("PRAGMA busy_timeout = 100")
        try:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_S * 1000:.0f}")
            self._log_bytes = min(self._log_size(), LOG_LIMIT_BYTES * 3 // 4)

    def _log_size(self) -> int:
        """The size of the log in bytes, which others may have left behind."""
        try:
            return os.stat(f"{self._place}-wal").st_size  # noqa: PTH116 (the place is a text)
        except OSError:
            return 0

    def _explained(self, error: BaseException) -> BaseException:
        try:
            if isinstance(error, Exception):
                self._explain(error)
        except Exception as explained:
            return explained
        return error

    def _explain(self, error: Exception) -> NoReturn:
        import sqlite3

        if isinstance(error, OSError):
            raise StateStoreError(
                f"the state store {self._place} cannot be used: {error.strerror}; its folder must exist and be writable"
            ) from error
        if not isinstance(error, sqlite3.Error):
            raise error
        if is_damaged(error):
            raise CorruptDataError(
                f"the state store {self._place} is no SQLite database, or a damaged one ({error}); nothing was changed "
                "in it: put back a copy, or choose another file"
            ) from error
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        what = str(error)
        if _is_busy(error):
            what = f"it was locked by another program for more than {BUSY_TIMEOUT_S:g} s"
        elif code == sqlite3.SQLITE_FULL:
            what = "the disk is full; what was stored before is safe: make room, and continue the run"
        elif code == sqlite3.SQLITE_READONLY:
            what = "it is not writable"
        raise StateStoreError(f"the state store {self._place} cannot be used: {what}") from error


class SqliteBackend:
    """One run of a `SqliteStateStore`, which makes it."""

    def __init__(
        self, store: SqliteStateStore, run_id: RunId, number: int, token: str, lease_s: float, has_entries: bool
    ) -> None:
        self._store = store
        self._run_id = run_id
        self._number = number
        self._token = token
        self._lease_s = lease_s
        self._has_entries = has_entries
        self._handed_over = 0
        self._is_closed = False

    @property
    def run_id(self) -> RunId:
        """The run."""
        return self._run_id

    async def load(self) -> StoredRun:
        """Everything that is kept of the run."""
        return await self._store.read(self._run_id)

    def try_commit(self, change: StateChange) -> bool:
        """Make one change in this thread, unless somebody else is writing or the disk is to be flushed."""
        if self._handed_over:
            return False
        call = change.call
        if call is None or self._has_entries or change.entries or change.about is not None or change.ending:
            return self._store.try_now(lambda connection: self._alone(connection, change), _size(change))

        def begin_step(connection: Connection) -> None:
            self._check(
                connection.execute(
                    "UPDATE runs SET step = ?, call = ?, updated_at = ? WHERE number = ? AND token = ?",
                    (call.step, call.data, self._store.timestamp(), self._number, self._token),
                ).rowcount
            )

        return self._store.try_now(begin_step, len(call.data))

    async def commit(self, change: StateChange) -> None:
        """Make one change in the writer's thread."""
        self._handed_over += 1
        try:
            await self._store.change(lambda connection: self._apply(connection, change), _size(change))
        finally:
            self._handed_over -= 1

    async def renew(self) -> bool:
        """Prolong the lease; whether somebody has asked to cancel the run."""

        def prolong(connection: Connection) -> bool:
            until = self._store.timestamp() + self._lease_s
            which = self._number, self._token
            sql = "UPDATE runs SET held_until = ? WHERE number = ? AND token = ?"
            self._check(connection.execute(sql, (until, *which)).rowcount)
            (cancel,) = connection.execute("SELECT cancel FROM runs WHERE number = ?", which[:1]).fetchone()
            return bool(cancel)

        return await self._store.change(prolong)

    async def close(self) -> None:
        """Give the lease back."""
        if self._is_closed:
            return
        self._is_closed = True
        sql = "UPDATE runs SET token = NULL WHERE number = ? AND token = ?"
        await self._store.change(lambda connection: connection.execute(sql, (self._number, self._token)))

    def _alone(self, connection: Connection, change: StateChange) -> None:
        connection.execute("BEGIN IMMEDIATE")
        self._apply(connection, change)
        connection.execute("COMMIT")

    def _apply(self, connection: Connection, change: StateChange) -> None:
        run = (self._number,)
        self._check(
            connection.execute(
                "UPDATE runs SET updated_at = ? WHERE number = ? AND token = ?",
                (self._store.timestamp(), self._number, self._token),
            ).rowcount
        )
        ending = change.ending
        has_succeeded = ending is not None and ending.status == "Succeeded"
        if change.about is not None:
            connection.execute("INSERT OR REPLACE INTO abouts VALUES (?, ?)", (self._number, change.about))
        if change.call is not None:
            connection.execute("UPDATE runs SET step = ?, call = ? WHERE number = ?", (*change.call, self._number))
        if change.call is not None or has_succeeded:
            connection.execute("DELETE FROM entries WHERE run = ?", run)
            self._has_entries = False
        connection.executemany(
            "DELETE FROM entries WHERE run = ? AND scope = ?", [(self._number, scope) for scope in change.cleared]
        )
        if change.entries and not has_succeeded:
            self._has_entries = True
            connection.executemany(
                "INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?)",
                [(self._number, *key, data) for key, data in change.entries.items()],
            )
        if ending is not None:
            call = "NULL" if has_succeeded else "call"
            connection.execute(
                f"UPDATE runs SET status = ?, ending = ?, call = {call} WHERE number = ?", (*ending, self._number)
            )

    def _check(self, count: int) -> None:
        if not count:
            raise LeaseLostError(
                f"run {self._run_id!r} is no longer held by this process: its lease had expired, and another has it"
            )


def _size(change: StateChange) -> int:
    """About how many bytes of log a change makes."""
    data = [*change.entries.values()]
    if change.call is not None:
        data.append(change.call.data)
    return sum(map(len, data)) + _PAGE_BYTES * (len(data) + 2 * len(change.cleared))


def _load(connection: Connection, run_id: RunId) -> StoredRun | None:
    connection.execute("BEGIN")  # one state of the file for all that is read
    try:
        row = connection.execute(f"SELECT {_RECORD}, number, call, ending FROM runs WHERE id = ?", (run_id,)).fetchone()
        if row is None:
            return None
        *record, number, call, ending = row
        about = connection.execute("SELECT data FROM abouts WHERE run = ?", (number,)).fetchone()
        entries = connection.execute("SELECT scope, name, data FROM entries WHERE run = ?", (number,)).fetchall()
    finally:
        connection.execute("COMMIT")
    known = _record(record)
    return StoredRun(
        known,
        None if about is None else about[0],
        None if call is None else StoredCall(known.step, call),
        {EntryKey(scope, name): data for scope, name, data in entries},
        None if ending is None or known.status == "Running" else Ending(known.status, ending),
    )


def _record(row: Any) -> RunRecord:
    run_id, status, step, created_at, updated_at, token, host, pid, process, since, held_until, cancel = row
    holder = None if token is None else Holder(token, host, pid, process, since)
    return RunRecord(RunId(run_id), status, step, created_at, updated_at, holder, held_until, bool(cancel))


def _refuse_held(record: RunRecord, now: float, is_alive: IsAlive) -> None:
    if is_held(record.holder, record.held_until, now, is_alive):
        assert record.holder is not None
        raise RunHeldError(record.run_id, record.holder)


def _is_busy(error: Exception) -> bool:
    from sqlite3 import SQLITE_BUSY, SQLITE_LOCKED

    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (SQLITE_BUSY, SQLITE_LOCKED)


__all__ = ["BUSY_TIMEOUT_S", "LOG_LIMIT_BYTES", "SqliteBackend", "SqliteStateStore"]
