"""What a loop leaves behind: the resident set and the allocated blocks while it runs, at growing numbers of steps.

Measured in the middle of one run, each process once, so that every process gives one curve and one slope: the resident
set of the process, and ``sys.getallocatedblocks``, the objects that are alive. Three loops: a compiled one of one task
a step, up to ten million; one with a nested call, up to a million; and an interpreted one, up to a hundred thousand.
Not measured: how much memory a step needs while it runs.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from cascade import workflow as cs
from observatory.declaring import Benchmark, Experiment, Round
from observatory.keys import CASCADE, INTERPRETER, Key
from observatory.setting import Setting
from observatory.workloads.common import inline, noop

STEPS: Final = (10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000)
RESIDENT: Final = "resident"
BLOCKS: Final = "blocks"


class Watch:
    """Samples when a loop reaches certain steps.

    Attributes:
        at: The step at which it samples next.
        samples: Resident bytes and allocated blocks of each step.
    """

    def __init__(self, steps: tuple[int, ...]) -> None:
        self._steps = iter(steps)
        self.at: int = next(self._steps)
        self.samples: list[tuple[int, int]] = []

    def sample(self) -> bool:
        """Take one; whether the loop goes on."""
        self.samples.append((resident_bytes(), sys.getallocatedblocks()))
        self.at = next(self._steps, -1)
        return self.at >= 0


def resident_bytes() -> int:
    """The memory of this process that is in use; where the system does not tell, the most that it ever was."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text(encoding="ascii").split()[1]) * resource.getpagesize()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


@inline
def count_up(n: int, watch: Watch) -> int:
    """One task a step."""
    return n if n == watch.at and not watch.sample() else count_up(n + 1, watch)


@inline
def count_up_with_graph(n: int, watch: Watch, _x: int = 0) -> int:
    """With a nested call in each step."""
    return n if n == watch.at and not watch.sample() else count_up_with_graph(n + 1, watch, noop(n))


class Loop(NamedTuple):
    """A loop to watch.

    Attributes:
        task: Counts up.
        steps: Where it is sampled.
        subject: Who runs it.
    """

    task: Any
    steps: tuple[int, ...]
    subject: str = CASCADE


LOOPS: Final = {
    "memory/compiled_loop": Loop(count_up, STEPS),
    "memory/graph_loop": Loop(count_up_with_graph, STEPS[:5]),
    "memory/interpreted_loop": Loop(count_up, STEPS[:3], INTERPRETER),
}


def name_of(loop: str, what: str, steps: int) -> str:
    """The name of one sample."""
    return f"{loop}/{what}/{steps}"


def experiment(name: str, loop: Loop) -> Experiment:
    """Watch one loop."""

    def measure(setting: Setting) -> Iterator[Round]:
        engines = {INTERPRETER: cs.Engine(jit=False)} if loop.subject == INTERPRETER else setting.engines()
        steps = tuple(setting.size(count) + place for place, count in enumerate(loop.steps))
        while True:
            values = {}
            for subject, engine in engines.items():
                watch = Watch(steps)
                if cs.run(loop.task(1, watch), engine=engine) != steps[-1]:
                    raise AssertionError(f"{name} gave a wrong answer")
                for count, (resident, blocks) in zip(loop.steps, watch.samples, strict=True):
                    values[Key(name_of(name, RESIDENT, count), subject)] = resident
                    values[Key(name_of(name, BLOCKS, count), subject)] = blocks
            yield values

    residents = [
        Benchmark(name_of(name, RESIDENT, count), "resident set", "byte", f"{name}/{RESIDENT}", count)
        for count in loop.steps
    ]
    blocks = [
        Benchmark(name_of(name, BLOCKS, count), "allocated blocks", "integer", f"{name}/{BLOCKS}", count)
        for count in loop.steps
    ]
    return Experiment((*residents, *blocks), measure, rounds=1, processes=5)


EXPERIMENTS = tuple(experiment(name, loop) for name, loop in LOOPS.items())
