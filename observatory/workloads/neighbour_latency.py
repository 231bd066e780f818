"""How late a coroutine is woken that lives in the same event loop as an endless hot loop.

Measured: the lateness of a coroutine that sleeps for a millisecond again and again, while a loop of one short task a
step runs beside it: the median and the 99th percentile of a round. The floor is the same coroutine alone, which shows
what the clock and the operating system do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from statistics import quantiles
from time import perf_counter
from typing import Final

from cascade import workflow as cs
from observatory.declaring import Benchmark, Experiment, Round
from observatory.keys import FLOOR, Key
from observatory.setting import Setting
from observatory.workloads.common import inline

MEDIAN: Final = "runs/neighbour_lateness_median"
WORST: Final = "runs/neighbour_lateness_99th"
NAP_S: Final = 0.001
NAPS: Final = 200


@inline
def endless(n: int) -> int:
    """Go on until the run is cancelled."""
    return endless(n + 1)


async def lateness(naps: int) -> list[float]:
    """Seconds that each nap took too long."""
    late = []
    for _ in range(naps):
        began = perf_counter()
        await asyncio.sleep(NAP_S)
        late.append(max(perf_counter() - began - NAP_S, 0.0))
    return late


async def beside(engine: cs.Engine, naps: int) -> list[float]:
    """The lateness beside a hot loop, which has begun."""
    hot = asyncio.ensure_future(engine.run(endless(0)))
    await asyncio.sleep(NAP_S)
    try:
        return await lateness(naps)
    finally:
        hot.cancel()
        await asyncio.wait([hot])


def measure(setting: Setting) -> Iterator[Round]:
    """Alone and beside each engine's loop."""
    naps = max(setting.size(NAPS), 20)
    with ExitStack() as open_:
        engines = {subject: open_.enter_context(engine) for subject, engine in setting.engines().items()}
        while True:
            found = {subject: asyncio.run(beside(engine, naps)) for subject, engine in engines.items()}
            found[FLOOR] = asyncio.run(lateness(naps))
            values = {}
            for subject, late in found.items():
                cuts = quantiles(late, n=100)
                values[Key(MEDIAN, subject)], values[Key(WORST, subject)] = cuts[49], cuts[98]
            yield values


EXPERIMENT = Experiment(
    (
        Benchmark(MEDIAN, "median lateness beside a hot loop; floor: alone"),
        Benchmark(WORST, "99th percentile of the lateness; floor: alone"),
    ),
    measure,
)
