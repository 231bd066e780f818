"""How a value grows over a series of sizes: claims on slopes and on exponents.

Every process gives one curve, so one slope; the processes are independent of each other, so their mean has an honest
confidence interval (Student's t). The points of one curve are not independent, which is why no interval is computed
from the scatter of the points around one line.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, linear_regression, stdev
from typing import Final

from observatory.claims import Claim, Figure, Values
from observatory.keys import CASCADE, Key

T_975: Final = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
"""Student's t for a two-sided 95 % interval, with 1, 2, … degrees of freedom (any table of statistics)."""


@dataclass(frozen=True)
class SlopeClaim(Claim):
    """How much a value grows with every step.

    ``low`` and ``high`` of its figure are the ends of the 95 % confidence interval of the mean slope, or the slope
    itself if there is only one process. The bar is held if the *upper end* is below it.
    """

    def figure(self, values: Values) -> Figure | None:
        """The mean slope of the processes."""
        if not all(values.get(key) for key in self.keys):
            return None
        slopes = [self.compute(*row) for row in zip(*(values[key] for key in self.keys), strict=True)]
        mean = fmean(slopes)
        half = half_interval(slopes)
        bar, verdict = self._judge(mean + half)
        return Figure(self.text, mean, mean - half, mean + half, min(slopes, key=abs), self.unit, bar, verdict)


def half_interval(sample: Sequence[float]) -> float:
    """Half the 95 % confidence interval of the mean; 0 for a single value."""
    if len(sample) < 2:
        return 0.0
    freedom = len(sample) - 1
    t = T_975[freedom - 1] if freedom <= len(T_975) else 1.96 + 2.5 / freedom
    return t * stdev(sample) / math.sqrt(len(sample))


def slope_of(
    text: str, keys: Sequence[Key], sizes: Sequence[int], unit: str, at_most: float | None = None
) -> SlopeClaim:
    """How much a series grows with every step, from the first size to the last.

    Args:
        text: What it is.
        keys: Its benchmarks, one a size.
        sizes: All of them.
        unit: The unit of the slope.
        at_most: What the upper end of its confidence interval may be.
    """
    return SlopeClaim(text, tuple(keys), lambda *row: linear_regression(sizes, row).slope, unit, at_most)


def exponent(
    text: str, series: str, sizes: Sequence[int], at_most: float | None = None, subject: str = CASCADE
) -> Claim:
    """The exponent e of a total cost that grows like size ** e: 1 is linear. The series holds the cost of one."""
    logs = [math.log(size) for size in sizes]
    keys = tuple(Key(f"{series}/{size}", subject) for size in sizes)

    def compute(*row: float) -> float:
        return 1 + linear_regression(logs, [math.log(value) for value in row]).slope

    return Claim(text, keys, compute, "", at_most)


__all__ = ["SlopeClaim", "exponent", "half_interval", "slope_of"]
