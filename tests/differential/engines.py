"""The engines that every program is run on: solvers, executors and states that must make no difference."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from cascade import workflow as cs
from cascade.adapters.executors.local import LocalExecutor
from cascade.adapters.state.in_memory import InMemoryStateBackend
from cascade.graph.model import Graph, Node
from cascade.spec.protocols import Solver

from .translate import CAPACITY


class ShuffledSolver:
    """Plans a random valid order, one node a stage.

    Args:
        seed: Of the random order.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def resolve(self, graph: Graph) -> list[list[Node]]:
        """Take any of the nodes whose inputs have been taken, again and again."""
        waits_for = {node.index: len(node.inputs) for node in graph.nodes}
        consumers: dict[int, list[Node]] = {node.index: [] for node in graph.nodes}
        for node in graph.nodes:
            for source in node.inputs:
                consumers[source.index].append(node)
        ready = [node for node in graph.nodes if not node.inputs]
        order: list[list[Node]] = []
        while ready:
            node = ready.pop(self._random.randrange(len(ready)))
            order.append([node])
            for consumer in consumers[node.index]:
                waits_for[consumer.index] -= 1
                if not waits_for[consumer.index]:
                    ready.append(consumer)
        return order


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
    "recorded results": lambda: _make(state_backend_factory=lambda: InMemoryStateBackend(wants_results=True)),
}
"""From a name to what makes the engine."""

__all__ = ["ENGINES", "SEED", "ScatteringExecutor", "ShuffledSolver", "StagedSolver", "scattered_engine"]
