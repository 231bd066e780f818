"""Creating one lazy result, the floor under every loop.

The floor is the smallest thing that could do the job: a slotted object made by a decorator object's ``__call__``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from observatory.declaring import Benchmark, Experiment, Round
from observatory.floors import Decorated
from observatory.keys import CASCADE, FLOOR, Key
from observatory.setting import Setting
from observatory.timing import Work, fitting_steps, take_turns
from observatory.workloads.common import noop

NAME: Final = "tco/creation"


def create(task: Callable[[int], object]) -> Work:
    """Create so many."""

    def work(count: int) -> None:
        for _ in range(count):
            task(1)

    return work


def measure(setting: Setting) -> Iterator[Round]:
    """A task and the floor in turns."""
    works = {CASCADE: create(noop), FLOOR: create(Decorated(noop.fn))}
    return take_turns({Key(NAME, subject): (work, fitting_steps(work, setting)) for subject, work in works.items()})


EXPERIMENT = Experiment(
    (Benchmark(NAME, "creating one lazy result; floor: a slotted object made by a decorator object"),), measure
)
