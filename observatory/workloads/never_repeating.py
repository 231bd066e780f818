"""A loop of which no two steps have the same shape: a random graph of calls in each.

Measured: that looking for a compiled loop in vain costs next to nothing: the same program is run with compiled loops
switched off. The graphs have eleven calls; one stream of numbers with a fixed seed draws them for all rounds, so that
none comes back in a later one either.
"""

from __future__ import annotations

from random import Random
from typing import Any, Final

from observatory.timing import Workload, loop
from observatory.workloads.common import done, inline

CALLS: Final = 10
BITS: Final = 6
"""Random bits a call."""

numbers = Random(7)


@inline
def join(*_parts: Any) -> int:
    """Take whatever there is."""
    return 1


@inline
def never_repeating(n: int, _x: int = 0) -> str:
    """A random graph, in which every call takes two of the calls before it."""
    if n <= 0:
        return "done"
    bits = numbers.getrandbits(BITS * CALLS)
    calls = [join(n)]
    for count in range(1, CALLS):
        one, other = calls[bits % count], calls[(bits >> 3) % count]
        calls.append(join(one, [other, n]) if bits & 1 else join(one, other))
        bits >>= BITS
    return never_repeating(n - 1, join(*calls))


EXPERIMENT = loop(
    "tco/never_repeating",
    Workload(
        "a random graph of eleven calls in each step; also without compiled loops",
        call=never_repeating,
        answer=done,
        interpreter=True,
    ),
)
