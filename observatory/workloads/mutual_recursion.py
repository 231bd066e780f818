"""Three tasks that call each other, with steps of three shapes.

Measured: that a loop may go through several shapes. The floor creates the same lazy results and calls the same bare
functions, without any engine.
"""

from __future__ import annotations

from typing import Any

from observatory.timing import Workload, loop
from observatory.workloads.common import done, inline, noop


@inline
def first(n: int) -> str:
    """One of the three: calls the next with two nested calls."""
    return "done" if n <= 0 else second(noop(n - 1), noop(n))


@inline
def second(n: int, _x: int) -> str:
    """The second: calls the next with a chain of two."""
    return "done" if n <= 0 else third(noop(noop(n - 1)))


@inline
def third(n: int) -> str:
    """The last: a plain call."""
    return "done" if n <= 0 else first(n - 1)


def floor(n: int) -> Any:
    """Create and call."""
    a, b, c, nothing = first.fn, second.fn, third.fn, noop.fn
    while n > 0:
        a(n)
        nothing(n - 1)
        nothing(n)
        n -= 1
        if n <= 0:
            return b(n, n)
        b(n, n)
        nothing(n - 1)
        nothing(n - 1)
        n -= 1
        if n <= 0:
            return c(n)
        c(n)
        n -= 1
    return a(n)


EXPERIMENT = loop(
    "tco/mutual_recursion",
    Workload(
        "three tasks of different shapes that call each other; floor: creating and calling",
        call=first,
        answer=done,
        floor=floor,
    ),
)
