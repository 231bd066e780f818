"""Fakes of the parts of an engine: clocks, executors that answer by a script, a solver that shuffles."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from cascade.graph.model import Graph, Node
from cascade.spec.protocols import Executor
from cascade.spec.task import Task
from cascade.testing.virtual_time import real_time


class FakeClock:
    """A clock that only moves when it is told to.

    Args:
        epoch_s: What `timestamp` says at first, in seconds since the Unix epoch.
    """

    def __init__(self, epoch_s: float = 0.0) -> None:
        self._epoch_s = epoch_s
        self._elapsed_s = 0.0

    def timestamp(self) -> float:
        """Seconds since the Unix epoch."""
        return self._epoch_s + self._elapsed_s

    def monotonic(self) -> float:
        """Seconds since the clock was made."""
        return self._elapsed_s

    def advance(self, seconds: float) -> None:
        """Let time pass.

        Raises:
            ValueError: Time does not go back.
        """
        if seconds < 0:
            raise ValueError(f"a clock never goes back, but it was to advance by {seconds!r} s")
        self._elapsed_s += seconds


class LoopClock:
    """A clock that follows the running event loop, and so virtual time.

    Args:
        epoch_s: What `timestamp` says when the loop's time is 0, in seconds since the Unix epoch.
    """

    def __init__(self, epoch_s: float = 0.0) -> None:
        self._epoch_s = epoch_s

    def timestamp(self) -> float:
        """Seconds since the Unix epoch."""
        return self._epoch_s + self.monotonic()

    def monotonic(self) -> float:
        """The time of the running event loop."""
        return asyncio.get_running_loop().time()


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """A call that came to an executor.

    Attributes:
        task: The task's name.
        args: Its positional arguments.
        kwargs: Its keyword arguments.
        timeout_s: The seconds that it may take.
    """

    task: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    timeout_s: float | None


class ScriptedExecutor:
    """Records every call, and answers as a script says instead of calling the function.

    Functions of tasks without a script, or whose script has been played, are called in the event loop's thread. So one
    can inject faults (the first two calls fail, the third goes through) without touching the task. Timeouts are
    recorded, not kept.

    Args:
        script: From the name of a task to its outcomes, one a call. An exception is raised, anything else returned.
        concurrency: As of every executor.

    Attributes:
        calls: The calls, in order.

    Example:
        >>> from cascade import workflow as cs
        >>> @cs.task
        ... def fetch(url: str) -> str:
        ...     return url.upper()
        >>> executor = ScriptedExecutor({"fetch": [ConnectionError("down")]})
        >>> cs.run(fetch.with_retry(2)("a"), engine=cs.Engine(executor=executor)), len(executor.calls)
        ('A', 2)
    """

    def __init__(self, script: Mapping[str, Iterable[Any]] | None = None, concurrency: int = 32) -> None:
        self.concurrency = concurrency
        self.calls: list[RecordedCall] = []
        self._script: dict[str, Iterator[Any]] = {name: iter(outcomes) for name, outcomes in (script or {}).items()}

    async def execute(
        self, task: Task[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], timeout_s: float | None = None
    ) -> Any:
        """Play the task's script, or call its function."""
        self.calls.append(RecordedCall(task.name, tuple(args), dict(kwargs), timeout_s))
        for outcome in self._script.get(task.name, ()):
            if isinstance(outcome, BaseException):
                raise outcome
            return outcome
        value = task.fn(*args, **kwargs)
        return await value if task.is_async else value

    def calls_of(self, name: str) -> list[RecordedCall]:
        """The calls of the task of this name."""
        return [call for call in self.calls if call.task == name]


class RealTimeCalls:
    """An executor for virtual time: while one of its sync calls is under way, the clock does not jump.

    Args:
        executor: What makes the calls; it may use threads and processes.
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    @property
    def concurrency(self) -> int:
        """That of the executor inside."""
        return self._executor.concurrency

    async def execute(
        self, task: Task[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], timeout_s: float | None = None
    ) -> Any:
        """Let the executor inside make the call."""
        with nullcontext() if task.is_async else real_time():
            return await self._executor.execute(task, args, kwargs, timeout_s)


class ShuffledSolver:
    """Plans the nodes in a random order among those that are valid, so that no test leans on an order by accident.

    The seed is printed when the solver is made, so pytest shows it beside a test that fails. The order depends on the
    seed and the structure only: the same graph is planned the same way again.

    Args:
        seed: Makes the order; by default a random one.

    Attributes:
        seed: As given or chosen.
    """

    def __init__(self, seed: int | None = None) -> None:
        self.seed = random.randrange(2**32) if seed is None else seed
        print(f"the order of nodes is that of {self!r}")

    def __repr__(self) -> str:
        return f"ShuffledSolver(seed={self.seed})"

    def resolve(self, graph: Graph) -> list[list[Node]]:
        """One node a stage, in an order in which every node comes after its inputs."""
        shuffled = random.Random(f"{self.seed} {graph.root.template_id}")
        waits_for = [len(node.inputs) for node in graph.nodes]
        consumers: list[list[int]] = [[] for _ in graph.nodes]
        for node in graph.nodes:
            for source in node.inputs:
                consumers[source.index].append(node.index)
        ready = [node.index for node in graph.nodes if not node.inputs]
        stages = []
        while ready:
            place = shuffled.randrange(len(ready))
            ready[place], ready[-1] = ready[-1], ready[place]
            index = ready.pop()
            stages.append([graph.nodes[index]])
            for consumer in consumers[index]:
                waits_for[consumer] -= 1
                if not waits_for[consumer]:
                    ready.append(consumer)
        return stages


__all__ = ["FakeClock", "LoopClock", "RealTimeCalls", "RecordedCall", "ScriptedExecutor", "ShuffledSolver"]
