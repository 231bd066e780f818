"""How large the store is after a short loop and after a long one: the same, whatever the number of steps.

Measured, once: the bytes of all files of the store when the run has ended and the file is closed. The level is
``step``, so that every step was written. The long loop has a million steps; with ``--fast`` a tenth of that, so the
names do not say how many. Not measured: the store of a user's own, of which nobody knows the files.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cascade import workflow as cs
from observatory.declaring import Benchmark, Experiment, Round
from observatory.keys import CASCADE, Key
from observatory.setting import Effort, Setting
from observatory.timing import check
from observatory.workloads.common import done
from observatory.workloads.durable import durable_countdown, new_run_id, url

SHORT: Final = "durability/store_after_short_loop"
LONG: Final = "durability/store_after_long_loop"
STEPS: Final[dict[Effort, dict[str, int]]] = {
    "full": {SHORT: 1_000, LONG: 1_000_000},
    "fast": {SHORT: 1_000, LONG: 100_000},
    "smoke": {SHORT: 10, LONG: 100},
}


def size_after(engine: cs.Engine, name: str, steps: int) -> int:
    """The bytes of the store."""

    def work(steps: int) -> str:
        return cs.run(durable_countdown(steps), engine=engine, run_id=new_run_id(), state=url(folder))

    with tempfile.TemporaryDirectory() as folder:
        check(name, {CASCADE: work}, done, steps)
        return sum(file.stat().st_size for file in Path(folder).iterdir())


def measure(setting: Setting) -> Iterator[Round]:
    """Both loops."""
    with cs.Engine(jit=True) as engine:
        while True:
            yield {Key(name): size_after(engine, name, steps) for name, steps in STEPS[setting.effort].items()}


EXPERIMENT = Experiment(
    (
        Benchmark(SHORT, "the files of the store after 1,000 steps", "byte"),
        Benchmark(LONG, "the same after 1,000,000 steps (--fast: 100,000)", "byte"),
    ),
    measure,
    rounds=1,
    processes=1,
)
