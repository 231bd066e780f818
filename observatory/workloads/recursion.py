"""Recursion that is not in tail position: each call needs the value of the one below before it has its own.

Measured: a level of the recursion, which is two nodes. Python's own recursion would overflow the stack, so the floor
goes down and up in two loops, creating the same lazy results and calling the same bare functions.
"""

from __future__ import annotations

from observatory.timing import Workload, series
from observatory.workloads.common import inline
from observatory.workloads.graphs import SIZES, add, bare_add


@inline
def depth(n: int) -> int:
    """One more than the depth below."""
    return 0 if n == 0 else add(depth(n - 1))


def floor(size: int) -> int:
    """Create and call."""
    body, value = depth.fn, 0
    for n in range(size, -1, -1):
        body(n)
    for _ in range(size):
        value = bare_add(value)
    return value


EXPERIMENT = series(
    "graphs/recursion",
    Workload(
        "a level of non-tail recursion; floor: creating and calling",
        call=depth,
        answer=lambda size: size,
        floor=floor,
    ),
    SIZES,
)
