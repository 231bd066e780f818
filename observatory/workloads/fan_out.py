"""One node that takes the values of all others: what an independent node costs.

Measured: the whole way from creating the calls to the result. The floor creates the same lazy results and calls the
same bare functions.
"""

from __future__ import annotations

from observatory.timing import Workload, series
from observatory.workloads.graphs import SIZES, add, bare_add


def fan_out(size: int) -> int:
    """So many nodes under one."""
    return add(*[add() for _ in range(size)])


def floor(size: int) -> int:
    """Create and call."""
    fan_out(size)
    return bare_add(*[bare_add() for _ in range(size)])


EXPERIMENT = series(
    "graphs/fan_out",
    Workload(
        "a node of a fan-out; floor: creating and calling",
        call=fan_out,
        answer=lambda size: size + 1,
        floor=floor,
    ),
    SIZES,
)
