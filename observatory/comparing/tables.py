"""A comparison as tables for the terminal: what each engine takes, with what a reader should know, and the ratios."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table

from observatory.comparing.peers import Declared
from observatory.comparing.running import Cell, Comparison
from observatory.comparing.workloads import Workload
from observatory.keys import CASCADE, Key
from observatory.tables import number, quantity


def tables(
    comparison: Comparison, chosen: Sequence[Declared], workloads: Sequence[Workload]
) -> Iterator[RenderableType]:
    """One table a workload, and that of the ratios at the end."""
    medians = {key: median(values) for key, values in comparison.results.values.items()}
    for workload in workloads:
        yield Group(f"{workload.name}: {workload.about}", _workload_table(workload, comparison, chosen, medians))
    title = "How many times as long as Cascade; memory: bytes a step"
    yield Group(title, _ratio_table(comparison, chosen, workloads, medians))


def _ratio_table(
    comparison: Comparison, chosen: Sequence[Declared], workloads: Sequence[Workload], medians: Mapping[Key, float]
) -> Table:
    """How many times as much as Cascade each engine takes; for the memory what a step leaves behind."""
    table = _table()
    table.add_column("")
    for workload in workloads:
        table.add_column(workload.label.replace("_", " "), justify="right")
    for declared in chosen:
        if declared.name in comparison.missing:
            continue
        cells = [
            _ratio_cell(Cell(declared.name, workload.name), workload, comparison, medians) for workload in workloads
        ]
        table.add_row(declared.peer.title, *cells)
    return table


def remarks(comparison: Comparison, chosen: Sequence[Declared]) -> Iterator[str]:
    """A line for each peer: its version and settings, or why it is missing."""
    for declared in chosen:
        if declared.name in comparison.missing:
            yield f"{declared.peer.title}: {comparison.missing[declared.name]}"
        else:
            version = comparison.versions.get(declared.name, "of unknown version")
            yield f"{declared.peer.title} {version}: {declared.peer.about}"


def _workload_table(
    workload: Workload, comparison: Comparison, chosen: Sequence[Declared], medians: Mapping[Key, float]
) -> Table:
    """The engines from the fastest to the slowest, and then those without a value.

    The ratio is that of the medians, and beside it stands that of the best values, which other programs on the machine
    disturb least.
    """
    table = _table()
    table.add_column("", no_wrap=True)
    table.add_column("median", justify="right", no_wrap=True)
    table.add_column("÷ Cascade", justify="right", no_wrap=True)
    table.add_column("of the best", justify="right", no_wrap=True)
    table.add_column("")
    present = [declared for declared in chosen if declared.name not in comparison.missing]
    values = comparison.results.values
    own = medians.get(Key(workload.name, CASCADE))
    measured = [declared for declared in present if Key(workload.name, declared.name) in medians]
    for declared in sorted(measured, key=lambda one: medians[Key(workload.name, one.name)]):
        key = Key(workload.name, declared.name)
        ratio = best = ""
        if own and not workload.is_memory:
            ratio = number(medians[key] / own)
            best = number(min(values[key]) / min(values[Key(workload.name, CASCADE)]))
        note = getattr(declared.peer.workloads[workload.name], "note", "")
        table.add_row(declared.peer.title, _amount(medians[key], workload), ratio, best, note)
    for declared in present:
        cell = Cell(declared.name, workload.name)
        if cell in comparison.failed:
            table.add_row(declared.peer.title, "failed", "", "", comparison.failed[cell])
        elif cell in comparison.cannot:
            table.add_row(declared.peer.title, "cannot", "", "", comparison.cannot[cell])
    return table


def _ratio_cell(cell: Cell, workload: Workload, comparison: Comparison, medians: Mapping[Key, float]) -> str:
    value, own = medians.get(Key(cell.workload, cell.peer)), medians.get(Key(cell.workload, CASCADE))
    if value is None:
        return "failed" if cell in comparison.failed else "cannot"
    if workload.is_memory:
        return number(value)
    return number(value / own) if own else ""


def _amount(value: float, workload: Workload) -> str:
    return f"{number(value)} B" if workload.is_memory else quantity(value, "second")


def _table() -> Table:
    return Table(box=box.SIMPLE, pad_edge=False)


__all__ = ["remarks", "tables"]
