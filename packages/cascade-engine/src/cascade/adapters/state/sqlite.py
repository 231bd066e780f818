"""`SqliteStateStore`: durable runs in a file, for the processes of one machine.

A run is a row, and the entries of its step are rows of another table; a change is a transaction. The database is in WAL
mode, so with ``synchronous=NORMAL`` a commit is a few microseconds of writing into the page cache of the system: it
survives the end of the process at any moment, and what the machine loses with its power are the last moments before it,
never the file. ``synchronous=FULL`` flushes the disk in every commit.

What a run changes between two steps is written in the thread of the event loop if that takes no waiting, and otherwise
by a thread of the store (see `cascade.adapters.state.sqlite_writer`). It does not overtake what the run has handed over
to the thread.

A lease is the token in the row of the run: every change names it, in the same statement or transaction.
"""

from __future__ import annotations

import os
import weakref
from typing import TYPE_CHECKING, Any, Final, Self

from cascade.adapters.places import absolute_place
from cascade.adapters.sqlite_file import Layout
from cascade.adapters.state.sqlite_writer import SqliteWriter
from cascade.adapters.system_clock import SystemClock
from cascade.spec.errors import LeaseLostError, ParameterError, RunHeldError
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


class SqliteStateStore:
    """Keeps runs in a SQLite database. May be shared by threads, event loops and processes of one machine.

    `close` it when it is no longer used; one that is dropped instead closes its file some time later.

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
        synchronous = str(synchronous).upper()
        if synchronous not in ("NORMAL", "FULL"):
            raise ParameterError(f'synchronous is "NORMAL" or "FULL", not {synchronous!r}')
        self._clock: Clock = SystemClock() if clock is None else clock
        self._writer = SqliteWriter(self._place, _LAYOUT, synchronous)
        # A store that nobody closes. At the end of the process the writer closes the file itself.
        weakref.finalize(self, self._writer.end).atexit = False

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

        number, has_entries = await self._writer.change(take)
        return SqliteBackend(self, run_id, number, holder.token, lease_s, has_entries)

    async def find(self, run_id: RunId) -> StoredRun | None:
        """Everything that is kept of a run."""
        return await self._writer.do(lambda connection: _load(connection, run_id))

    async def runs(self) -> list[RunRecord]:
        """All runs, the one that was changed last coming first."""
        rows = await self._writer.do(
            lambda connection: connection.execute(
                f"SELECT {_RECORD} FROM runs ORDER BY updated_at DESC, number DESC"
            ).fetchall()
        )
        return [_record(row) for row in rows]

    async def request_cancel(self, run_id: RunId) -> bool:
        """Ask whoever holds a run to stop it."""
        sql = "UPDATE runs SET cancel = 1 WHERE id = ? AND status = 'Running'"
        return await self._writer.change(lambda connection: connection.execute(sql, (run_id,)).rowcount > 0)

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

        return await self._writer.change(forget)

    async def close(self) -> None:
        """Empty the log, close the file and end the thread. The store may be used again afterwards."""
        await self._writer.close()

    # --- For the backends -------------------------------------------------------------------------------------------

    async def read(self, run_id: RunId) -> StoredRun:
        """Everything that is kept of a run that is held."""
        found = await self.find(run_id)
        if found is None:
            raise LeaseLostError(f"run {run_id!r} was deleted from {self._place}")
        return found

    def timestamp(self) -> float:
        """The time, in seconds since the Unix epoch."""
        return self._clock.timestamp()


class SqliteBackend:
    """One run of a `SqliteStateStore`, which makes it."""

    def __init__(
        self, store: SqliteStateStore, run_id: RunId, number: int, token: str, lease_s: float, has_entries: bool
    ) -> None:
        self._store = store
        self._writer = store._writer
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
            return self._writer.try_now(lambda connection: self._alone(connection, change), _size(change))

        def begin_step(connection: Connection) -> None:
            self._check(
                connection.execute(
                    "UPDATE runs SET step = ?, call = ?, updated_at = ? WHERE number = ? AND token = ?",
                    (call.step, call.data, self._store.timestamp(), self._number, self._token),
                ).rowcount
            )

        return self._writer.try_now(begin_step, len(call.data))

    async def commit(self, change: StateChange) -> None:
        """Make one change in the writer's thread."""
        self._handed_over += 1
        try:
            await self._writer.change(lambda connection: self._apply(connection, change), _size(change))
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

        return await self._writer.change(prolong)

    async def close(self) -> None:
        """Give the lease back."""
        if self._is_closed:
            return
        self._is_closed = True
        sql = "UPDATE runs SET token = NULL WHERE number = ? AND token = ?"
        await self._writer.change(lambda connection: connection.execute(sql, (self._number, self._token)))

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


__all__ = ["SqliteBackend", "SqliteStateStore"]
