"""The heavy loop with a literal in every nested call that is another one in each step.

Measured: that new data in a known structure is only patched in. The floor creates the same lazy results and calls the
same bare functions, without any engine.
"""

from __future__ import annotations

from typing import Any

from observatory.timing import Workload, loop
from observatory.workloads.common import CHAIN, inline


@inline
def shift(x: int, by: int) -> int:
    """Add."""
    return x + by


@inline
def changing_literals(n: int, _total: int = 0) -> int:
    """A chain of additions; the answer is the sum of the last step that had one."""
    if n <= 0:
        return _total
    x = shift(n, n)
    for k in range(CHAIN - 1):
        x = shift(x, n + k)
    return changing_literals(n - 1, x)


def answer(_steps: int) -> int:
    """The chain of the step with n = 1."""
    return 2 + sum(1 + k for k in range(CHAIN - 1))


def floor(n: int) -> Any:
    """Create and call."""
    body, add = changing_literals.fn, shift.fn
    total = 0
    while n > 0:
        body(n, total)
        total = add(n, n)
        for k in range(CHAIN - 1):
            total = add(total, n + k)
        n -= 1
    return body(0, total)


EXPERIMENT = loop(
    "tco/changing_literals",
    Workload(
        "eleven additions of new literals in each step; floor: creating and calling",
        call=changing_literals,
        answer=answer,
        floor=floor,
    ),
)
