"""Places on paper: bars on a scale of powers of ten, and curves as SVG paths."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from observatory.report.contents import Curve, Group, Series
from observatory.tables import number, quantity

TIMES: Final = "\N{MULTIPLICATION SIGN}"
WIDTH: Final = 360
HEIGHT: Final = 220
LEFT: Final = 62
RIGHT: Final = 14
TOP: Final = 12
BOTTOM: Final = 34


class Tick(NamedTuple):
    """A mark on an axis: where, and what it says."""

    at: float
    text: str


class DrawnBar(NamedTuple):
    """A bar: where it begins and how long it is, in per cent of the scale."""

    subject: str
    start: float
    width: float
    ratio: str
    value: str


class DrawnGroup(NamedTuple):
    """A group with its bars."""

    group: Group
    bars: list[DrawnBar]


class Bars(NamedTuple):
    """The groups of a section on one scale."""

    ticks: list[Tick]
    groups: list[DrawnGroup]


class Line(NamedTuple):
    """A curve as a path, with its points and what they say."""

    subject: str
    path: str
    points: list[tuple[float, float, str]]


class Chart(NamedTuple):
    """A series on its axes."""

    series: Series
    across: list[Tick]
    up: list[Tick]
    lines: list[Line]


def bars(groups: Sequence[Group]) -> Bars:
    """All groups on the scale that holds them."""
    ratios = [bar.ratio for group in groups for bar in group.bars if bar.ratio > 0] or [1.0]
    low = min(0, math.floor(math.log10(min(ratios)) + 0.3))
    high = max(1, math.ceil(math.log10(max(ratios)) - 1e-9))

    def place(ratio: float) -> float:
        return (math.log10(ratio) - low) / (high - low) * 100

    drawn = [
        DrawnGroup(
            group,
            [
                DrawnBar(
                    bar.subject,
                    min(place(1), place(bar.ratio)),
                    abs(place(bar.ratio) - place(1)),
                    f"{number(bar.ratio)}{TIMES}",
                    quantity(bar.value, group.benchmark.unit),
                )
                for bar in group.bars
                if bar.ratio > 0
            ],
        )
        for group in groups
    ]
    ticks = [Tick(place(10.0**power), f"{10.0**power:g}{TIMES}") for power in range(low, high + 1)]
    return Bars(ticks, drawn)


def chart(series: Series) -> Chart:
    """A series of times on two scales of powers of ten; of anything else over a plain scale that begins at 0."""
    sizes = [size for curve in series.curves for size, _ in curve.points]
    values = [value for curve in series.curves for _, value in curve.points]
    across, across_ticks = _powers(min(sizes), max(sizes), LEFT, WIDTH - RIGHT, lambda size: f"{size:,.0f}")
    unit = series.benchmark.unit
    if unit == "second":
        up, up_ticks = _powers(min(values), max(values), HEIGHT - BOTTOM, TOP, lambda value: quantity(value, unit))
    else:
        up, up_ticks = _plain(max(values), HEIGHT - BOTTOM, TOP, lambda value: quantity(value, unit))
    lines = [_line(curve, across, up, unit) for curve in series.curves]
    return Chart(series, across_ticks, up_ticks, lines)


def _line(curve: Curve, across: Callable[[float], float], up: Callable[[float], float], unit: str) -> Line:
    points = [
        (round(across(size), 1), round(up(value), 1), f"{curve.subject}, {size:,.0f}: {quantity(value, unit)}")
        for size, value in curve.points
    ]
    return Line(curve.subject, "M" + " L".join(f"{x},{y}" for x, y, _ in points), points)


def _powers(
    least: float, most: float, start: float, end: float, words: Callable[[float], str]
) -> tuple[Callable[[float], float], list[Tick]]:
    low, high = math.floor(math.log10(least) + 1e-9), math.ceil(math.log10(most) - 1e-9)
    high = max(high, low + 1)

    def place(value: float) -> float:
        return start + (math.log10(value) - low) / (high - low) * (end - start)

    return place, [Tick(place(10.0**power), words(10.0**power)) for power in range(low, high + 1)]


def _plain(
    most: float, start: float, end: float, words: Callable[[float], str]
) -> tuple[Callable[[float], float], list[Tick]]:
    top = most * 1.1 or 1.0

    def place(value: float) -> float:
        return start + value / top * (end - start)

    return place, [Tick(place(value), words(value)) for value in (0.0, most / 2, most)]


__all__ = ["HEIGHT", "LEFT", "RIGHT", "WIDTH", "Bars", "Chart", "bars", "chart"]
