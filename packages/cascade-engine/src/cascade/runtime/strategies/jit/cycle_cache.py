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
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from time import perf_counter
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

from cascade.graph.build import build_graph
from cascade.graph.model import Graph, Node
from cascade.runtime.strategies.jit.entries import entry, entry_of
from cascade.runtime.strategies.jit.explain import difference
from cascade.runtime.strategies.jit.forms import forms
from cascade.runtime.strategies.jit.routed import Routed
from cascade.runtime.strategies.jit.shapes import SLOW, CompiledLoop, Leave, Shape, Stop, shape_of
from cascade.runtime.strategies.jit.waiting import Watch
from cascade.runtime.strategies.plans import Plan
from cascade.spec.errors import UnexpectedCompilationError
from cascade.spec.policies import NOTHING
from cascade.spec.protocols import InlineExecutor
from cascade.spec.resources import InjectStandIn
from cascade.spec.task import Task

SHAPES_PER_LOOP: Final = 8
TASKS: Final = 256
_SEEN: Final = 1_024
_OUTCOMES: Final = 100
_LEAVES_ALLOWED: Final = 16
_EVICTIONS_ALLOWED: Final = 16
_FIRST_MET: Final = "first met"
_ROUTED: Final = "its route is known beforehand"
_COMPILED: Final = "compiled, but not to be run now"
_HANDOVERS: Final = 8
"""How often one loop hands over to another before the two are linked."""

AnyTask = Task[..., Any]
Opened = Callable[[InjectStandIn], Any]
"""Gives the value of a resource, or `NOTHING` if it is not open."""


class Ran(NamedTuple):
    """What compiled loops have done.

    Attributes:
        steps: How many steps were run.
        call: The call or value that the program stands at.
        loop: The loop that ran the last of them; ``None`` if none fitted.
        ending: What the last call of the last of them was (see `CompiledLoop`).
        left: Set if the interpreter must go on in the middle of a step.
        following: The loop that goes on from here, if it is one that must be awaited.
        is_slow: Whether the last steps took long, so that the interpreter is to measure the calls of the next.
        kept: Context variables that functions have set for the rest of the run.
    """

    steps: int
    call: Any
    loop: CompiledLoop | None
    ending: int
    left: Leave | None
    following: CompiledLoop | None = None
    is_slow: bool = False
    kept: Sequence[tuple[ContextVar[Any], Any]] = ()


class CycleCache:
    """Compiled loops by root task.

    Args:
        executor: Tells which tasks may be called in the event loop's thread now.

    Attributes:
        statistics: What came of the steps of loops. ``hit`` counts how often compiled code was entered, and ``steps``
            the steps that it ran; ``miss: <why>`` the steps that were interpreted; ``compiled`` and ``linked`` the
            functions that were made; ``evicted``, ``dropped`` and ``refused: <why>`` the shapes that have none any
            more, or never had one; ``left`` how often a step was left in its middle. Reasons name nodes, so there may
            be any number of them: those that come after the first hundred are counted as ``other reasons``.
    """

    def __init__(self, executor: InlineExecutor) -> None:
        self._inline = executor.inline
        self._observe = executor.observe
        self._slow_s = executor.slow_s
        self._loops: OrderedDict[AnyTask, CompiledLoop] = OrderedDict()
        self._seen: OrderedDict[Node, str] = OrderedDict()
        """The roots of shapes that were met, and what came of them."""
        self._is_complete = False
        self._handovers: Counter[tuple[CompiledLoop, CompiledLoop]] = Counter()
        self._evictions: WeakKeyDictionary[AnyTask, int] = WeakKeyDictionary()
        self._lock = threading.Lock()
        self.statistics: Counter[str] = Counter()

    def run(self, call: Any, until: float, opened: Opened, *, keeps: bool, tells_skips: bool) -> Ran:
        """Run steps as long as they fit compiled shapes and the time is not over.

        Args:
            call: The call that the next step makes.
            until: When to stop, by `time.perf_counter`.
            opened: Gives the resources of the run.
            keeps: Whether the values of a step are wanted even when they have been used, in case it is left.
            tells_skips: Whether somebody listens to what is skipped: compiled code does not tell.
        """
        total = ending = 0
        last: CompiledLoop | None = None
        following: CompiledLoop | None = None
        this_slice = object()
        left: Any = None
        routed = Routed()
        call = routed.chosen(call)
        while (task := entry(call)) is not None:
            loop = self._loops.get(task)
            if loop is None:
                break
            if loop.checked_by is not this_slice:
                if (tells_skips and loop.skips) or not (loop.has_its_functions and loop.may_run(self._inline)):
                    break
                loop.checked_by = this_slice
            if last is not None and last is not loop:
                self._note_handover(last, loop)
            if loop.awaits:
                following = loop
                break
            resources = [opened(wanted) for wanted in loop.wanted]
            if _is_missing(resources):
                break
            steps, call, at, left = loop.run(call, until, resources, routed, not keeps)
            if not steps and left is None:
                break
            total, last, ending = total + steps, loop, at
            loop.steps += steps
            if left is not None or perf_counter() >= until:
                break
        return self._ran(total, call if left else routed.given(call), last, ending, left, following)

    async def run_awaited(self, loop: CompiledLoop, call: Any, until: float, opened: Opened, watch: Watch) -> Ran:
        """Run steps of a loop that must be awaited, in an asyncio task of their own."""
        resources = [opened(wanted) for wanted in loop.wanted]
        routed = Routed()
        call = routed.chosen(call)
        stop: Stop = (0, call, 0, None)
        if not _is_missing(resources):
            stop = await loop.run_watched(call, until, resources, routed, watch)
        steps, call, ending, left = stop
        loop.steps += steps
        task = entry(call) if steps and left is None else None
        other = None if task is None else self._loops.get(task)
        if other is not None and other is not loop:
            self._note_handover(loop, other)
        call = call if left else routed.given(call)
        return self._ran(steps, call, loop if steps or left else None, ending, left, None)

    def learn(self, graph: Graph, plan: Plan) -> None:
        """A step of this shape is about to be interpreted: compile it if it was met before.

        Raises:
            UnexpectedCompilationError: It would be compiled inside `expect_no_compilation`.
        """
        root = graph.root
        outcome = self._seen.get(root)
        self._count(f"miss: {outcome or _FIRST_MET}")
        if outcome is not None and outcome != _FIRST_MET:
            return
        with self._lock:
            if self._seen.get(root) != outcome:  # another thread has met the same shape in the same moment
                return
            if outcome is None:
                self._meet(root)
                return
            shape = self._compilable(graph, plan)
            if isinstance(shape, str):
                self._seen[root] = f"refused: {shape}"
                self._count(f"refused: {shape}")
                return
            if self._is_complete:
                raise UnexpectedCompilationError(f"a shape of {root.name} would be compiled: {self._why_new(graph)}")
            self._seen[root] = _COMPILED
            known = self._loops.get(shape.entry)
            shapes = [shape, *(() if known is None else known.shapes)]
            for evicted in shapes[SHAPES_PER_LOOP:]:
                self._evict(evicted)
            self._put(shapes[:SHAPES_PER_LOOP])
            self.statistics["compiled"] += 1

    def is_news(self, route: Node) -> bool:
        """A router is about to be interpreted whose route could be seen beforehand.

        Returns:
            Whether the chosen call should be learned, for which a graph of it is built: only the first times.
        """
        with self._lock:
            outcome = self._seen.get(route)
            if outcome is None:
                self._meet(route)
            elif outcome == _FIRST_MET:
                self._seen[route] = _ROUTED
        self._count(f"miss: {outcome or _FIRST_MET}")
        return outcome != _ROUTED

    def _meet(self, node: Node) -> None:
        self._seen[node] = _FIRST_MET
        if len(self._seen) > _SEEN:
            self._seen.popitem(last=False)

    @contextmanager
    def expect_no_compilation(self) -> Iterator[None]:
        """For tests of a loop in its steady state: a step that would be compiled is an error instead.

        Example:
            ``with engine.cycles.expect_no_compilation(): cs.run(loop(1_000), engine=engine)``
        """
        self._is_complete = True
        try:
            yield
        finally:
            self._is_complete = False

    def explain(self, call: Any) -> str:
        """Why the next step that makes this call would be interpreted, or that it would not.

        Raises:
            CascadeError: No graph can be built of it.
        """
        graph, _, _ = build_graph(call)
        loop = self._loop_of(graph)
        if loop is not None:
            if all(difference(shape.graph, graph) is not None for shape in loop.shapes):
                return f"it has a new shape: {self._why_new(graph)}"
            elsewhere = [task.name for task in loop.tasks if task in loop.certain and not self._inline(task)]
            if elsewhere:
                return f"it is compiled, but {', '.join(elsewhere)} runs outside the event loop's thread"
            return "it is compiled"
        found = forms(graph)
        if isinstance(found, str):
            return f"its shape is interpreted: {found}"
        met = [root for root in list(self._seen) if difference(Graph(_below(root)), graph) is None]
        return f"it has no compiled loop; {self._seen[met[0]]}" if met else "no step of its shape was interpreted yet"

    def _count(self, outcome: str) -> None:
        if outcome not in self.statistics and len(self.statistics) >= _OUTCOMES:
            outcome = f"{outcome.partition(':')[0]}: other reasons"
        self.statistics[outcome] += 1

    def _compilable(self, graph: Graph, plan: Plan) -> Shape | str:
        shape = shape_of(graph, plan)
        if isinstance(shape, str):
            return shape
        known, name = self._loops.get(shape.entry), graph.root.name
        if self._evictions.get(shape.entry, 0) >= _EVICTIONS_ALLOWED:
            return f"{name} has too many shapes"
        if known is not None and len(known.entries) > 1 and shape.forms[-1].is_varied:
            return f"{name} has policies in a loop of several tasks"
        return shape

    def _why_new(self, graph: Graph) -> str:
        """How a graph differs from those that are compiled for its root's task."""
        loop = self._loop_of(graph)
        shapes = () if loop is None else [shape.graph for shape in loop.shapes if shape.entry is entry_of(graph)]
        return "; ".join(filter(None, (difference(known, graph) for known in shapes))) or "there was none before"

    def _loop_of(self, graph: Graph) -> CompiledLoop | None:
        task = entry_of(graph)
        return None if task is None else self._loops.get(task)

    def loops(self) -> list[CompiledLoop]:
        """All compiled loops."""
        return list(dict.fromkeys(self._loops.values()))

    def _ran(
        self,
        steps: int,
        call: Any,
        loop: CompiledLoop | None,
        ending: int,
        left: Any,
        following: CompiledLoop | None,
    ) -> Ran:
        if loop is not None:
            self.statistics["hit"] += 1
            self.statistics["steps"] += steps
        if left is SLOW:
            return Ran(steps, call, loop, ending, None, is_slow=True)
        if left is not None and loop is not None:
            self._note_leave(loop)
        return Ran(steps, call, loop, ending, left, following)

    def _put(self, shapes: Iterable[Shape]) -> None:
        """Compile shapes into one loop, which takes the place of those that had them."""
        self._handovers.clear()  # so that it holds no loop that is no longer in use
        loop = CompiledLoop(list(shapes), self._slow_s, self._observe)
        replaced = {self._loops.get(shape.entry) for shape in loop.shapes}
        for task in [task for task, other in self._loops.items() if other in replaced]:
            del self._loops[task]
        for shape in loop.shapes:
            self._loops[shape.entry] = loop
        while len(self._loops) > TASKS:
            _, oldest = self._loops.popitem(last=False)
            if oldest not in self._loops.values():
                for shape in oldest.shapes:
                    self._evict(shape)

    def _evict(self, shape: Shape) -> None:
        self._seen.pop(shape.graph.root, None)
        self._evictions[shape.entry] = self._evictions.get(shape.entry, 0) + 1
        self.statistics["evicted"] += 1

    def _note_handover(self, first: CompiledLoop, second: CompiledLoop) -> None:
        if len(first.shapes) + len(second.shapes) > SHAPES_PER_LOOP or not (first.is_linkable and second.is_linkable):
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


def _below(root: Node) -> list[Node]:
    """All nodes that a node needs, and itself, each behind its inputs."""
    found = {root.index: root}
    stack = [root]
    while stack:
        for node in stack.pop().inputs:
            if node.index not in found:
                found[node.index] = node
                stack.append(node)
    return [found[index] for index in sorted(found)]


def _is_missing(resources: list[Any]) -> bool:
    return any(value is NOTHING for value in resources)  # by identity: what a resource says of equality is its own


__all__ = ["CycleCache", "Opened", "Ran"]
