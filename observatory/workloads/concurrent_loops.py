"""Ten thousand loops at once in one event loop, each of which awaits in every step.

Measured: the time of all, a step of one, with runs of their own on one engine. The floor is as many hand-written
coroutines with the same loop. Not measured: what the loops would wait for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack
from typing import Any, Final

from cascade import workflow as cs
from observatory.declaring import Benchmark, Experiment, Round
from observatory.keys import FLOOR, Key
from observatory.setting import Setting
from observatory.timing import Work, check, take_turns

NAME: Final = "runs/concurrent_loops"
LOOPS: Final = 10_000
STEPS: Final = 5


@cs.task
async def waiting_loop(n: int) -> int:
    """Give way, and go on."""
    await asyncio.sleep(0)
    return 1 if n <= 1 else waiting_loop(n - 1)


async def by_hand(n: int) -> int:
    """The same."""
    for _ in range(n):
        await asyncio.sleep(0)
    return 1


def at_once(run: Callable[[int], Coroutine[Any, Any, int]]) -> Work:
    """A number of steps in all, by as many loops as it takes."""

    async def main(steps: int) -> int:
        return STEPS * sum(await asyncio.gather(*[run(STEPS) for _ in range(steps // STEPS)]))

    return lambda steps: asyncio.run(main(steps))


def on(engine: cs.Engine) -> Work:
    """The loops as runs of an engine."""
    return at_once(lambda n: engine.run(waiting_loop(n)))


def measure(setting: Setting) -> Iterator[Round]:
    """The loops and their floor in turns."""
    with ExitStack() as open_:
        works = {subject: on(open_.enter_context(engine)) for subject, engine in setting.engines().items()}
        works[FLOOR] = at_once(by_hand)
        check(NAME, works, lambda steps: steps, 100)
        size = setting.size(LOOPS * STEPS)
        yield from take_turns({Key(NAME, subject): (work, size) for subject, work in works.items()})


EXPERIMENT = Experiment(
    (Benchmark(NAME, "a step of one of 10,000 loops that await; floor: coroutines"),), measure, rounds=3, processes=2
)
