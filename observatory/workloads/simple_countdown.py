"""A loop of one sync task a step: what a tail call costs.

Measured: a step of ``countdown(n - 1)``, from the call's creation to the next. The floor is a hand-written trampoline:
a loop over slotted thunks that a decorator object makes. Not measured: what is paid once a run.
"""

from __future__ import annotations

from typing import Any

from observatory.floors import Decorated, trampoline
from observatory.timing import Workload, loop
from observatory.workloads.common import done, inline


@inline
def simple_countdown(n: int) -> str:
    """One task a step."""
    return "done" if n <= 0 else simple_countdown(n - 1)


@Decorated
def floor_countdown(n: int) -> Any:
    """The same for the trampoline."""
    return "done" if n <= 0 else floor_countdown(n - 1)


EXPERIMENT = loop(
    "tco/simple_countdown",
    Workload(
        "one sync task a step; floor: a hand-written trampoline",
        call=simple_countdown,
        answer=done,
        floor=lambda n: trampoline(floor_countdown(n)),
    ),
)
