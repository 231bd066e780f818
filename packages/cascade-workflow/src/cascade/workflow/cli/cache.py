"""``cascade cache``: look into the database of a `SqliteCache`, and empty it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.table import Table

from cascade.adapters.caches.sqlite import SqliteCache
from cascade.spec.errors import CascadeError
from cascade.workflow.cli.faults import bad_input

_EXISTING: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def cache() -> None:
    """List or delete the results in a cache file."""


@cache.command("ls")
@click.argument("file", type=_EXISTING)
def ls(file: Path) -> None:
    """List the results in FILE, the database of a SqliteCache."""
    with _opened(file) as opened:
        entries = opened.entries()
    table = Table(box=None, pad_edge=False)
    table.add_column("TASK", no_wrap=True)
    for heading in ("AGE", "TTL", "BYTES"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("KEY", no_wrap=True)
    for entry in entries:
        ttl = "-" if entry.ttl_s is None else "expired" if entry.ttl_s <= 0 else _duration(entry.ttl_s)
        table.add_row(entry.task, _duration(entry.age_s), ttl, f"{entry.size_bytes:,}", entry.key[:16])
    console = Console(highlight=False)
    if entries:
        console.print(table)
    console.print(f"{len(entries)} results, {sum(entry.size_bytes for entry in entries):,} bytes")


@cache.command("clear")
@click.argument("file", type=_EXISTING)
@click.option("--task", help="Only the results of this task, by its qualified name as ls shows it.")
@click.option("--expired", "expired_only", is_flag=True, help="Only results whose time to live is over.")
def clear(file: Path, task: str | None, expired_only: bool) -> None:
    """Delete the results in FILE, the database of a SqliteCache."""
    with _opened(file) as opened:
        count = opened.clear(task, expired_only=expired_only)
    click.echo(f"{count} results deleted")


@contextmanager
def _opened(file: Path) -> Iterator[SqliteCache]:
    try:
        with SqliteCache(file) as opened:
            yield opened
    except (CascadeError, OSError, sqlite3.Error) as error:
        raise bad_input(str(error), error) from None


def _duration(seconds: float) -> str:
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


__all__ = ["cache"]
