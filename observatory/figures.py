"""`Figure`: one measured number with the bar that it is held against."""

from __future__ import annotations

from typing import NamedTuple


class Figure(NamedTuple):
    """One line of the report.

    Attributes:
        name: What was measured.
        value: The median.
        unit: Its unit.
        bar: What it may be at most; ``None`` where there is no bar.
    """

    name: str
    value: float
    unit: str
    bar: float | None

    def __str__(self) -> str:
        verdict = "" if self.bar is None else f"  at most {self.bar:g}: {'pass' if self.value <= self.bar else 'SHORT'}"
        return f"{self.name:<44} {self.value:9.2f} {self.unit:<3}{verdict}"


__all__ = ["Figure"]
