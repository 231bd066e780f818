"""Durable loops: what a step costs against the floor under it, how large the store grows, and what a kill loses.

Run it with ``observatory run durability``; on the disk of another folder with ``TMPDIR=/there``.

What a kill loses is told by the worst of all kills, not by the median one. The bar of ``interval(50)`` is 75 ms:
50 are promised to the loop's own time, and half as much again is for what a busy machine lets the child wait, because
the figure is taken with a clock.
"""

from __future__ import annotations

from typing import Final

from observatory.claims import cost, over_floor, rate, ratio, worst
from observatory.declaring import Suite
from observatory.keys import FLOOR, Key
from observatory.workloads import (
    durable_flushed,
    durable_interval,
    durable_step,
    killed_loop,
    store_size,
)

SUITE: Final = Suite(
    "durability",
    "durable loops: the cost of a step, the size of the store, the loss of a kill",
    tuple(module.EXPERIMENT for module in (durable_step, durable_interval, durable_flushed, store_size, killed_loop)),
    (
        over_floor("durability=step / bare sqlite3 commits", durable_step.NAME, at_most=2.0),
        rate("durability=step, steps", Key(durable_step.NAME)),
        rate("bare sqlite3 commits", Key(durable_step.NAME, FLOOR)),
        over_floor("durability=interval(50) / in memory", durable_interval.NAME, at_most=2.0),
        rate("durability=interval(50), steps", Key(durable_interval.NAME)),
        rate("in memory, steps", Key(durable_interval.NAME, FLOOR)),
        over_floor("step, flushed / bare flushed commits", durable_flushed.NAME),
        rate("step, flushed, steps", Key(durable_flushed.NAME)),
        ratio(
            "store after 1,000,000 steps (--fast: 100,000) / after 1,000",
            Key(store_size.LONG),
            Key(store_size.SHORT),
            at_most=1.1,
        ),
        worst(cost("durability=step, repeated after kill -9, the worst", Key(killed_loop.STEPS), "steps", at_most=1)),
        worst(cost("durability=interval(50), the same", Key(killed_loop.INTERVAL_STEPS), "steps")),
        worst(
            cost("durability=interval(50), the same as time", Key(killed_loop.INTERVAL_TIME), "ms", at_most=75),
        ),
    ),
)
