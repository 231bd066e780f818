"""A loop with one no-op task nested into each step: two nodes a step.

The floor creates the same lazy results and calls the same bare functions, without any engine.
"""

from __future__ import annotations

from typing import Any

from observatory.timing import Workload, loop
from observatory.workloads.common import done, inline, noop


@inline
def complex_countdown(n: int, _x: int = 0) -> str:
    """One nested no-op."""
    return "done" if n <= 0 else complex_countdown(n - 1, noop(n))


def floor(n: int) -> Any:
    """Create and call."""
    body, nothing = complex_countdown.fn, noop.fn
    value: Any = None
    while n >= 0:
        value = body(n)
        nothing(n)
        n -= 1
    return value


EXPERIMENT = loop(
    "tco/complex_countdown",
    Workload(
        "one no-op nested into each step; floor: creating and calling",
        call=complex_countdown,
        answer=done,
        floor=floor,
    ),
)
