"""How peers on SQLAlchemy commit to a file of SQLite, where they leave that to SQLAlchemy's own settings."""

from __future__ import annotations

import sqlite3
from typing import Any


def commit_through_sqlalchemy(file: str, synchronous: str) -> None:
    """Put a file into WAL mode, and let all connections commit in this way.

    The event is the one that SQLAlchemy documents for such settings.
    """
    from sqlalchemy import Engine, event

    def set_it(connection: Any, _record: Any) -> None:
        connection.execute(f"PRAGMA synchronous={synchronous}")

    event.listen(Engine, "connect", set_it)
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.close()


__all__ = ["commit_through_sqlalchemy"]
