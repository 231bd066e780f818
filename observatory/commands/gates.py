"""``observatory gates``: counts what does not depend on the machine, and holds it against the committed limits."""

from __future__ import annotations

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from observatory.gates import limits
from observatory.gates.measures import counts
from observatory.tables import number


@click.command()
@click.option("--refresh", is_flag=True, help="Replace the limits of this Python by what is counted now.")
def gates(refresh: bool) -> None:
    """Count calls, allocations, compilations and misses, and hold them against their limits.

    No clock is looked at, so the same limits hold on every machine.
    """
    counted = list(counts())
    table = Table("gate", box=box.SIMPLE, pad_edge=False)
    for column in ("count", "limit", ""):
        table.add_column(column, justify="right", no_wrap=True)
    held = limits.hold(counted, limits.read())
    for gate in held:
        limit = "none" if gate.limit is None else number(gate.limit)
        verdict = Text("open", "green") if gate.is_open else Text("CLOSED", "bold red")
        table.add_row(gate.name, number(gate.value), limit, verdict)
    Console().print(table)
    if refresh:
        limits.refresh(counted)
        click.echo(f"the limits of Python {limits.version()} are refreshed: {limits.FILE}")
    elif not all(gate.is_open for gate in held):
        raise SystemExit(1)


__all__ = ["gates"]
