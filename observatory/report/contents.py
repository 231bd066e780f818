"""What a report says, before it is set: sections with figures, bars and curves.

Bars show how many times as much each subject takes as the floor (as Cascade, where there is no floor), on a scale of
powers of ten. Curves show a series over its sizes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from statistics import median
from typing import NamedTuple

from observatory.claims import Figure, ratio
from observatory.comparing.claims import SUITE as comparisons
from observatory.declaring import Benchmark, Suite
from observatory.keys import CASCADE, FLOOR, Key, in_order
from observatory.results import Results

ABOUT_MACHINE = (
    "date",
    "commit",
    "effort",
    "python_version",
    "platform",
    "cpu_model_name",
    "cpu_count",
    "load_avg_1min",
)


class Bar(NamedTuple):
    """A subject beside others.

    Attributes:
        subject: Who.
        value: The median, in the unit of the benchmark.
        ratio: How many times as much as the base of the group, round by round where both were measured in turns.
    """

    subject: str
    value: float
    ratio: float


class Group(NamedTuple):
    """The subjects of one benchmark.

    Attributes:
        benchmark: What was measured.
        base: What the ratios are to.
        bars: The subjects.
        only: What ``observatory run --only`` takes to measure it again.
    """

    benchmark: Benchmark
    base: str
    bars: list[Bar]
    only: str

    @property
    def is_comparison(self) -> bool:
        """Whether there are several subjects."""
        return len(self.bars) > 1


class Curve(NamedTuple):
    """One subject over the sizes of a series: pairs of a size and the median there."""

    subject: str
    points: list[tuple[float, float]]


class Series(NamedTuple):
    """A series and its curves."""

    name: str
    benchmark: Benchmark
    curves: list[Curve]


class Section(NamedTuple):
    """One part of the report.

    Attributes:
        name: The first part of the names of its benchmarks.
        title: What it is about.
        command: What measures it again.
        figures: Claims and other figures.
        groups: Benchmarks that stand alone.
        series: Benchmarks over their sizes.
    """

    name: str
    title: str
    command: str
    figures: list[Figure]
    groups: list[Group]
    series: list[Series]


def sections(results: Results, suites: Iterable[Suite]) -> list[Section]:
    """The sections in the order of the suites; what no suite declares follows."""
    known = {suite.name: suite for suite in suites}
    names = list(dict.fromkeys(benchmark.name.partition("/")[0] for benchmark in results.benchmarks.values()))
    made = []
    for name in [*(name for name in known if name in names), *(name for name in names if name not in known)]:
        suite = known.get(name)
        benchmarks = [one for one in results.benchmarks.values() if one.name.partition("/")[0] == name]
        made.append(
            Section(
                name,
                suite.about if suite else "other engines and results",
                "observatory compare" if suite in (None, comparisons) else f"observatory run {name}",
                [] if suite is None else [found for one in suite.claims if (found := one.figure(results.values))],
                [group for one in benchmarks if one.series is None for group in _group(one, results)],
                _series(benchmarks, results),
            )
        )
    return made


def machine(results: Results) -> list[tuple[str, str]]:
    """Where and when the results were measured."""
    found: dict[str, list[str]] = {name: [] for name in ABOUT_MACHINE}
    for metadata in results.metadata():
        for name, values in found.items():
            value = str(metadata.get(name, ""))
            if name == "date":
                value = value.partition(".")[0]
            if value and value not in values:
                values.append(value)
    shown = []
    for name, values in found.items():
        if name in ("date", "load_avg_1min") and len(values) > 1:
            ends = sorted(values, key=float if name == "load_avg_1min" else None)
            values = [f"{ends[0]} … {ends[-1]}"]
        if values:
            shown.append((name.replace("_", " "), ", ".join(values)))
    return shown


def _medians(benchmark: Benchmark, results: Results) -> dict[str, float]:
    values = results.values
    subjects = in_order(results.subjects)
    return {one: median(values[key]) for one in subjects if (key := Key(benchmark.name, one)) in values}


def _group(benchmark: Benchmark, results: Results) -> list[Group]:
    medians = _medians(benchmark, results)
    values = results.values
    # Nothing is a multiple of a zero, such as "no step was repeated".
    base = next((one for one in (FLOOR, CASCADE) if all(values.get(Key(benchmark.name, one), [0]))), None)
    if base is None:
        return []
    bars = []
    for subject, value in medians.items():
        figure = ratio("", Key(benchmark.name, subject), Key(benchmark.name, base)).figure(values)
        if figure is not None:
            bars.append(Bar(subject, value, figure.value))
    return [Group(benchmark, base, bars, benchmark.name)]


def _series(benchmarks: Sequence[Benchmark], results: Results) -> list[Series]:
    made = []
    for name in dict.fromkeys(one.series for one in benchmarks if one.series is not None):
        members = sorted((one for one in benchmarks if one.series == name), key=lambda one: one.size or 0)
        medians = {one.size or 0: _medians(one, results) for one in members}
        subjects = in_order(chain.from_iterable(medians.values()))
        curves = [
            Curve(subject, [(size, found[subject]) for size, found in medians.items() if subject in found])
            for subject in subjects
        ]
        made.append(Series(name, members[0], curves))
    return made


__all__ = ["Bar", "Curve", "Group", "Section", "Series", "machine", "sections"]
