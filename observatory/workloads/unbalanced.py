"""Ten chains of tasks of which now and then one waits, each chain at another place: the makespan without barriers.

In every stage of the graph one of the ten chains waits for a millisecond. An engine that goes from stage to stage
waits in each, one that starts a node as soon as its input is there in a tenth of them. Measured: the time of the whole,
a node. The floor is ten hand-written coroutines, one a chain. The largest size is left out: it would be waiting mostly.
"""

from __future__ import annotations

import asyncio
from typing import Final

from cascade import workflow as cs
from observatory.timing import Workload, series
from observatory.workloads.common import inline
from observatory.workloads.graphs import SIZES

CHAINS: Final = 10
WAIT_S: Final = 0.001


@cs.task
async def stage(below: int, wait_s: float) -> int:
    """Perhaps wait, and count."""
    if wait_s:
        await asyncio.sleep(wait_s)
    return below + 1


@inline
def total(parts: list[int]) -> int:
    """Sum."""
    return sum(parts)


def wait_s(chain: int, place: int) -> float:
    """How long the node of a chain waits."""
    return WAIT_S if place % CHAINS == chain else 0.0


def unbalanced(size: int) -> int:
    """All chains under one node."""
    tops = [0] * CHAINS
    for place in range(size // CHAINS):
        tops = [stage(below, wait_s(chain, place)) for chain, below in enumerate(tops)]
    return total(tops)


async def by_hand(size: int) -> int:
    """The same without an engine."""

    async def climb(chain: int) -> int:
        top = 0
        for place in range(size // CHAINS):
            top = await stage.fn(top, wait_s(chain, place))
        return top

    return sum(await asyncio.gather(*map(climb, range(CHAINS))))


EXPERIMENT = series(
    "graphs/unbalanced",
    Workload(
        "a node of ten unbalanced chains; floor: ten coroutines",
        call=unbalanced,
        answer=lambda size: size // CHAINS * CHAINS,
        floor=lambda size: asyncio.run(by_hand(size)),
    ),
    SIZES[:-1],
)
