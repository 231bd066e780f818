"""`paths`: a step with conditions and routes as a tree of straight lines.

What such a step calls depends on values. But between two decisions it is a straight line, and the decisions are few.
So the step is rehearsed: the interpreter's own parts (`Frame`, `FlowManager`, `ArgumentResolver`) run it, with marks in
the place of values, and what would be called with what is written down. Where a decision is due, the rehearsal forks.
What comes out is a tree: for ``use(work(x).run_if(c), y)``, where ``use`` has a default for what is skipped::

    decide c --+-- true ---- v0 = work(x), call = use(v0, y)
               +-- false --- call = use(<default>, y)

So demand, skips, defaults and the order of the calls are the interpreter's by construction; no rule is written twice.
A step that could take too many ways is left to the interpreter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from cascade.graph.expressions import ROUTER_WITH_DEFAULT
from cascade.graph.model import Graph, NodeKind
from cascade.runtime.flow import FlowManager, Skip
from cascade.runtime.resolvers import ArgumentResolver
from cascade.runtime.strategies.frame import Frame
from cascade.runtime.strategies.jit.forms import operands
from cascade.runtime.strategies.plans import Plan

MOST_CALLS: Final = 128
"""Calls that are written down for one step, on all its paths together."""


class Default(NamedTuple):
    """The default of a parameter whose input was skipped.

    Attributes:
        node: The index of the node.
        at: The place of the parameter among the operands, or its name.
        value: The default.
    """

    node: int
    at: int | str
    value: Any


Operand = int | Default
"""A reference (see `cascade.graph.model`), or a default."""


class Point(NamedTuple):
    """A place on a path.

    Attributes:
        settled: The nodes whose turn has come, in their order: the `Skip` of those that were skipped then, and ``None``
            for those that have been called.
    """

    settled: Mapping[int, Skip | None]


class Made(NamedTuple):
    """A call, or an expression.

    Attributes:
        node: Its index.
        args: Its positional operands.
        kwargs: Its keyword operands.
        point: Where that is; ``None`` in a step without decisions.
    """

    node: int
    args: Sequence[Operand]
    kwargs: Sequence[tuple[str, Operand]]
    point: int | None


class Path(NamedTuple):
    """A straight line and its end.

    Attributes:
        line: What is made, in this order.
        end: The decision behind it; or the call whose value is that of the step; or a value that is; ``None`` if the
            step has no value, because what it computes was skipped.
        point: Where the end is.
    """

    line: Sequence[Made]
    end: Decision | Made | Operand | None
    point: int


class Decision(NamedTuple):
    """A condition or a selector is looked at.

    Attributes:
        node: The node that is gated, or the router.
        subject: The condition or the selector.
        keys: The keys of a router's routes; ``None`` for a condition.
        arms: The paths: the first if the condition is true and the second if it is false; or one for each route.
        has_default: Whether the last route is taken where no key fits.
    """

    node: int
    subject: int
    keys: int | None
    arms: Sequence[Path]
    has_default: bool


class Tree(NamedTuple):
    """All paths of a step.

    Attributes:
        start: How it begins.
        points: The places on its paths, by number.
    """

    start: Path
    points: Sequence[Point]

    def calls(self) -> Iterator[list[Made]]:
        """What is made on each path, from the beginning to the end."""
        stack: list[tuple[Path, list[Made]]] = [(self.start, [])]
        while stack:
            path, before = stack.pop()
            made = [*before, *path.line, *([path.end] if isinstance(path.end, Made) else [])]
            if isinstance(path.end, Decision):
                stack += [(arm, made) for arm in path.end.arms]
            else:
                yield made


def paths(graph: Graph, plan: Plan) -> Tree | str:
    """All paths of a step whose nodes are sync calls and expressions, or the reason why they are not written down."""
    explorer = _Explorer(graph, plan)
    try:
        return Tree(explorer.explore((), 0), explorer.points)
    except _TooManyError:
        return "it could take too many ways"


class _TooManyError(Exception):
    """There are too many paths."""


class _Undecided(Exception):  # the rehearsal has come to its end; nothing is wrong
    """A decision is due that no outcome was given for."""

    def __init__(self, node: int) -> None:
        self.node = node


class _Mark(NamedTuple):
    """Stands for a value.

    Attributes:
        reference: Of which node or literal.
    """

    reference: int


class _RehearsedFlow(FlowManager):
    """Takes the decisions that it is told to take.

    Args:
        graph: The structure of the step.
        values: The marks.
        outcomes: For each decision in turn, the number of the arm.
    """

    def __init__(self, graph: Graph, values: list[Any], outcomes: Sequence[int]) -> None:
        super().__init__(graph, values)
        self._outcomes = iter(outcomes)

    def condition_holds(self, index: int) -> bool:
        return self._outcome(index) == 0

    def chosen_route(self, index: int) -> int:
        outcome = self._outcome(index)
        return self._nodes[index].args[2 + outcome]

    def _outcome(self, index: int) -> int:
        for outcome in self._outcomes:
            return outcome
        raise _Undecided(index)


class _Explorer:
    def __init__(self, graph: Graph, plan: Plan) -> None:
        self.points: list[Point] = []
        self._graph = graph
        self._plan = plan
        slots = -min((reference for node in graph.nodes for _, reference in operands(node)), default=0)
        self._data = tuple(_Mark(-1 - slot) for slot in range(slots))
        self._resolver = ArgumentResolver()
        self._calls = 0

    def explore(self, outcomes: tuple[int, ...], known: int) -> Path:
        """The path behind some decisions.

        Args:
            outcomes: Of the decisions before it.
            known: How many calls were made before it.
        """
        made: list[Made] = []
        settled: dict[int, Skip | None] = {}
        try:
            end = self._rehearse(outcomes, made, settled)
        except _Undecided as undecided:
            point = self._point(settled)
            line = self._count(made[known:])
            return Path(line, self._decision(undecided.node, outcomes, len(made)), point)
        if isinstance(end, Made):
            return Path(self._count(made[known:-1]), end, len(self.points) - 1)
        return Path(self._count(made[known:]), end, self._point(settled))

    def _rehearse(
        self, outcomes: Sequence[int], made: list[Made], settled: dict[int, Skip | None]
    ) -> Made | Operand | None:
        """Run the step to its end, or to the first decision without an outcome."""
        frame = Frame(self._graph, self._data, self._plan, None, 0, 1)
        flow = frame.flow = _RehearsedFlow(self._graph, frame.values, outcomes)
        frame.start()
        while not flow.is_settled(frame.root):
            index = frame.next()
            node = frame.nodes[index]
            found = self._resolver.resolve_or_skip(node, frame.values)
            if isinstance(found, Skip):
                settled[index] = found
                frame.settle(index, found)
                continue
            args, kwargs = found
            made.append(
                Made(
                    index,
                    [_operand(index, at, value) for at, value in enumerate(args)],
                    [(name, _operand(index, name, value)) for name, value in kwargs.items()],
                    self._point(settled),
                )
            )
            if flow.tail == index and node.kind is NodeKind.TASK:
                return made[-1]
            settled[index] = None
            frame.settle(index, _Mark(index))
        value = frame.values[frame.root]
        return value.reference if isinstance(value, _Mark) else None

    def _decision(self, index: int, outcomes: tuple[int, ...], known: int) -> Decision:
        node = self._graph.nodes[index]
        if node.kind is NodeKind.ROUTER:
            has_default = node.operation is ROUTER_WITH_DEFAULT
            subject, keys, count = node.args[0], node.args[1], len(node.args) - 2
        else:
            assert node.options.condition is not None
            has_default = False
            subject, keys, count = node.options.condition, None, 2
        arms = [self.explore((*outcomes, outcome), known) for outcome in range(count)]
        return Decision(index, subject, keys, arms, has_default)

    def _point(self, settled: dict[int, Skip | None]) -> int:
        self.points.append(Point(dict(settled)))
        return len(self.points) - 1

    def _count(self, line: list[Made]) -> list[Made]:
        self._calls += len(line) + 1
        if self._calls > MOST_CALLS:
            raise _TooManyError
        return line


def _operand(node: int, at: int | str, value: Any) -> Operand:
    return value.reference if isinstance(value, _Mark) else Default(node, at, value)


__all__ = ["MOST_CALLS", "Decision", "Default", "Made", "Operand", "Path", "Point", "Tree", "paths"]
