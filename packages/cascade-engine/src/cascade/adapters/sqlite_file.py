"""Databases of SQLite that belong to Cascade: how they are made, known again, migrated, and what their errors mean.

All are in WAL mode: readers do not wait for the writer. A file is for its owner only (mode 0600), because what it holds
is read back as truth. Its application id says what it is, its user version how it is laid out. A layout is the sum of
its migrations: a file of an older version gets those that it lacks when it is opened, in one transaction; a file of a
newer version is refused, and nothing is changed in it.

Not for network file systems: SQLite's locks do not work there.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from cascade.spec.errors import CorruptDataError

if TYPE_CHECKING:
    from sqlite3 import Connection

_CREATING: Final = threading.Lock()


class Layout(NamedTuple):
    """What a kind of file is and how it is laid out.

    Attributes:
        application_id: By this the file is known.
        migrations: For each version, from 1, the statements that make it of the version before.
        page_size: Bytes of a page of a new file; 0 leaves that to SQLite.
    """

    application_id: int
    migrations: Sequence[Sequence[str]]
    page_size: int = 0


def open_database(place: str, layout: Layout, timeout_s: float) -> Connection:
    """Open a database, and make or migrate it if need be. In autocommit mode, for any thread, one at a time.

    Args:
        place: The file; it is made if there is none, its folder is not.
        layout: What it is to be.
        timeout_s: Seconds to wait for other processes.

    Raises:
        CorruptDataError: The file is of another program, or of a newer version.
        sqlite3.Error: It is damaged, locked, or cannot be used for another reason.
    """
    import sqlite3

    _create_file(place)
    connection = sqlite3.connect(place, timeout=timeout_s, isolation_level=None, check_same_thread=False)
    try:
        if _version(connection, place, layout) < len(layout.migrations):
            _migrate(connection, place, layout)
        _begin_wal(connection, timeout_s)
        # The last changes may be lost with the power, never the file.
        connection.execute("PRAGMA synchronous = NORMAL")
    except BaseException:
        connection.close()
        raise
    return connection


def is_damaged(error: Exception) -> bool:
    """Whether an error of SQLite says that the file is no database, or a damaged one."""
    from sqlite3 import SQLITE_CORRUPT, SQLITE_NOTADB

    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (SQLITE_CORRUPT, SQLITE_NOTADB)


def close_in(process: int, connection: Connection) -> None:
    """Close a connection; in a fork of the process that it belongs to, keep it for ever instead.

    SQLite must not close in a fork what its parent has opened, and a connection that is freed is closed. No list would
    hold it to the end: what modules refer to is freed when the process ends.
    """
    if process == os.getpid():
        connection.close()
        return
    import ctypes

    ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))


def _create_file(place: str) -> None:
    """Make an empty file of mode 0600: SQLite gives its own files beside it the same mode.

    An existing file is never opened here: closing it again would drop the locks that SQLite has on it.
    """
    with _CREATING:
        try:
            os.close(os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            pass


def _migrate(connection: Connection, place: str, layout: Layout) -> None:
    if layout.page_size:
        connection.execute(f"PRAGMA page_size = {layout.page_size}")  # of no effect on a file that is not empty
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Again: another process may have been quicker.
        for statements in layout.migrations[_version(connection, place, layout) :]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {layout.application_id}")
        connection.execute(f"PRAGMA user_version = {len(layout.migrations)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _version(connection: Connection, place: str, layout: Layout) -> int:
    """The version of the file; 0 if it is empty.

    Raises:
        CorruptDataError: The file is of another program, or of a newer version.
    """
    application, version, tables = connection.execute(
        "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_master) "
        "FROM pragma_application_id, pragma_user_version"
    ).fetchone()
    if application != layout.application_id and (application or version or tables):
        raise CorruptDataError(f"{place} is the database of another program; choose another path")
    if version > len(layout.migrations):
        raise CorruptDataError(
            f"{place} was written by a newer version of Cascade (schema {version}, and this one knows "
            f"{len(layout.migrations)}); use that version, or another path"
        )
    return int(version)


def _begin_wal(connection: Connection, timeout_s: float) -> None:
    """Switch to WAL mode, once in the life of the file. SQLite does not wait for others here, so this does."""
    from sqlite3 import OperationalError

    give_up_at = time.monotonic() + timeout_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except OperationalError:
            if time.monotonic() > give_up_at:
                raise
            time.sleep(0.01)


__all__ = ["Layout", "close_in", "is_damaged", "open_database"]
