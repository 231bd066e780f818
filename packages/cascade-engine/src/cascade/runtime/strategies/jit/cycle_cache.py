"""`CycleCache`: the compiled shapes of an engine, found by the task at the root of a call.

A polymorphic inline cache: for each task the few shapes that its calls had, the last one that fitted first. A shape
is compiled when it comes back: the first time it is interpreted like everything else. A call that fits no shape goes
to the interpreter, never to a wrong plan, because every compiled loop checks the whole structure of every call it
makes.

Bounded twice: a few shapes a task, some hundred tasks. A shape that keeps leaving in the middle of its steps (its
nodes return calls, or raise) costs more than it saves and is not compiled again."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable
from time import perf_counter
from typing import Any, Final, NamedTuple

from cascade.graph.model import Graph, Node
from cascade.runtime.strategies.jit.render import refusal
from cascade.runtime.strategies.jit.shapes import SLOW, CompiledShape, Leave
from cascade.runtime.strategies.plans import Plan
from cascade.spec.lazy_types import LazyResult
from cascade.spec.task import Task

SHAPES_PER_TASK: Final = 8
TASKS: Final = 256
_SEEN: Final = 1_024
_LEAVES_ALLOWED: Final = 16


class Ran(NamedTuple):
    """What compiled loops have done.

    Attributes:
        steps: How many steps were run.
        call: The call or value that the loop stands at.
        nodes: How many nodes were run.
        shape: The shape of the last step; ``None`` if no shape fitted.
        left: Set if the interpreter must go on in the middle of a step.
    """

    steps: int
    call: Any
    nodes: int
    shape: CompiledShape | None
    left: Leave | None


class CycleCache:
    """Compiled loops by root task.

    Args:
        inline: Whether a task may be called in the event loop's thread now.
        slow_s: Steps that take longer than this many seconds a node are given back to the interpreter.

    Attributes:
        statistics: Counts of ``hit``, ``compiled``, ``evicted``, ``left`` and of ``refused: <why>``.
    """

    def __init__(self, inline: Callable[[Task[..., Any]], bool], slow_s: float) -> None:
        self._inline = inline
        self._slow_s = slow_s
        self._shapes: OrderedDict[Task[..., Any], list[CompiledShape]] = OrderedDict()
        self._seen: OrderedDict[Node, bool] = OrderedDict()
        """Roots of shapes that were met once (``False``), or are not to be compiled (``True``)."""
        self._lock = threading.Lock()
        self.statistics: Counter[str] = Counter()

    def run(self, call: Any, until: float) -> Ran:
        """Run steps as long as they fit compiled shapes and the time is not over.

        Args:
            call: The call that the next step makes.
            until: When to stop, by `time.perf_counter`.
        """
        total = nodes = 0
        last: CompiledShape | None = None
        this_slice = object()
        while type(call) is LazyResult:
            shapes = self._shapes.get(call._task)
            if shapes is None:
                break
            for place, shape in enumerate(shapes):
                if shape.checked_by is not this_slice:
                    if not all(map(self._inline, shape.tasks)):
                        continue
                    shape.checked_by = this_slice
                steps, call, left = shape.loop(call, until)
                if not steps and left is None:
                    continue
                if place:  # the last that fitted is tried first
                    shapes.insert(0, shapes.pop(place))
                total += steps
                nodes += steps * len(shape.graph)
                last = shape
                shape.steps += steps
                if left is SLOW:
                    return Ran(total, call, nodes, last, None)
                if left is not None:
                    self._note_leave(shape)
                    return Ran(total, call, nodes, last, left)
                break
            else:
                break
            if perf_counter() >= until:
                break
        if total:
            self.statistics["hit"] += 1
        return Ran(total, call, nodes, last, None)

    def learn(self, graph: Graph, plan: Plan) -> None:
        """A step of this shape is about to be interpreted: compile it if it was met before."""
        root = graph.root
        is_settled = self._seen.get(root)
        if is_settled:
            return
        with self._lock:
            if is_settled is None:
                self._seen[root] = False
                if len(self._seen) > _SEEN:
                    self._seen.popitem(last=False)
                return
            self._seen[root] = True
            reason = refusal(graph)
            if reason is not None:
                self.statistics[f"refused: {reason}"] += 1
                return
            assert root.task is not None
            shapes = self._shapes.setdefault(root.task, [])
            shapes.insert(0, CompiledShape(graph, plan, self._slow_s * len(graph)))
            self.statistics["compiled"] += 1
            if len(shapes) > SHAPES_PER_TASK:
                self._evict(shapes.pop())
            if len(self._shapes) > TASKS:
                for shape in self._shapes.popitem(last=False)[1]:
                    self._evict(shape)

    def shapes(self) -> list[CompiledShape]:
        """All compiled shapes."""
        return [shape for shapes in self._shapes.values() for shape in shapes]

    def _evict(self, shape: CompiledShape) -> None:
        self._seen.pop(shape.graph.root, None)
        self.statistics["evicted"] += 1

    def _note_leave(self, shape: CompiledShape) -> None:
        self.statistics["left"] += 1
        shape.leaves += 1
        if shape.leaves > _LEAVES_ALLOWED and shape.leaves * 4 > shape.steps:
            with self._lock:
                shapes = self._shapes.get(shape.graph.root.task)  # type: ignore[arg-type]
                if shapes is not None and shape in shapes:
                    shapes.remove(shape)
                    self.statistics["dropped"] += 1


__all__ = ["CycleCache", "Ran"]
