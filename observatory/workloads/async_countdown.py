"""A loop of one ``async def`` task a step that never suspends.

Measured: what it costs that a task is a coroutine function. The floor is a hand-written asynchronous trampoline in an
event loop of its own.
"""

from __future__ import annotations

from typing import Any

from cascade import workflow as cs
from observatory.floors import Decorated, run_async
from observatory.timing import Workload, loop
from observatory.workloads.common import done


@cs.task
async def async_countdown(n: int) -> str:
    """One coroutine a step."""
    return "done" if n <= 0 else async_countdown(n - 1)


@Decorated
async def floor_countdown(n: int) -> Any:
    """The same for the trampoline."""
    return "done" if n <= 0 else floor_countdown(n - 1)


EXPERIMENT = loop(
    "tco/async_countdown",
    Workload(
        "one coroutine a step that never suspends; floor: a hand-written asynchronous trampoline",
        call=async_countdown,
        answer=done,
        floor=lambda n: run_async(floor_countdown(n)),
    ),
)
