"""Runs of a single no-op task, one after the other: what a run costs that hardly does anything.

Measured: ``await engine.run(…)`` in one event loop, and ``cs.run(…)``, which makes an event loop each time. The floors
are to await a coroutine that calls the bare function, and to do that with ``asyncio.run``.
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
from observatory.timing import Work, check, fitting_steps, take_turns
from observatory.workloads.common import noop

AWAITED: Final = "runs/one_task"
WHOLE: Final = "runs/one_task_with_event_loop"


async def bare(n: int) -> int:
    """Call the function."""
    value: int = noop.fn(n)
    return value


def awaited(run: Callable[[int], Coroutine[Any, Any, int]]) -> Work:
    """So many runs in one event loop."""

    async def main(count: int) -> int:
        return sum([await run(1) for _ in range(count)])

    return lambda count: asyncio.run(main(count))


def whole(run: Callable[[int], int]) -> Work:
    """So many runs."""
    return lambda count: sum([run(1) for _ in range(count)])


def on(engine: cs.Engine) -> tuple[Work, Work]:
    """The two works of an engine."""
    return awaited(lambda n: engine.run(noop(n))), whole(lambda n: cs.run(noop(n), engine=engine))


def measure(setting: Setting) -> Iterator[Round]:
    """Both and their floors in turns."""
    with ExitStack() as open_:
        works: dict[Key, Work] = {}
        for subject, engine in setting.engines().items():
            works[Key(AWAITED, subject)], works[Key(WHOLE, subject)] = on(open_.enter_context(engine))
        works[Key(AWAITED, FLOOR)] = awaited(bare)
        works[Key(WHOLE, FLOOR)] = whole(lambda n: asyncio.run(bare(n)))
        for key, work in works.items():
            check(key.benchmark, {key.subject: work}, lambda count: count, 10)
        yield from take_turns({key: (work, fitting_steps(work, setting)) for key, work in works.items()})


EXPERIMENT = Experiment(
    (
        Benchmark(AWAITED, "awaiting a run of one no-op; floor: awaiting a coroutine"),
        Benchmark(WHOLE, "cs.run of one no-op; floor: asyncio.run of a coroutine"),
    ),
    measure,
)
