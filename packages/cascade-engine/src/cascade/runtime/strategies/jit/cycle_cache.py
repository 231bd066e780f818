"""`CycleCache`: the compiled loops of an engine, found by the task at the root of a call.

A polymorphic inline cache. A shape is compiled when it comes back; the first time it is interpreted like everything
else. Shapes of one task share a loop, and loops that keep handing over to each other (mutual recursion) are linked into
one. A call that fits no shape goes to the interpreter, never to a wrong plan, because a compiled loop checks the whole
structure of every call that it makes.

Bounded: a few shapes a loop, some hundred tasks. A task whose shapes keep being evicted never settles, so it is left to
the interpreter; so is a loop that keeps leaving in the middle of its steps, because its nodes return calls or raise.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from time import perf_counter
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

from cascade.graph.model import Graph, Node
from cascade.runtime.strategies.jit.render import refusal
from cascade.runtime.strategies.jit.shapes import SLOW, CompiledLoop, Leave, Shape
from cascade.runtime.strategies.plans import Plan
from cascade.spec.lazy_types import LazyResult
from cascade.spec.task import Task

SHAPES_PER_LOOP: Final = 8
TASKS: Final = 256
_SEEN: Final = 1_024
_LEAVES_ALLOWED: Final = 16
_EVICTIONS_ALLOWED: Final = 16
_HANDOVERS: Final = 8
"""How often one loop hands over to another before the two are linked."""

AnyTask = Task[..., Any]


class Ran(NamedTuple):
    """What compiled loops have done.

    Attributes:
        steps: How many steps were run.
        call: The call or value that the program stands at.
        loop: The loop that ran the last of them; ``None`` if none fitted.
        place: The place of the last step's shape in that loop.
        left: Set if the interpreter must go on in the middle of a step.
    """

    steps: int
    call: Any
    loop: CompiledLoop | None
    place: int
    left: Leave | None


class CycleCache:
    """Compiled loops by root task.

    Args:
        inline: Whether a task may be called in the event loop's thread now.
        slow_s: Steps that take longer than this many seconds a node are given back to the interpreter.

    Attributes:
        statistics: Counts of ``hit``, ``compiled``, ``linked``, ``evicted``, ``left``, ``dropped`` and of
            ``refused: <why>``.
    """

    def __init__(self, inline: Callable[[AnyTask], bool], slow_s: float) -> None:
        self._inline = inline
        self._slow_s = slow_s
        self._loops: OrderedDict[AnyTask, CompiledLoop] = OrderedDict()
        self._seen: OrderedDict[Node, bool] = OrderedDict()
        """Roots of shapes that were met once (``False``), or were compiled or refused (``True``)."""
        self._handovers: Counter[tuple[CompiledLoop, CompiledLoop]] = Counter()
        self._evictions: WeakKeyDictionary[AnyTask, int] = WeakKeyDictionary()
        self._lock = threading.Lock()
        self.statistics: Counter[str] = Counter()

    def run(self, call: Any, until: float) -> Ran:
        """Run steps as long as they fit compiled shapes and the time is not over.

        Args:
            call: The call that the next step makes.
            until: When to stop, by `time.perf_counter`.
        """
        total = place = 0
        last: CompiledLoop | None = None
        this_slice = object()
        while type(call) is LazyResult:
            loop = self._loops.get(call._task)
            if loop is None:
                break
            if loop.checked_by is not this_slice:
                if not all(map(self._inline, loop.tasks)):
                    break
                loop.checked_by = this_slice
            steps, call, place, left = loop.run(call, until)
            if not steps and left is None:
                break
            if last is not None and last is not loop:
                self._note_handover(last, loop)
            total += steps
            last = loop
            loop.steps += steps
            if left is SLOW:
                break
            if left is not None:
                self._note_leave(loop)
                return Ran(total, call, loop, place, left)
            if perf_counter() >= until:
                break
        if total:
            self.statistics["hit"] += 1
        return Ran(total, call, last, place, None)

    def learn(self, graph: Graph, plan: Plan) -> None:
        """A step of this shape is about to be interpreted: compile it if it was met before."""
        root = graph.root
        is_settled = self._seen.get(root)
        if is_settled:
            return
        with self._lock:
            self._seen[root] = is_settled is not None
            if is_settled is None:
                if len(self._seen) > _SEEN:
                    self._seen.popitem(last=False)
                return
            reason = refusal(graph)
            if reason is not None or root.task is None:
                self.statistics[f"refused: {reason}"] += 1
                return
            if self._evictions.get(root.task, 0) >= _EVICTIONS_ALLOWED:
                self.statistics[f"refused: {root.name} has too many shapes"] += 1
                return
            known = self._loops.get(root.task)
            shapes = [Shape(graph, plan), *(() if known is None else known.shapes)]
            for shape in shapes[SHAPES_PER_LOOP:]:
                self._evict(shape)
            self._put(shapes[:SHAPES_PER_LOOP])
            self.statistics["compiled"] += 1

    def loops(self) -> list[CompiledLoop]:
        """All compiled loops."""
        return list(dict.fromkeys(self._loops.values()))

    def _put(self, shapes: Iterable[Shape]) -> None:
        """Compile shapes into one loop, which takes the place of those that had them."""
        self._handovers.clear()  # so that it holds no loop that is no longer in use
        loop = CompiledLoop(list(shapes), self._slow_s)
        replaced = {self._loops.get(shape.graph.root.task) for shape in loop.shapes}  # type: ignore[arg-type]
        for task in [task for task, other in self._loops.items() if other in replaced]:
            del self._loops[task]
        for shape in loop.shapes:
            assert shape.graph.root.task is not None
            self._loops[shape.graph.root.task] = loop
        while len(self._loops) > TASKS:
            _, oldest = self._loops.popitem(last=False)
            if oldest not in self._loops.values():
                for shape in oldest.shapes:
                    self._evict(shape)

    def _evict(self, shape: Shape) -> None:
        root = shape.graph.root
        assert root.task is not None
        self._seen.pop(root, None)
        self._evictions[root.task] = self._evictions.get(root.task, 0) + 1
        self.statistics["evicted"] += 1

    def _note_handover(self, first: CompiledLoop, second: CompiledLoop) -> None:
        if len(first.shapes) + len(second.shapes) > SHAPES_PER_LOOP:
            return
        pair = first, second
        if pair not in self._handovers and first not in self._loops.values():
            return  # it was replaced a moment ago, and is only finishing its turn
        self._handovers[pair] += 1
        if self._handovers[pair] < _HANDOVERS:
            return
        with self._lock:
            known = self._loops.values()
            if first in known and second in known:
                self._put((*first.shapes, *second.shapes))
                self.statistics["linked"] += 1

    def _note_leave(self, loop: CompiledLoop) -> None:
        self.statistics["left"] += 1
        loop.leaves += 1
        if loop.leaves > _LEAVES_ALLOWED and loop.leaves * 4 > loop.steps:
            with self._lock:
                self._handovers.clear()
                for task in [task for task, other in self._loops.items() if other is loop]:
                    del self._loops[task]
                self.statistics["dropped"] += 1


__all__ = ["CycleCache", "Ran"]
