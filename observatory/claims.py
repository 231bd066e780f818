"""Claims: the figures of a report, each with the bar that it is held against.

A claim is computed from results, never kept with them: a report of old results holds them against the bars of today.
Values that were measured in turns are set against each other round by round, and the figure is the median of that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Literal, NamedTuple, TypeAlias

from observatory.keys import FLOOR, Key

Values: TypeAlias = Mapping[Key, Sequence[float]]
"""The values of each benchmark of each subject, in the order in which they were measured."""
Verdict = Literal["pass", "SHORT", ""]


class Figure(NamedTuple):
    """One number of a report.

    Attributes:
        text: What it is.
        value: The median, or the worst round if the claim is about that.
        low: The lower quartile of the rounds.
        high: Their upper quartile.
        best: The same of the best value of each side: what it is when nothing else disturbs the machine.
        unit: ``"x"`` for a ratio.
        bar: The bar in words; empty where there is none.
        verdict: Whether the bar is held.
    """

    text: str
    value: float
    low: float
    high: float
    best: float
    unit: str
    bar: str
    verdict: Verdict


@dataclass(frozen=True)
class Claim:
    """A figure that is computed from results.

    Attributes:
        text: What it is.
        keys: The results that it takes.
        compute: Makes the figure of one round from their values.
        unit: Its unit.
        at_most: The bar.
        at_least: The bar of a figure that should be high.
        only_if: A claim without which the bar says nothing about this machine.
        summary: Makes one figure of those of all rounds.
    """

    text: str
    keys: tuple[Key, ...]
    compute: Callable[..., float] = field(repr=False)
    unit: str
    at_most: float | None = None
    at_least: float | None = None
    only_if: Claim | None = None
    summary: Callable[[Sequence[float]], float] = field(default=median, repr=False)

    def figure(self, values: Values) -> Figure | None:
        """The figure, or ``None`` if something that it needs was not measured."""
        if not all(values.get(key) for key in self.keys):
            return None
        columns = [values[key] for key in self.keys]
        if len({len(column) for column in columns}) > 1:  # not measured in turns
            columns = [[median(column)] for column in columns]
        rounds = sorted(self.compute(*row) for row in zip(*columns, strict=True))
        value = self.summary(rounds)
        low, high = rounds[len(rounds) // 4], rounds[-1 - len(rounds) // 4]
        best = self.compute(*(min(column) for column in columns))
        bar, verdict = self._judge(value)
        if self.only_if is not None and not self.only_if.holds(values):
            verdict = ""
        return Figure(self.text, value, low, high, best, self.unit, bar, verdict)

    def holds(self, values: Values) -> bool:
        """Whether the bar is held."""
        figure = self.figure(values)
        return figure is not None and figure.verdict == "pass"

    def _judge(self, value: float) -> tuple[str, Verdict]:
        if self.at_most is not None:
            return f"at most {self.at_most:,g}", "pass" if value <= self.at_most else "SHORT"
        if self.at_least is not None:
            return f"at least {self.at_least:,g}", "pass" if value >= self.at_least else "SHORT"
        return "", ""


def ratio(text: str, above: Key, below: Key, at_most: float | None = None) -> Claim:
    """How many times as much one takes as the other."""
    return Claim(text, (above, below), lambda a, b: a / b, "x", at_most)


def over_floor(text: str, benchmark: str, at_most: float | None = None) -> Claim:
    """How many times as much a benchmark of Cascade takes as its floor."""
    return ratio(text, Key(benchmark), Key(benchmark, FLOOR), at_most)


def extra_us(text: str, benchmark: str, at_most: float | None = None) -> Claim:
    """How many microseconds a benchmark of Cascade takes more than its floor."""
    keys = Key(benchmark), Key(benchmark, FLOOR)
    return Claim(text, keys, lambda a, b: (a - b) * 1e6, "us", at_most)


def cost(text: str, key: Key, unit: Literal["us", "ms", "s", "MiB", "steps"], at_most: float | None = None) -> Claim:
    """What one takes."""
    scale = {"us": 1e6, "ms": 1e3, "s": 1.0, "MiB": 1 / 2**20, "steps": 1.0}[unit]
    return Claim(text, (key,), lambda value: value * scale, unit, at_most)


def rate(text: str, key: Key, at_least: float | None = None, only_if: Claim | None = None) -> Claim:
    """How many there are in a second."""
    return Claim(text, (key,), lambda value: 1 / value, "/s", at_least=at_least, only_if=only_if)


def worst(claim: Claim) -> Claim:
    """The same figure of the worst round in place of the median one, where a single bad one is one too many."""
    return replace(claim, summary=max)


__all__ = ["Claim", "Figure", "Values", "Verdict", "cost", "extra_us", "over_floor", "rate", "ratio", "worst"]
