"""A loop whose steps choose between two calls by a router: the Collatz sequence, again and again.

Measured: a router in tail position, of whose two routes one is taken. The floor is the loop that creates the same lazy
results and router, and goes on with the chosen one by hand.
"""

from __future__ import annotations

from typing import Any, Final

from cascade import workflow as cs
from observatory.timing import Workload, loop
from observatory.workloads.common import inline

START: Final = 27
LENGTH: Final = 111
"""Steps from 27 to 1."""


@inline
def router_loop(n: int, k: int, steps: int) -> int:
    """A step of the sequence; from 1 on it begins again."""
    if n <= 0:
        return steps
    if k == 1:
        k, steps = START, 0
    routes = {0: router_loop(n - 1, k // 2, steps + 1), 1: router_loop(n - 1, 3 * k + 1, steps + 1)}
    return cs.Router(k % 2, routes)


def answer(steps: int) -> int:
    """Where in the sequence it ends."""
    return (steps - 1) % LENGTH + 1 if steps else 0


def floor(n: int) -> Any:
    """Create both routes and the router; follow one."""
    body = router_loop.fn
    k, steps = START, 0
    while n > 0:
        body(n, k, steps)
        if k == 1:
            k, steps = START, 0
        k = 3 * k + 1 if k % 2 else k // 2
        steps += 1
        n -= 1
    return body(0, k, steps)


EXPERIMENT = loop(
    "tco/router_loop",
    Workload(
        "a router over two calls in each step; floor: creating both and following one by hand",
        call=lambda n: router_loop(n, START, 0),
        answer=answer,
        floor=floor,
    ),
)
