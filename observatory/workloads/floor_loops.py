"""The floors by themselves: what this Python and this machine can do at all.

Measured, each a step: a loop that calls a function; the trampoline over slotted thunks; the asynchronous trampoline;
a coroutine that gives way to the event loop by ``asyncio.sleep(0)``. All others are to be read against these.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Final

from observatory.declaring import Benchmark, Experiment, Round
from observatory.floors import run_async, trampoline
from observatory.keys import FLOOR, Key
from observatory.setting import Setting
from observatory.timing import Work, check, fitting_steps, take_turns
from observatory.workloads.async_countdown import floor_countdown as async_countdown
from observatory.workloads.common import done
from observatory.workloads.simple_countdown import floor_countdown


def bare_loop(n: int) -> str:
    """Call a function in a loop."""

    def step(n: int) -> int:
        return n - 1

    while n > 0:
        n = step(n)
    return "done"


def sleeping_loop(n: int) -> str:
    """Give way in a loop."""

    async def main() -> str:
        for _ in range(n):
            await asyncio.sleep(0)
        return "done"

    return asyncio.run(main())


FLOORS: Final[dict[str, tuple[str, Work]]] = {
    "tco/bare_loop": ("a function called in a loop", bare_loop),
    "tco/trampoline": ("a step of the trampoline", lambda n: trampoline(floor_countdown(n))),
    "tco/async_trampoline": ("a step of the asynchronous one", lambda n: run_async(async_countdown(n))),
    "tco/sleeping_loop": ("a coroutine giving way", sleeping_loop),
}


def measure(setting: Setting) -> Iterator[Round]:
    """All in turns."""
    for name, (_, work) in FLOORS.items():
        check(name, {FLOOR: work}, done, 100)
    return take_turns({Key(name, FLOOR): (work, fitting_steps(work, setting)) for name, (_, work) in FLOORS.items()})


EXPERIMENT = Experiment(tuple(Benchmark(name, about) for name, (about, _) in FLOORS.items()), measure)
