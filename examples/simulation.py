"""A simulation that may be killed at any moment: foxes and rabbits on an island, one step a day.

A step is a small graph: both populations change at the same time, and then the day is over. The run is kept in a file,
so the same command goes on where the process died, and once the simulation is over it prints the result again:

    cascade run examples/simulation.py --run-id island --state sqlite:///runs.db --param pause=0.01
    (kill -9 it, then run the same line again)
    cascade runs show island --state sqlite:///runs.db
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from cascade import workflow as cs


@dataclass(frozen=True)
class Island:
    """How many animals there are."""

    rabbits: float
    foxes: float


@cs.task(mode="inline")
def rabbits_after(island: Island) -> float:
    return island.rabbits * (1.01 - 0.0005 * island.foxes)


@cs.task(mode="inline")
def foxes_after(island: Island) -> float:
    return island.foxes * (0.995 + 0.00002 * island.rabbits)


@cs.task
def day(number: int, last: int, pause: float, rabbits: float, foxes: float) -> str:
    time.sleep(pause)
    if number > last:
        return f"after {last} days: {rabbits:.3f} rabbits, {foxes:.3f} foxes"
    island = Island(rabbits, foxes)
    return day(number + 1, last, pause, rabbits_after(island), foxes_after(island))


main = day(
    1,
    cs.Param("days", type=int, default=2_000, description="How long to simulate."),
    cs.Param("pause", type=float, default=0.0, description="Seconds that each day takes."),
    200.0,
    10.0,
)
