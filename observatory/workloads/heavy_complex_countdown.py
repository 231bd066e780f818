"""A loop with a chain of eleven no-op tasks in each step: twelve nodes a step.

The floor creates the same lazy results and calls the same bare functions, without any engine.
"""

from __future__ import annotations

from typing import Any

from observatory.timing import Workload, loop
from observatory.workloads.common import CHAIN, done, inline, noop


@inline
def heavy_complex_countdown(n: int, _x: int = 0) -> str:
    """A chain of nested no-ops."""
    if n <= 0:
        return "done"
    x = noop(n)
    for _ in range(CHAIN - 1):
        x = noop(x)
    return heavy_complex_countdown(n - 1, x)


def floor(n: int) -> Any:
    """Create and call."""
    body, nothing = heavy_complex_countdown.fn, noop.fn
    value: Any = None
    while n >= 0:
        value = body(n)
        for _ in range(CHAIN):
            nothing(n)
        n -= 1
    return value


EXPERIMENT = loop(
    "tco/heavy_complex_countdown",
    Workload(
        "a chain of eleven no-ops in each step; floor: creating and calling",
        call=heavy_complex_countdown,
        answer=done,
        floor=floor,
    ),
)
