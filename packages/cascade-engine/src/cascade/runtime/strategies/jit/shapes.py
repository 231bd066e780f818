"""`CompiledLoop`: a rendered function with everything that its lines refer to."""

from __future__ import annotations

import asyncio
import itertools
import linecache
import weakref
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from contextvars import copy_context
from time import perf_counter
from types import CoroutineType, MappingProxyType
from typing import Any, Final, NamedTuple, cast

from cascade.graph.model import DataTuple, Graph
from cascade.graph.operands import KINDS, holds_stand_in
from cascade.runtime.flow import Skip
from cascade.runtime.strategies.jit.entries import entry, entry_of
from cascade.runtime.strategies.jit.forms import Form, forms, operands
from cascade.runtime.strategies.jit.leaves import LEAVES
from cascade.runtime.strategies.jit.lines import Called, Outline
from cascade.runtime.strategies.jit.paths import Tree, paths
from cascade.runtime.strategies.jit.render import filled_in, render
from cascade.runtime.strategies.jit.routed import NO_ROUTE, Routed, route_of
from cascade.runtime.strategies.jit.schedule import Turn, schedule
from cascade.runtime.strategies.jit.variants import Variant
from cascade.runtime.strategies.jit.waiting import Watch, differs
from cascade.runtime.strategies.outcome import is_call
from cascade.runtime.strategies.plans import Plan
from cascade.spec.common import LiteralValue
from cascade.spec.lazy_types import KeywordLazyResult, LazyResult
from cascade.spec.policies import NOTHING
from cascade.spec.routing import RoutedResult
from cascade.spec.stand_in import LazyItem, StandIn
from cascade.spec.task import Task

_SEQUENCES: Final = frozenset({list, tuple})
"""Usually these hold nothing but leaves, which one pass in C finds out."""

SLOW: Final = "slow"
"""The loop stopped because its steps take so long that its tasks may no longer belong in the event loop."""

_MISS: Final = object()
_numbers = itertools.count(1)

AnyTask = Task[..., Any]
Stop = tuple[int, Any, int, Any]
"""How many steps were run; the call or value that the loop stands at; the number of the ending of the last step; and
`SLOW`, a `Leave` or ``None``."""


class Shape(NamedTuple):
    """One shape of step.

    Attributes:
        graph: The structure.
        plan: Its plan.
        forms: How each node is written.
        turns: The order of the calls, if nothing is decided on the way.
        tree: The paths, if something is.
        entry: The task by which it is found.
    """

    graph: Graph
    plan: Plan
    forms: Sequence[Form]
    turns: Sequence[Turn]
    tree: Tree | None
    entry: AnyTask

    @property
    def outline(self) -> Outline:
        """What is rendered of it."""
        return Outline(self.graph, self.forms, self.turns, self.tree)

    def data(self, literals: Sequence[Any]) -> DataTuple:
        """The literals of a call by slot.

        Args:
            literals: Those that compiled code has read from the call.
        """
        slots = [reference for node in self.graph.nodes for _, reference in operands(node)]
        data = [*literals, *[None] * (-min(slots, default=0) - len(literals))]
        for form in self.forms:
            for name, resource in form.injected.items():
                data[-1 - form.node.kwargs[form.node.keywords.index(name)]] = resource
        return tuple(data)

    def before(self, reached: Collection[int], point: int | None) -> Mapping[int, Skip | None]:
        """Where the step is when some nodes have returned or failed.

        Args:
            reached: Those nodes.
            point: Where that is, in a shape with decisions.

        Returns:
            The nodes before, as in `Point`.
        """
        if self.tree is not None:
            assert point is not None
            return self.tree.points[point].settled
        done: dict[int, Skip | None] = {}
        for turn in self.turns:
            if not set(turn).isdisjoint(reached):
                break
            done.update(dict.fromkeys(turn))
        return done

    def certain(self) -> set[AnyTask]:
        """The tasks that every step calls."""
        if self.tree is None:
            return {form.node.task for form in self.forms if form.node.task is not None}
        nodes = self.graph.nodes
        called = [{task for made in path if (task := nodes[made.node].task)} for path in self.tree.calls()]
        return set.intersection(*called)


def shape_of(graph: Graph, plan: Plan) -> Shape | str:
    """The shape of a graph, or the reason why it is not compiled."""
    found, task = forms(graph), entry_of(graph)
    if isinstance(found, str):
        return found
    if task is None:
        return "there is no call of a task by which it could be found"
    if graph.gated:
        tree = paths(graph, plan)
        if isinstance(tree, str):
            return tree
        shape = Shape(graph, plan, found, (), tree, task)
        return _named_ending({path[-1].node for path in tree.calls() if path}, graph) or shape
    turns = schedule(graph, plan, lambda index: found[index].is_awaited)
    if isinstance(turns, str):
        return turns
    if any(found[index].policies.retry for turn in turns if len(turn) > 1 for index in turn):
        return "it awaits calls with retry at the same time"
    return _named_ending({graph.root.index}, graph) or Shape(graph, plan, found, turns, None, task)


def _named_ending(endings: Collection[int], graph: Graph) -> str | None:
    """Why a shape is not compiled whose last call has a name of its own: errors of the next step would need it."""
    named = [graph.nodes[index] for index in endings if graph.nodes[index].options.label is not None]
    return f"{named[0].structural_id} is the last of the step and has a name of its own" if named else None


class Leave(NamedTuple):
    """In the middle of a step, something happened that the interpreter must go on with.

    Attributes:
        place: Which of the loop's shapes; ``None`` if a node raised (see `CompiledLoop.failed`).
        node: The index of the node that returned a call, or whose first attempt failed; otherwise ``None``: several
            are under way, or compiled code cannot go on from here.
        value: What it returned or raised.
        values: Values of the nodes by index, of which those called before in this step count; if a node raised, for
            each shape such a list and one of literals.
        literals: The literals by slot, as they were when the step began: the call may have been changed since.
        is_attempt: Whether an attempt failed that may be followed by others.
        running: Calls that are awaited together, by index: the asyncio task of each and its coroutine.
        point: Where that is, in a shape with decisions.
    """

    place: int | None
    node: int | None
    value: Any
    values: Sequence[Any]
    literals: Sequence[Any]
    is_attempt: bool = False
    running: Mapping[int, tuple[asyncio.Task[Any], Coroutine[Any, Any, Any]]] = MappingProxyType({})
    point: int | None = None


class CompiledLoop:
    """A function that runs steps of some shapes.

    Attributes:
        shapes: The shapes.
        tasks: The tasks of their nodes, each once.
        certain: Those of them that must be called inline for the loop to be run.
        elsewhere: Those others that may not be called inline now.
        source: The generated source.
        awaits: Whether the function is to be awaited.
        skips: Whether it has conditions, and may skip calls.
        wanted: The resources that it needs.
        run: The function itself, which runs steps until no shape fits or the time is over, and returns a `Stop`:
            ``run(call, until, resources, routed, lets_go)``, with a `Watch` behind if it is to be awaited. With
            ``lets_go``, values that have been used are no longer held.
        task_at: The task that is called in a line of the source, counted from 1.
        endings: What the last call of a step was, by the number that `run` returns: the shape and the node.
        checked_by: The slice of a run that has seen that all tasks may be called inline.
        steps: Steps run so far.
        leaves: How often it left in the middle of a step.
    """

    __slots__ = (
        "__weakref__",
        "_calls",
        "_functions",
        "awaits",
        "certain",
        "checked_by",
        "elsewhere",
        "endings",
        "leaves",
        "run",
        "shapes",
        "skips",
        "source",
        "steps",
        "task_at",
        "tasks",
        "wanted",
    )

    def __init__(self, shapes: Sequence[Shape], slow_s: float, observe: Callable[[AnyTask, float], None]) -> None:
        self.shapes = tuple(shapes)
        outlines = [shape.outline for shape in shapes]
        rendered = render(outlines)
        self.source, self._calls, self.endings = rendered.text, rendered.calls, rendered.endings
        self.awaits = any(outline.awaits for outline in outlines)
        self.wanted = [shapes[place].forms[node.index].injected[name] for place, node, name in filled_in(outlines)]
        nodes = [node for shape in shapes for node in shape.graph.nodes]
        self.skips = any(node.options.condition is not None for node in nodes)
        self.tasks: tuple[AnyTask, ...] = tuple(dict.fromkeys(node.task for node in nodes if node.task is not None))
        self.certain = frozenset[AnyTask]().union(*(shape.certain() for shape in shapes))
        self.elsewhere: set[AnyTask] = set()
        self.task_at = {
            line: task
            for line, called in self._calls.items()
            if (task := shapes[called.place].graph.nodes[called.node].task) is not None
        }
        self._functions = [task.fn for task in self.tasks]
        self.checked_by: object = None
        self.steps = 0
        self.leaves = 0
        roots = " and ".join(dict.fromkeys(repr(shape.entry.name)[1:-1] for shape in shapes))
        file_name = f"<cascade loop {next(_numbers)}: {roots}>"
        names = _names(self.shapes) | {
            **rendered.defaults,
            "ELSEWHERE": self.elsewhere,
            "SLOW_CALL_S": slow_s,
            "SLOW_S": slow_s * max(len(shape.graph) for shape in shapes),
            "observe": observe,
        }
        self.run = _compile(self.source, file_name, names)
        # So that tracebacks show the lines. They go when the loop goes.
        linecache.cache[file_name] = (len(self.source), None, self.source.splitlines(keepends=True), file_name)
        weakref.finalize(self, linecache.cache.pop, file_name, None).atexit = False

    @property
    def entries(self) -> set[AnyTask]:
        """The tasks by which its shapes are found."""
        return {shape.entry for shape in self.shapes}

    @property
    def has_its_functions(self) -> bool:
        """Whether all tasks still have the functions that it calls: a test may have put others in their place."""
        return all(task.fn is function for task, function in zip(self.tasks, self._functions, strict=True))

    @property
    def is_linkable(self) -> bool:
        """Whether its calls can be told apart from others by their task alone."""
        return not any(shape.forms[-1].is_varied for shape in self.shapes)

    async def run_watched(
        self, call: Any, until: float, resources: Sequence[Any], routed: Routed, watch: Watch
    ) -> Stop:
        """Run a function that is to be awaited."""
        stop = await watch.over(
            cast("CoroutineType[Any, Any, Any]", self.run(call, until, resources, routed, True, watch))
        )
        return cast(Stop, stop)

    def may_run(self, is_inline: Callable[[AnyTask], bool]) -> bool:
        """Whether its tasks may be called inline now; those that only some paths call are noted if they may not."""
        elsewhere = {task for task in self.tasks if not is_inline(task)}
        if elsewhere & self.certain:
            return False
        if elsewhere != self.elsewhere:
            self.elsewhere.clear()
            self.elsewhere.update(elsewhere)
        return True

    def failed(self, error: BaseException) -> Called | None:
        """Which shape and node raised: the line in the traceback tells. ``None`` if it was between two calls."""
        traceback = error.__traceback__
        return None if traceback is None else self._calls.get(traceback.tb_lineno)


def _compile(source: str, file_name: str, names: dict[str, Any]) -> Callable[..., Any]:
    exec(compile(source, file_name, "exec"), names)
    loop: Callable[..., Any] = names["loop"]
    return loop


_COMMON: Final[dict[str, Any]] = {
    "LEAVES": LEAVES,
    "KeywordLazyResult": KeywordLazyResult,
    "NOTHING": NOTHING,
    "NO_ROUTE": NO_ROUTE,
    "RoutedResult": RoutedResult,
    "LazyItem": LazyItem,
    "LazyResult": LazyResult,
    "Leave": Leave,
    "MISS": _MISS,
    "ONCE": (None,),
    "SLOW": SLOW,
    "clock": perf_counter,
    "copy_context": copy_context,
    "differs": differs,
    "entry": entry,
    "route_of": route_of,
}


def _names(shapes: Sequence[Shape]) -> dict[str, Any]:
    names = _COMMON | {"is_open": _is_open, "plain": _plain}
    for place, shape in enumerate(shapes):
        names[f"E{place}"] = shape.entry
        for form in shape.forms:
            node = form.node
            if node.task is not None:
                names[f"T{place}_{node.index}"] = node.task
                names[f"f{place}_{node.index}"] = node.task.fn
                if form.is_varied:
                    names[f"gates{place}_{node.index}"] = Variant(node, form.policies).gates
    return names


def _is_open(value: Any) -> bool:
    """Whether a value is to be evaluated further."""
    if type(value) in _SEQUENCES and LEAVES.issuperset(map(type, value)):
        return False
    return KINDS[type(value)] is not None and is_call(value)


def _plain(value: Any) -> Any:
    """The literal that the interpreter would take this argument for, or `_MISS` if it would be a node."""
    kind = type(value)
    if KINDS[kind] is None or (kind in _SEQUENCES and LEAVES.issuperset(map(type, value))):
        return value
    if kind is LiteralValue:
        return _MISS if isinstance(value._value, StandIn) else value._value
    return _MISS if isinstance(value, StandIn) or holds_stand_in(value) else value


__all__ = ["SLOW", "CompiledLoop", "Leave", "Shape", "Stop", "shape_of"]
