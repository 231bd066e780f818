"""Many runs: ten thousand loops at once, runs of one task, and what a hot loop does to its neighbours.

Run it with ``observatory run runs``.
"""

from __future__ import annotations

from typing import Final

from observatory.claims import cost, over_floor, rate
from observatory.declaring import Suite
from observatory.keys import FLOOR, Key
from observatory.workloads import concurrent_loops, neighbour_latency, one_task_runs

SUITE: Final = Suite(
    "runs",
    "many runs at once and one after the other, and a hot loop's neighbours",
    (concurrent_loops.EXPERIMENT, one_task_runs.EXPERIMENT, neighbour_latency.EXPERIMENT),
    (
        over_floor("10,000 loops that await / coroutines", concurrent_loops.NAME),
        rate("10,000 loops that await, steps", Key(concurrent_loops.NAME)),
        rate("runs of one task, awaited", Key(one_task_runs.AWAITED)),
        rate("runs of one task, cs.run", Key(one_task_runs.WHOLE)),
        over_floor("cs.run of one task / asyncio.run of a coroutine", one_task_runs.WHOLE),
        cost("a neighbour's lateness beside a hot loop, median", Key(neighbour_latency.MEDIAN), "ms"),
        cost("the same, 99th percentile", Key(neighbour_latency.WORST), "ms"),
        cost("the same alone, 99th percentile", Key(neighbour_latency.WORST, FLOOR), "ms"),
    ),
)
