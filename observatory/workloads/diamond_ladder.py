"""A ladder of diamonds: each rung is used twice by the next. There are 2 to the power of its rungs ways through it.

Measured: that a call which is used twice is one node; an engine that follows every way does not end. The floor creates
the same lazy results and calls the same bare functions.
"""

from __future__ import annotations

from collections.abc import Callable

from observatory.timing import Workload, series
from observatory.workloads.graphs import SIZES, bare_deepest, deepest

RUNG: int = 3


def climb(make: Callable[..., int], size: int) -> int:
    """Go up: two calls take the one below, and the next takes the two."""
    below = make()
    for _ in range(size // RUNG):
        below = make(make(below), make(below))
    return below


def floor(size: int) -> int:
    """Create and call."""
    climb(deepest, size)
    return climb(bare_deepest, size)


EXPERIMENT = series(
    "graphs/diamond_ladder",
    Workload(
        "a node of a ladder of diamonds; floor: creating and calling",
        call=lambda size: climb(deepest, size),
        answer=lambda size: 1 + 2 * (size // RUNG),
        floor=floor,
    ),
    SIZES,
)
