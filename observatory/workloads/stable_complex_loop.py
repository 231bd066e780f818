"""A loop whose steps are all the same graph of many kinds of arguments: keywords, containers, a shared call, a diamond.

Measured: that a guard over a structure which is no plain chain costs in proportion to its nodes. Seven nodes a step.
The floor creates the same lazy results and calls the same bare functions, without any engine.
"""

from __future__ import annotations

from typing import Any

from observatory.timing import Workload, loop
from observatory.workloads.common import inline, noop


@inline
def total(parts: list[int], weights: dict[str, int], *, start: int = 0) -> int:
    """Sum a list and the values of a dict."""
    return start + sum(parts) + sum(weights.values())


@inline
def pair(a: int, b: int) -> tuple[int, int]:
    """Put two together."""
    return a, b


@inline
def stable_complex_loop(n: int, _total: int = 0, _pair: tuple[int, int] = (0, 0)) -> int:
    """Begin with a value that is used twice, and end in two values of it."""
    if n <= 0:
        return _total
    shared = noop(n)
    left, right = noop(shared), noop(shared)
    summed = total([left, right, 1], {"left": left, "right": right}, start=n)
    return stable_complex_loop(n - 1, summed, _pair=pair(noop(left), b=right))


def answer(_steps: int) -> int:
    """The sum of the step with n = 1."""
    return 6


def floor(n: int) -> Any:
    """Create and call."""
    body, nothing, add, join = stable_complex_loop.fn, noop.fn, total.fn, pair.fn
    summed, joined = 0, (0, 0)
    while n > 0:
        body(n, summed, _pair=joined)
        shared = nothing(n)
        left, right = nothing(shared), nothing(shared)
        summed = add([left, right, 1], {"left": left, "right": right}, start=n)
        joined = join(nothing(left), b=right)
        n -= 1
    return body(0, summed, _pair=joined)


EXPERIMENT = loop(
    "tco/stable_complex_loop",
    Workload(
        "seven nodes with keywords, containers and a shared call in each step; floor: creating and calling",
        call=stable_complex_loop,
        answer=answer,
        floor=floor,
    ),
)
