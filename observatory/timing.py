"""Experiments that time: workloads and what they are held against take turns in one process.

Every work is done once before the first round, with its answer checked, so that nothing is timed that does not do what
it should, and compiled loops are compiled. Before each timed work the garbage of the one before is collected, so that
nobody pays for another. The order turns from round to round. A value is seconds for one step or node.

The time is that of the wall clock. When the operating system gave the processor to somebody else in the middle (the
process had clearly less time than the clock shows), the work is done again a few times, and the take that was disturbed
least counts. Work that really waits is disturbed the same each time, so nothing of its waiting is hidden.
"""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from time import perf_counter, process_time
from typing import Any, Final, TypeAlias

from cascade import workflow as cs
from observatory.declaring import Benchmark, Experiment, Round
from observatory.keys import FLOOR, INTERPRETER, Key
from observatory.setting import Setting

Work: TypeAlias = Callable[[int], Any]
"""Does the work of so many steps and gives the answer."""

CHECKED_STEPS: Final = 100
MOST_STEPS: Final = 1_000_000
TAKES: Final = 3
DISTURBED: Final = 1.05
"""Times the processor's time that the clock may show."""
LONG_S: Final = 0.25
"""A longer take is never repeated: a disturbance is a small part of it."""


class WrongAnswerError(AssertionError):
    """A workload gave a wrong answer, so there is nothing to time."""


@dataclass(frozen=True)
class Workload:
    """Work whose time is measured.

    Attributes:
        about: What a step is, and what the floor does.
        call: Makes the lazy result that does so many steps.
        answer: What comes out of so many steps.
        floor: The least that the same could cost.
        floor_call: The floor, if that is another program of Cascade.
        interpreter: Whether Cascade without compiled loops is measured, too.
    """

    about: str
    call: Callable[[int], Any]
    answer: Callable[[int], Any]
    floor: Work | None = None
    floor_call: Callable[[int], Any] | None = None
    interpreter: bool = False

    def works(self, setting: Setting, open_: ExitStack) -> dict[str, Work]:
        """What to time, by subject."""
        engines = {subject: open_.enter_context(engine) for subject, engine in setting.engines().items()}
        works = {subject: on(engine, self.call) for subject, engine in engines.items()}
        if self.interpreter:
            works[INTERPRETER] = on(open_.enter_context(cs.Engine(jit=False)), self.call)
        if self.floor is not None:
            works[FLOOR] = self.floor
        elif self.floor_call is not None:
            works[FLOOR] = on(open_.enter_context(cs.Engine()), self.floor_call)
        return works


@dataclass(frozen=True, kw_only=True)
class Timed(Experiment):
    """An experiment that times a workload.

    Attributes:
        workload: What it times.
    """

    workload: Workload


def loop(name: str, workload: Workload) -> Timed:
    """Measure the time of a step; each subject takes as many of them in a round as fit into its time."""

    def measure(setting: Setting) -> Iterator[Round]:
        with ExitStack() as open_:
            works = workload.works(setting, open_)
            check(name, works, workload.answer, CHECKED_STEPS)
            yield from take_turns(
                {Key(name, subject): (work, fitting_steps(work, setting)) for subject, work in works.items()}
            )

    return Timed((Benchmark(name, workload.about),), measure, workload=workload)


def series(name: str, workload: Workload, sizes: Sequence[int]) -> Timed:
    """Measure the time of a node at growing sizes."""
    benchmarks = {size: Benchmark(f"{name}/{size}", workload.about, series=name, size=size) for size in sizes}

    def measure(setting: Setting) -> Iterator[Round]:
        with ExitStack() as open_:
            works = workload.works(setting, open_)
            check(name, works, workload.answer, sizes[0])
            yield from take_turns(
                {
                    Key(benchmark.name, subject): (work, setting.size(size))
                    for size, benchmark in benchmarks.items()
                    for subject, work in works.items()
                }
            )

    return Timed(tuple(benchmarks.values()), measure, rounds=3, processes=2, workload=workload)


def on(engine: cs.Engine, call: Callable[[int], Any]) -> Work:
    """The work of making and running a call."""
    return lambda size: cs.run(call(size), engine=engine)


def check(name: str, works: Mapping[str, Work], answer: Callable[[int], Any], size: int) -> None:
    """Do every work once and compare its answer.

    Raises:
        WrongAnswerError: An answer is wrong.
    """
    expected = answer(size)
    for subject, work in works.items():
        found = work(size)
        if found != expected:
            raise WrongAnswerError(
                f"{name}: {subject} gave {found!r:.100} for {size} steps; expected {expected!r:.100}"
            )


def fitting_steps(work: Work, setting: Setting) -> int:
    """How many steps fit into the time of a round."""
    steps = CHECKED_STEPS
    while not setting.is_smoke and steps < MOST_STEPS:
        elapsed = seconds(work, steps)
        if elapsed > setting.round_s * 0.7:
            break
        # Not more than ten times as many: what is paid once hides how short a step is.
        steps = min(MOST_STEPS, steps * 10, math.ceil(steps * setting.round_s / elapsed))
    return steps


def take_turns(works: Mapping[Key, tuple[Work, int]]) -> Iterator[Round]:
    """Time each work in each round, beginning with another one each time."""
    order = list(works.items())
    while True:
        yield {key: seconds(work, size) / size for key, (work, size) in order}
        order = [*order[1:], order[0]]


def seconds(work: Work, size: int) -> float:
    """How long a work takes: the least disturbed of a few takes."""
    least, found = math.inf, 0.0
    for _ in range(TAKES):
        gc.collect()
        began, began_cpu = perf_counter(), process_time()
        work(size)
        elapsed, used = perf_counter() - began, process_time() - began_cpu
        if elapsed - used < least:
            least, found = elapsed - used, elapsed
        if elapsed <= used * DISTURBED or elapsed > LONG_S:
            break
    return found


__all__ = ["Timed", "Work", "Workload", "WrongAnswerError", "check", "loop", "on", "series", "take_turns"]
