"""`SqliteCache`: values in a file that several processes share.

One table in a SQLite database (see `cascade.adapters.sqlite_file`); writers wait for each other for some seconds. All
work is done in threads, so an event loop never waits for a disk.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from cascade.adapters.caches.base import StoringCache, in_thread
from cascade.adapters.caches.keys import name_in
from cascade.adapters.sqlite_file import Layout, close_in, is_damaged, open_database
from cascade.spec.errors import CorruptDataError
from cascade.spec.plugin_url import PluginUrl
from cascade.spec.protocols import Clock, Serializer

if TYPE_CHECKING:
    from sqlite3 import Connection, DatabaseError

T = TypeVar("T")

BUSY_TIMEOUT_S: Final = 30.0
"""Seconds that a process waits for another to finish writing."""

_LAYOUT: Final = Layout(
    application_id=0x43534348,  # "CSCH"
    migrations=(
        (
            "CREATE TABLE entries (key TEXT PRIMARY KEY, value BLOB, stored_at REAL, expires_at REAL)",
            "CREATE INDEX entries_by_expiry ON entries (expires_at) WHERE expires_at IS NOT NULL",
        ),
    ),
)
SCHEMA_VERSION: Final = len(_LAYOUT.migrations)


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """What a cache says of one value.

    Attributes:
        key: Its key.
        task: The qualified name of the task.
        size_bytes: The size of the stored value.
        age_s: Seconds since it was stored.
        ttl_s: Seconds for which it will be found; ``None`` is for ever, 0 or less is no longer.
    """

    key: str
    task: str
    size_bytes: int
    age_s: float
    ttl_s: float | None


class SqliteCache(StoringCache):
    """Keeps values in a SQLite database. May be shared by tasks, runs, event loops, threads and processes.

    The file is opened when it is first needed. Values that are too old are deleted when others are stored.

    Args:
        path: The file; it is made if there is none, its folder is not.
        ttl_s: Seconds for which a value is kept; by default for ever.
        serializer: Values to bytes and back; by default `DataSerializer`.
        clock: Its wall clock decides what is too old.

    Raises:
        ValueError: ``ttl_s`` is not greater than 0.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        ttl_s: float | None = None,
        serializer: Serializer | None = None,
        *,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(path, ttl_s, serializer, clock)
        self._connection: Connection | None = None
        self._process = 0
        self._lock = threading.Lock()

    @classmethod
    def from_url(cls, url: PluginUrl) -> Self:
        """The cache that ``sqlite:///results.db?ttl_s=3600`` selects."""
        return cls(url.path(), **url.options(ttl_s=float))

    async def load(self, key: str) -> tuple[Any] | None:
        """The value in a tuple of one, or ``None``.

        Raises:
            CorruptDataError: The file is damaged, of a newer version, or no cache; or the value cannot be read.
        """
        return await in_thread(self._load, key)

    async def store(self, key: str, value: Any, ttl_s: float | None = None) -> None:
        """Keep a value.

        Raises:
            UnstorableValueError: The serializer does not take it.
            CorruptDataError: As `load`.
        """
        await in_thread(self._store, key, value, ttl_s)

    def entries(self) -> list[CacheEntry]:
        """What there is, the newest first. Blocks."""
        now = self._clock.timestamp()
        rows = self._with_connection(
            lambda connection: connection.execute(
                "SELECT key, length(value), stored_at, expires_at FROM entries ORDER BY stored_at DESC, key"
            ).fetchall()
        )
        return [
            CacheEntry(key, name_in(key), size, now - stored_at, None if expires_at is None else expires_at - now)
            for key, size, stored_at, expires_at in rows
        ]

    def clear(self, task: str | None = None, *, expired_only: bool = False) -> int:
        """Delete values; how many they were. Blocks.

        Args:
            task: Only those of tasks of this qualified name.
            expired_only: Only those that are too old.
        """
        now = self._clock.timestamp()
        doomed = [
            (entry.key,)
            for entry in self.entries()
            if task in (None, entry.task) and not (expired_only and (entry.ttl_s is None or entry.ttl_s > 0))
        ]

        def delete(connection: Connection) -> int:
            connection.execute("BEGIN IMMEDIATE")
            # What was stored again in the meantime is new.
            sql = "DELETE FROM entries WHERE key = ? AND stored_at <= ?"
            count = sum(connection.execute(sql, (key, now)).rowcount for (key,) in doomed)
            connection.execute("COMMIT")
            return count

        return self._with_connection(delete)

    def close(self) -> None:
        """Close the file. It is opened again when it is needed."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _load(self, key: str) -> tuple[Any] | None:
        row = self._with_connection(
            lambda connection: connection.execute(
                "SELECT value, expires_at FROM entries WHERE key = ?", (key,)
            ).fetchone()
        )
        if row is None or self._is_over(row[1]):
            return None
        try:
            return (self._serializer.loads(row[0]),)
        except CorruptDataError as error:
            raise CorruptDataError(
                f"{self._place}: the value of {key} cannot be used: {error}. Delete it with "
                f"clear(task={name_in(key)!r}), or give the task another version"
            ) from error

    def _store(self, key: str, value: Any, ttl_s: float | None) -> None:
        data = self._serializer.dumps(value)
        now, expiry = self._clock.timestamp(), self._expiry(ttl_s)

        def insert(connection: Connection) -> None:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("DELETE FROM entries WHERE expires_at <= ?", (now,))
            connection.execute("INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?)", (key, data, now, expiry))
            connection.execute("COMMIT")

        self._with_connection(insert)

    def _with_connection(self, work: Callable[[Connection], T]) -> T:
        from sqlite3 import DatabaseError

        with self._lock:
            try:
                if self._process != os.getpid():
                    # A connection must not be carried over a fork, not even to be closed: it is the parent's.
                    self._connection, self._process = None, os.getpid()
                if self._connection is None:
                    self._connection = self._open()
                try:
                    return work(self._connection)
                finally:
                    if self._connection.in_transaction:
                        self._connection.execute("ROLLBACK")
            except DatabaseError as error:
                raise self._explained(error) from error

    def _open(self) -> Connection:
        connection = open_database(self._place, _LAYOUT, BUSY_TIMEOUT_S)
        weakref.finalize(self, close_in, os.getpid(), connection)
        return connection

    def _explained(self, error: DatabaseError) -> Exception:
        if is_damaged(error):
            return CorruptDataError(
                f"{self._place} is no SQLite database, or a damaged one ({error}); if it is a cache, delete the file: "
                "its values are then computed again"
            )
        error.add_note(f"Cascade: while using the cache in {self._place}")
        return error


__all__ = ["BUSY_TIMEOUT_S", "SCHEMA_VERSION", "CacheEntry", "SqliteCache"]
