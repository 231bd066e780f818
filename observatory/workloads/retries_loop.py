"""A loop whose task may be retried, and never fails.

Measured: what it costs to have declared retries, against the same loop without them.
"""

from __future__ import annotations

from observatory.timing import Workload, loop
from observatory.workloads.common import done, inline


@inline
def retries_loop(n: int) -> str:
    """Go on with a call that may be retried."""
    return "done" if n <= 0 else retried(n - 1)


@inline
def plain_loop(n: int) -> str:
    """Go on with a plain call."""
    return "done" if n <= 0 else plain_loop(n - 1)


retried = retries_loop.with_retry(3)

EXPERIMENT = loop(
    "tco/retries_loop",
    Workload(
        "one task that may be retried and is not; floor: the same loop without retries",
        call=retried,
        answer=done,
        floor_call=plain_loop,
    ),
)
