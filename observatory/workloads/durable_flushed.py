"""A loop at level ``step`` that waits for the disk in every step: ``?synchronous=full``.

Measured: a step of the loop. The floor is a bare loop of `sqlite3` with the same setting. Both are the time of a flush
and little else, so the figure says more of the disk than of either; there is no bar.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from observatory.declaring import Benchmark, Experiment
from observatory.workloads.durable import bare_commits, measure

NAME: Final = "durability/flushed"

EXPERIMENT = Experiment(
    (Benchmark(NAME, "a step, flushed to the disk; floor: a bare flushed commit of SQLite"),),
    partial(
        measure,
        name=NAME,
        durability="step",
        sizes={"full": 200, "fast": 100, "smoke": 10},
        floor=bare_commits("FULL"),
        options="?synchronous=full",
    ),
    rounds=5,
    processes=2,
)
