"""A loop at level ``step``: every step is committed before the next begins.

Measured: a step of the loop, kept in a SQLite file. The floor is a bare loop of `sqlite3` that commits one row a step,
with the same settings (WAL, synchronous NORMAL). Not measured: tasks that take longer than their commit.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from observatory.declaring import Benchmark, Experiment
from observatory.workloads.durable import bare_commits, measure

NAME: Final = "durability/step"

EXPERIMENT = Experiment(
    (Benchmark(NAME, "a committed step; floor: a bare commit of SQLite"),),
    partial(
        measure,
        name=NAME,
        durability="step",
        sizes={"full": 10_000, "fast": 2_000, "smoke": 20},
        floor=bare_commits("NORMAL"),
    ),
)
