"""`CompiledLoop`: a rendered function with everything that its lines refer to."""

from __future__ import annotations

import itertools
import linecache
import weakref
from collections.abc import Callable, Sequence
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


Run = Callable[[Any, float], tuple[int, Any, int, Any]]


class Shape(NamedTuple):
    """One shape of step.

    Attributes:
        graph: The structure.
        plan: Its plan.
    """

    graph: Graph
    plan: Plan


class Leave(NamedTuple):
    """In the middle of a step, something happened that the interpreter must go on with.

    Attributes:
        place: Which of the loop's shapes; ``None`` if a node raised (see `CompiledLoop.failed`).
        node: The index of the node that returned a call; ``None`` if a node raised.
        value: What it returned or raised.
        values: Values of the nodes by index, of which those called before in this step count; if a node raised, such
            a list for each shape.
    """

    place: int | None
    node: int | None
    value: Any
    values: list[Any]


class CompiledLoop:
    """A function that runs steps of some shapes.

    Attributes:
        shapes: The shapes.
        tasks: The tasks of their nodes, each once.
        source: The generated source.
        run: ``run(call, until)`` runs steps until no shape fits or the time is over, and returns how many; the call or
            value that it stands at; the place of the shape that returned it; and `SLOW`, a `Leave` or ``None``.
        checked_by: The slice of a run that has seen that all tasks may be called inline.
        steps: Steps run so far.
        leaves: How often it left in the middle of a step.
    """

    __slots__ = ("__weakref__", "_calls", "checked_by", "leaves", "run", "shapes", "source", "steps", "tasks")

    def __init__(self, shapes: Sequence[Shape], slow_s: float) -> None:
        self.shapes = tuple(shapes)
        graphs = [shape.graph for shape in shapes]
        orders = [shape.plan.order or range(len(shape.graph)) for shape in shapes]
        self.source, self._calls = render(graphs, orders)
        tasks = {node.task: None for graph in graphs for node in graph.nodes if node.task is not None}
        self.tasks: tuple[Task[..., Any], ...] = tuple(tasks)
        self.checked_by: object = None
        self.steps = 0
        self.leaves = 0
        names = " and ".join(dict.fromkeys(repr(graph.root.name)[1:-1] for graph in graphs))
        file_name = f"<cascade loop {next(_numbers)}: {names}>"
        self.run = _compile(self.source, file_name, _names(graphs, slow_s * max(map(len, graphs))))
        # So that tracebacks show the lines. They go when the loop goes.
        linecache.cache[file_name] = (len(self.source), None, self.source.splitlines(keepends=True), file_name)
        weakref.finalize(self, linecache.cache.pop, file_name, None).atexit = False

    def failed(self, error: BaseException) -> tuple[int, int] | None:
        """Which shape and node raised: the line in the traceback tells. ``None`` if it was between two calls."""
        traceback = error.__traceback__
        return None if traceback is None else self._calls.get(traceback.tb_lineno)


def _compile(source: str, file_name: str, names: dict[str, Any]) -> Run:
    exec(compile(source, file_name, "exec"), names)
    loop: Run = names["loop"]
    return loop


def _names(graphs: Sequence[Graph], slow_s: float) -> dict[str, Any]:
    names: dict[str, Any] = {
        "LEAVES": LEAVES,
        "LazyItem": LazyItem,
        "LazyResult": LazyResult,
        "Leave": Leave,
        "MISS": _MISS,
        "ONCE": (None,),
        "SLOW": SLOW,
        "SLOW_S": slow_s,
        "clock": perf_counter,
        "is_open": _is_open,
        "plain": _plain,
    }
    for place, graph in enumerate(graphs):
        for node in graph.nodes:
            if node.task is not None:
                names[f"T{place}_{node.index}"] = node.task
                names[f"f{place}_{node.index}"] = node.task.fn
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


__all__ = ["LEAVES", "SLOW", "CompiledLoop", "Leave", "Shape"]
