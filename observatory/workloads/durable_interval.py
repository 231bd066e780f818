"""A loop at level ``interval(50)``: it is committed at least every 50 milliseconds, while it goes on.

Measured: a step of the loop, kept in a SQLite file. The floor is the same loop in memory. A take lasts several
intervals, so that what a commit takes from the loop is in it.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from observatory.declaring import Benchmark, Experiment
from observatory.workloads.durable import measure

NAME: Final = "durability/interval"
LEVEL: Final = "interval(50)"

EXPERIMENT = Experiment(
    (Benchmark(NAME, "a step, kept at least every 50 ms; floor: the same loop in memory"),),
    partial(measure, name=NAME, durability=LEVEL, sizes={"full": 400_000, "fast": 200_000, "smoke": 400}),
)
