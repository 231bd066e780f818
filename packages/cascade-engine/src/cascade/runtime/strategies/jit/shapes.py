"""`CompiledShape`: a rendered loop as a function, with everything that its lines refer to."""

from __future__ import annotations

import itertools
import linecache
import weakref
from collections.abc import Callable
from time import perf_counter
from typing import Any, Final, NamedTuple

from cascade.graph.model import Graph
from cascade.graph.operands import KINDS, holds_stand_in
from cascade.runtime.strategies.jit.render import render
from cascade.runtime.strategies.outcome import is_call
from cascade.runtime.strategies.plans import Plan
from cascade.spec.common import LiteralValue
from cascade.spec.lazy_types import LazyResult
from cascade.spec.stand_in import LazyItem, StandIn
from cascade.spec.task import Task

LEAVES: Final = frozenset({int, float, str, bool, bytes, complex, type(None)})
"""The usual types of which every value is a leaf; others are looked up in `KINDS`."""

SLOW: Final = "slow"
"""The loop stopped because its steps take so long that its tasks may no longer belong in the event loop."""

_MISS: Final = object()
_numbers = itertools.count(1)


class Leave(NamedTuple):
    """In the middle of a step, something happened that the interpreter must go on with.

    Attributes:
        node: The index of the node that returned a call; ``None`` if a node raised.
        value: What it returned or raised.
        values: Values of the nodes by index, of which those called before in this step count.
    """

    node: int | None
    value: Any
    values: list[Any]


class CompiledShape:
    """A loop of steps of one shape.

    Attributes:
        graph: The structure.
        plan: Its plan.
        tasks: The tasks of its nodes, each once.
        source: The generated source.
        loop: ``loop(call, until)`` runs steps until the shape no longer fits or the time is over, and returns how many,
            the call or value that it stands at, and `SLOW`, a `Leave` or ``None``.
        checked_by: The slice of a run that has seen that all tasks may be called inline.
    """

    __slots__ = (
        "__weakref__",
        "_node_of_line",
        "checked_by",
        "graph",
        "leaves",
        "loop",
        "plan",
        "source",
        "steps",
        "tasks",
    )

    def __init__(self, graph: Graph, plan: Plan, slow_s: float) -> None:
        order = plan.order or list(range(len(graph)))
        self.graph = graph
        self.plan = plan
        self.source, self._node_of_line = render(graph, order)
        self.tasks: tuple[Task[..., Any], ...] = tuple({node.task: None for node in graph.nodes if node.task})
        self.checked_by: object = None
        self.steps = 0
        self.leaves = 0
        file_name = f"<cascade loop {next(_numbers)} of {graph.root.name}>"
        self.loop = _compile(self.source, file_name, _names(graph, slow_s))
        # So that tracebacks show the lines. They go when the shape goes.
        linecache.cache[file_name] = (len(self.source), None, self.source.splitlines(keepends=True), file_name)
        weakref.finalize(self, linecache.cache.pop, file_name, None).atexit = False

    def failed_node(self, error: BaseException) -> int | None:
        """Which node raised: the line of the loop in the traceback tells. ``None`` if it was between two calls."""
        traceback = error.__traceback__
        return None if traceback is None else self._node_of_line.get(traceback.tb_lineno)


def _compile(source: str, file_name: str, names: dict[str, Any]) -> Callable[[Any, float], tuple[int, Any, Any]]:
    exec(compile(source, file_name, "exec"), names)
    loop: Callable[[Any, float], tuple[int, Any, Any]] = names["loop"]
    return loop


def _names(graph: Graph, slow_s: float) -> dict[str, Any]:
    names: dict[str, Any] = {
        "LEAVES": LEAVES,
        "LazyItem": LazyItem,
        "LazyResult": LazyResult,
        "Leave": Leave,
        "MISS": _MISS,
        "SLOW": SLOW,
        "SLOW_S": slow_s,
        "clock": perf_counter,
        "is_open": _is_open,
        "plain": _plain,
    }
    for node in graph.nodes:
        if node.task is not None:
            names[f"T{node.index}"] = node.task
            names[f"f{node.index}"] = node.task.fn
    return names


def _is_open(value: Any) -> bool:
    """Whether a value is to be evaluated further."""
    return KINDS[type(value)] is not None and is_call(value)


def _plain(value: Any) -> Any:
    """The literal that the interpreter would take this argument for, or `_MISS` if it would be a node."""
    if KINDS[type(value)] is None:
        return value
    if type(value) is LiteralValue:
        return _MISS if isinstance(value._value, StandIn) else value._value
    return _MISS if isinstance(value, StandIn) or holds_stand_in(value) else value


__all__ = ["LEAVES", "SLOW", "CompiledShape", "Leave"]
