"""The engines that every program is run on: solvers, executors and states that must make no difference."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from cascade import workflow as cs
from cascade.adapters.executors.local import LocalExecutor
from cascade.graph.model import Graph, Node
from cascade.spec.protocols import Solver
from cascade.testing import ShuffledSolver

from .translate import CAPACITY


class StagedSolver:
    """Plans the widest possible stages, and has them kept apart."""

    strict_stages = True

    def resolve(self, graph: Graph) -> list[list[Node]]:
        """A node is in the stage after the last of its inputs."""
        stage_of: dict[int, int] = {}
        stages: list[list[Node]] = []
        for node in graph.nodes:
            stage = max((stage_of[source.index] + 1 for source in node.inputs), default=0)
            stage_of[node.index] = stage
            if stage == len(stages):
                stages.append([])
            stages[stage].append(node)
        return stages


class ScatteringExecutor:
    """Makes all calls in the event loop's thread, each after a random wait, so that they end in a random order.

    Args:
        seed: Of the waits.
    """

    concurrency = 4

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    async def execute(
        self,
        task: cs.Task[..., Any],
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        timeout_s: float | None = None,
    ) -> Any:
        """Wait, call, wait."""
        for _ in range(self._random.randrange(4)):
            await asyncio.sleep(0)
        made = task.fn(*args, **kwargs)
        value = await made if task.is_async else made
        for _ in range(self._random.randrange(3)):
            await asyncio.sleep(0)
        return value


def scattered_engine(solver: Solver, seed: int) -> cs.Engine:
    """An engine whose calls end in a random order."""
    return cs.Engine(solver=solver, executor=ScatteringExecutor(seed), system_resources={"gpu": CAPACITY})


SEED: Final = 20_240_229
"""Of everything that is shuffled; hypothesis has its own."""

_make: Final[Callable[..., cs.Engine]] = partial(cs.Engine, system_resources={"gpu": CAPACITY})

ENGINES: Final[dict[str, Callable[[], cs.Engine]]] = {
    "default": _make,
    "shuffled order": lambda: _make(solver=ShuffledSolver(SEED)),
    "strict stages": lambda: _make(solver=StagedSolver()),
    "one thread": lambda: _make(executor=LocalExecutor(threads=1, inline_limit_s=0.0)),
    "scattered calls": lambda: scattered_engine(ShuffledSolver(SEED + 1), SEED),
    "interpreter": lambda: _make(jit=False),
}
"""From a name to what makes the engine."""

__all__ = ["ENGINES", "SEED", "ScatteringExecutor", "StagedSolver", "scattered_engine"]
