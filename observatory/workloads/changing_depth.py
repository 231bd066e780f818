"""A loop with a chain of another depth in each step: fifty shapes in turn, more than a compiled loop holds.

Measured: that shapes which come back too seldom do not cost more than never to compile: the same program is run with
compiled loops switched off.
"""

from __future__ import annotations

from typing import Final

from observatory.timing import Workload, loop
from observatory.workloads.common import done, inline, noop

DEPTHS: Final = 50


@inline
def changing_depth(n: int, _x: int = 0) -> str:
    """A chain of ``n`` mod 50 nested no-ops."""
    if n <= 0:
        return "done"
    x = n
    for _ in range(n % DEPTHS):
        x = noop(x)
    return changing_depth(n - 1, x)


EXPERIMENT = loop(
    "tco/changing_depth",
    Workload(
        "a chain of n mod 50 no-ops in each step; also without compiled loops",
        call=changing_depth,
        answer=done,
        interpreter=True,
    ),
)
