"""`SqliteWriter`: the connections and the thread with which a `SqliteStateStore` works on its file.

Two connections do the work:

* the *direct* one, for `SqliteWriter.try_now` in the thread of the event loop. It never waits: it gives up when another
  thread uses it or another process is writing (no busy timeout), when the disk is to be flushed, and when the log is to
  be emptied.
* that of the *thread*, for everything else. It takes all changes that are waiting into one transaction, so many runs
  that wait for a disk share its flushes. It also copies the log back into the file when that has grown (checkpoints of
  SQLite, which flush), so the log stays below some megabytes however long a loop runs.

The thread refers to the writer and never to the store, but for the work that it is doing. So a store that nobody closes
is let go like any other object, and then says so to the thread, which closes the file and ends.
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
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

from cascade.adapters.sqlite_file import Layout, close_in, is_damaged, open_database
from cascade.spec.errors import CorruptDataError, LeaseLostError, RunHeldError, StateStoreError

if TYPE_CHECKING:
    from sqlite3 import Connection

T = TypeVar("T")

BUSY_TIMEOUT_S: Final = 10.0
"""Seconds that a change waits for other processes to finish theirs."""

LOG_LIMIT_BYTES: Final = 1 << 22
"""When the log has grown by about so many bytes, it is copied into the file."""

_LARGE_BYTES: Final = 1 << 18
"""Changes of more bytes take so long to copy that they are no work for the thread of an event loop."""


@dataclass(slots=True, eq=False)
class _Job:
    """Work for the thread. Jobs that only change runs are done together in one transaction."""

    work: Callable[[Connection], Any]
    is_change: bool
    done: Future[Any] = field(default_factory=Future)


_Jobs = SimpleQueue[_Job | None]
"""What a thread has to do; ``None`` is the end."""


class SqliteWriter:
    """Works on one file.

    Args:
        place: The file; it is made if there is none, its folder is not.
        layout: How it is laid out.
        synchronous: ``"NORMAL"`` or ``"FULL"``.
    """

    def __init__(self, place: str, layout: Layout, synchronous: str) -> None:
        self._place = place
        self._layout = layout
        self._synchronous = synchronous
        self._lock = threading.Lock()
        """Held by whoever uses the direct connection."""
        self._direct: Connection | None = None
        self._log_bytes = 0
        self._jobs: _Jobs = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._process = os.getpid()

    async def do(self, work: Callable[[Connection], T]) -> T:
        """Do something in the thread, outside a transaction."""
        result: T = await self._do(_Job(work, False))
        return result

    async def change(self, work: Callable[[Connection], T], size_bytes: int = 0) -> T:
        """Change something in the thread, together with what others change."""
        self._log_bytes += size_bytes + self._layout.page_size
        result: T = await self._do(_Job(work, True))
        return result

    def try_now(self, work: Callable[[Connection], None], size_bytes: int) -> bool:
        """Change something in this thread, if that takes no waiting; whether it was done."""
        if self._direct is None or self._synchronous == "FULL" or self._process != os.getpid():
            return False
        if size_bytes > _LARGE_BYTES or not self._lock.acquire(blocking=False):
            return False
        try:
            if self._direct is None or self._log_bytes > LOG_LIMIT_BYTES:
                return False
            self._log_bytes += size_bytes + self._layout.page_size
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

    async def close(self) -> None:
        """Empty the log, close the file and end the thread. The writer may be used again afterwards."""
        thread = self.end()
        if thread is not None:
            await asyncio.to_thread(thread.join)

    def end(self) -> threading.Thread | None:
        """Let the thread end when it has done what it was given. Never waits.

        Returns:
            The thread, if there is one.
        """
        if self._process != os.getpid():
            return None  # it is the parent's
        with self._starting:
            thread, self._thread = self._thread, None
            if thread is not None:
                self._jobs.put(None)
        return thread

    async def _do(self, job: _Job) -> Any:
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
        return await asyncio.wrap_future(job.done)

    def _write(self, jobs: _Jobs) -> None:
        """The life of the thread: open the file with the first job, close it after the last."""
        opened: tuple[Connection, Connection] | None = None
        try:
            while (job := jobs.get()) is not None or not jobs.empty():
                if job is None:  # before a job that was put back
                    jobs.put(None)
                    continue
                opened = self._work_off(job, jobs, opened)
                del job  # it refers to the store
        finally:
            if opened is not None:
                connection, direct = opened
                with self._lock:
                    direct.close()
                    if self._direct is direct:
                        self._direct = None
                connection.close()  # the last one of all processes copies the log back and removes it

    def _work_off(
        self, job: _Job, jobs: _Jobs, opened: tuple[Connection, Connection] | None
    ) -> tuple[Connection, Connection] | None:
        """Do a job, and all others that can be done with it."""
        if not job.done.set_running_or_notify_cancel():
            return opened
        taken = [job]
        try:
            if opened is None:
                opened = self._open()
            connection = opened[0]
            if job.is_change:
                _take_changes(taken, jobs)
                _change_together(connection, taken)
            else:
                job.done.set_result(job.work(connection))
            if self._log_bytes > LOG_LIMIT_BYTES:
                self._empty_log(connection)
        except BaseException as error:
            explained = self._explained(error)
            for failed in taken:
                if not failed.done.done():
                    failed.done.set_exception(explained)
        return opened

    def _open(self) -> tuple[Connection, Connection]:
        """The connection of the thread, and the direct one."""
        opened: list[Connection] = []
        try:
            for timeout_s in (BUSY_TIMEOUT_S, 0.0):
                opened.append(open_database(self._place, self._layout, timeout_s))
                opened[-1].execute("PRAGMA wal_autocheckpoint = 0")
            connection, direct = opened
            connection.execute(f"PRAGMA synchronous = {self._synchronous}")
        except BaseException:
            for each in opened:
                each.close()
            raise
        for each in opened:
            weakref.finalize(self, close_in, os.getpid(), each)
        with self._lock:
            self._direct, self._log_bytes = direct, self._log_size()
        return connection, direct

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
        elif code == sqlite3.SQLITE_CANTOPEN:
            what = "it is a folder, or a file that you may not read and write"
        raise StateStoreError(f"the state store {self._place} cannot be used: {what}") from error


def _take_changes(taken: list[_Job], jobs: _Jobs) -> None:
    """Add the changes that are waiting, too."""
    while True:
        try:
            job = jobs.get_nowait()
        except Empty:
            return
        if job is None or not job.is_change:
            jobs.put(job)  # it comes later than it might, but after all that its caller has waited for
            return
        if job.done.set_running_or_notify_cancel():
            taken.append(job)


def _change_together(connection: Connection, jobs: list[_Job]) -> None:
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


def _is_busy(error: Exception) -> bool:
    from sqlite3 import SQLITE_BUSY, SQLITE_LOCKED

    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (SQLITE_BUSY, SQLITE_LOCKED)


__all__ = ["BUSY_TIMEOUT_S", "LOG_LIMIT_BYTES", "SqliteWriter"]
