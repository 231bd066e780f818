"""A binary tree of additions, from many leaves to one root: how much is ready changes from all to one.

Measured: the whole way from creating the calls to the result. The floor creates the same lazy results and calls the
same bare functions.
"""

from __future__ import annotations

from collections.abc import Callable

from observatory.timing import Workload, series
from observatory.workloads.graphs import SIZES, add, bare_add


def reduce(make: Callable[..., int], size: int) -> int:
    """Halve the values until one is left."""
    values = [make() for _ in range((size + 1) // 2)]
    while len(values) > 1:
        last = values[len(values) - len(values) % 2 :]
        values = [make(one, other) for one, other in zip(values[::2], values[1::2], strict=False)] + last
    return values[0]


def floor(size: int) -> int:
    """Create and call."""
    reduce(add, size)
    return reduce(bare_add, size)


EXPERIMENT = series(
    "graphs/tree_reduction",
    Workload(
        "a node of a binary tree; floor: creating and calling",
        call=lambda size: reduce(add, size),
        answer=lambda size: 2 * ((size + 1) // 2) - 1,
        floor=floor,
    ),
    SIZES,
)
