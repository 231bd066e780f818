"""Results and claims as tables for the terminal."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median

from rich import box
from rich.table import Table
from rich.text import Text

from observatory.claims import Claim
from observatory.keys import CASCADE, Key, in_order
from observatory.results import Results

COLOURS = {"pass": "green", "SHORT": "bold red", "": ""}


def claims_table(title: str, claims: Iterable[Claim], results: Results) -> Table:
    """The figures that can be computed, with bar and verdict."""
    table = Table(title=title, title_justify="left", box=box.SIMPLE, pad_edge=False)
    table.add_column("figure", min_width=24)
    table.add_column("median", justify="right", no_wrap=True)
    table.add_column("bar")
    table.add_column("")
    table.add_column("quartiles", justify="right")
    table.add_column("of the best", justify="right")
    values = results.values
    for claim in claims:
        figure = claim.figure(values)
        if figure is not None:
            table.add_row(
                figure.text,
                f"{short(figure.value)} {figure.unit}",
                figure.bar,
                Text(figure.verdict, COLOURS[figure.verdict]),
                f"{short(figure.low)} … {short(figure.high)}",
                short(figure.best),
            )
    return table


def benchmarks_table(results: Results) -> Table:
    """The median of every benchmark: one column a subject; behind it how many times as much Cascade takes."""
    values, subjects = results.values, in_order(results.subjects)
    table = Table("benchmark", title_justify="left", box=box.SIMPLE, pad_edge=False)
    for subject in subjects:
        table.add_column(subject if subject == CASCADE else f"{subject}  cascade ÷", justify="right")
    largest = {benchmark.series: benchmark.size for benchmark in results.benchmarks.values()}
    for benchmark in results.benchmarks.values():
        if benchmark.unit != "second" and benchmark.size != largest[benchmark.series]:
            continue  # a curve of memory is told by its slope
        own = values.get(Key(benchmark.name, CASCADE), [])
        cells = []
        for subject in subjects:
            found = values.get(Key(benchmark.name, subject))
            if found is None:
                cells.append("")
                continue
            has_ratio = subject != CASCADE and own and median(found)  # nothing is a multiple of a zero
            ratio = f"  {number(median(own) / median(found)):>5}" if has_ratio else ""
            cells.append(quantity(median(found), benchmark.unit) + ratio)
        table.add_row(benchmark.name, *cells)
    return table


def number(value: float) -> str:
    """Three significant digits, thousands apart."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 0.1 else f"{value:.{1 if value >= 10 else 2}f}"


def short(value: float) -> str:
    """A figure of a report: thousands and millions are written so, because there are many of them in a second."""
    return f"{value / 1e6:.2f} M" if value >= 1e6 else number(value)


def quantity(value: float, unit: str) -> str:
    """A value with its unit, scaled to be read."""
    scales: list[tuple[float, str]] = []
    if unit == "byte":
        scales = [(2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")]
    elif unit == "second":
        scales = [(1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")]
    for scale, name in scales:
        if abs(value) >= scale:
            return f"{number(value / scale)} {name}"
    return number(value)


__all__ = ["benchmarks_table", "claims_table", "number", "quantity"]
