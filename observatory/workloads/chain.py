"""A chain of nodes, each of which takes the value of the one before: what a dependent node costs.

Measured: the whole way from creating the calls to the result. The floor creates the same lazy results and calls the
same bare functions.
"""

from __future__ import annotations

from observatory.timing import Workload, series
from observatory.workloads.graphs import SIZES, add, bare_add


def chain(size: int) -> int:
    """So many nodes in a row."""
    call = add()
    for _ in range(size - 1):
        call = add(call)
    return call


def floor(size: int) -> int:
    """Create and call."""
    chain(size)
    value = bare_add()
    for _ in range(size - 1):
        value = bare_add(value)
    return value


EXPERIMENT = series(
    "graphs/chain",
    Workload(
        "a node of a chain; floor: creating and calling",
        call=chain,
        answer=lambda size: size,
        floor=floor,
    ),
    SIZES,
)
