"""A loop that does something in every tenth step only, such as a report.

Measured: a call with a condition in each step, and the default of a parameter where it was skipped. The floor creates
the same lazy results and calls the same functions.
"""

from __future__ import annotations

from typing import Any

from observatory.timing import Workload, loop
from observatory.workloads.common import done, inline, noop

EVERY = 10


@inline
def conditional_loop(n: int, _report: int = 0) -> Any:
    """A step with a report, now and then."""
    if n <= 0:
        return "done"
    report: Any = noop(n)
    return conditional_loop(n - 1, report.run_if(n % EVERY == 0))


def floor(n: int) -> Any:
    """Create and call."""
    body, report = conditional_loop.fn, noop.fn
    value: Any = body(n)
    while n > 0:
        if n % EVERY == 0:
            report(n)
        n -= 1
        value = body(n)
    return value


EXPERIMENT = loop(
    "tco/conditional_loop",
    Workload(
        "a call with a condition in each step; floor: creating and calling",
        call=conditional_loop,
        answer=done,
        floor=floor,
        interpreter=True,
    ),
)
