"""A loop whose steps await two tasks at once, each of which suspends once.

Measured: what it costs to have two coroutines under way. The floor is a hand-written loop with ``asyncio.gather`` over
the same bare coroutine functions.
"""

from __future__ import annotations

import asyncio

from cascade import workflow as cs
from observatory.timing import Workload, loop
from observatory.workloads.common import inline


@cs.task
async def left(n: int) -> int:
    """Suspend once."""
    await asyncio.sleep(0)
    return n


@cs.task
async def right(n: int) -> int:
    """Suspend once."""
    await asyncio.sleep(0)
    return -n


@inline
def parallel_step(n: int, _total: int = 0, _a: int = 0, _b: int = 0) -> int:
    """Two tasks at once."""
    return _total + _a + _b if n <= 0 else parallel_step(n - 1, _total + 1, left(n), right(n))


def answer(steps: int) -> int:
    """The two values cancel each other."""
    return steps


async def gather(n: int) -> int:
    """The same by hand."""
    one, other = left.fn, right.fn
    total = 0
    while n > 0:
        a, b = await asyncio.gather(one(n), other(n))
        total += 1 + a + b
        n -= 1
    return total


EXPERIMENT = loop(
    "tco/parallel_step",
    Workload(
        "two coroutines at once in each step; floor: a hand-written loop with asyncio.gather",
        call=parallel_step,
        answer=answer,
        floor=lambda n: asyncio.run(gather(n)),
    ),
)
