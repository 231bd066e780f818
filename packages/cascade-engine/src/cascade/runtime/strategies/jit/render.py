"""From the shape of a step to the source of a function that runs loops of that shape.

`render` is a pure function of structure: it writes down the guard, the calls in the solver's order, and the tail-call
loop around them. For the step ``loop(n - 1, shift(n))``, nodes ``0 shift`` and ``1 loop``, it gives in essence::

    def loop(call, until):
        while True:
            for _ in range(batch):
                if type(call) is not LazyResult or call._task is not T1 or call._kwargs: <miss>
                args = call._args
                if len(args) != 2: <miss>
                x1_0, c0 = args
                if type(x1_0) not in LEAVES: <look closer, or miss>
                ... the same for c0, the call of shift ...
                v0 = f0(x0_0)
                if type(v0) not in LEAVES and is_open(v0): <leave: v0 is itself a call>
                call = f1(x1_0, v0)
            <look at the clock>

The guard proves, before anything runs, that the interpreter would build this very graph from the call: the same task
objects, the same number of arguments, no options, nodes where nodes were and values where values were, the same
sharing. Every literal is read from the new call; nothing is remembered of an earlier one.

Two calls that must be different nodes are compared only where they could be the same object: calls of the same task of
which neither is below the other. A call cannot be an argument of itself, because its arguments existed before it.

Loops that go through several shapes (mutual recursion, a step that alternates) are rendered as one function that
looks at the task of each call and tries the shapes that have it at their root.

Shapes that cannot be rendered (see `refusal`) are left to the interpreter.
"""

from __future__ import annotations

from collections.abc import Sequence
from keyword import iskeyword
from typing import Final, NamedTuple

from cascade.graph.expressions import ITEM, SequenceOf
from cascade.graph.model import Graph, Node, NodeKind

LARGEST: Final = 64
"""Nodes of the largest graph that is rendered; larger ones are better served by the interpreter's loop."""


def refusal(graph: Graph) -> str | None:
    """Why a shape is not compiled, or ``None``."""
    if len(graph) > LARGEST:
        return f"it has more than {LARGEST} nodes"
    if graph.root.kind is not NodeKind.TASK:
        return f"its root is a {graph.root.kind.value}"
    for node in graph.nodes:
        reason = _node_refusal(node)
        if reason is not None:
            return f"{node.structural_id} {reason}"
    return None


def _node_refusal(node: Node) -> str | None:
    if node.kind is NodeKind.EXPRESSION:
        operation = node.operation
        is_simple = operation is ITEM or (isinstance(operation, SequenceOf) and operation.kind in (list, tuple))
        return None if is_simple and not node.options.injected else "is an expression that only the interpreter builds"
    if node.kind is not NodeKind.TASK or node.task is None:
        return f"is a {node.kind.value}"
    if not node.plain:
        return "has options"
    if node.task.is_async:
        return "is async"
    if not all(map(_is_plain_keyword, node.keywords)):
        return "has a keyword argument that cannot be written as source"
    if node.task.pure:
        return "is pure, so which calls are one node depends on values"
    if node.task.call_signature.fills_in:
        return "has parameters that the engine fills in"
    return None


def _is_plain_keyword(name: str) -> bool:
    # Python folds other letters into their normal form in source, but not in a dict of keyword arguments.
    return name.isascii() and name.isidentifier() and not iskeyword(name) and name != "__debug__"


class Rendered(NamedTuple):
    """What `render` gives.

    Attributes:
        source: The source of the function ``loop``.
        calls: From a line of it, counted from 1, to the shape (its place) and the node (its index) that it calls.
    """

    source: str
    calls: dict[int, tuple[int, int]]


def render(shapes: Sequence[Graph], orders: Sequence[Sequence[int]]) -> Rendered:
    """The source of a function that runs loops over some shapes.

    Args:
        shapes: Shapes without a `refusal`.
        orders: For each, node indices in the order in which they are called.
    """
    writer = _Writer()
    writer.add(0, "def loop(call, until):")
    writer.add(1, "steps = done = last = 0")
    writer.add(1, "batch = 1")
    for place, graph in enumerate(shapes):
        if len(graph) > 1:
            writer.add(1, f"{' = '.join(_values(place, graph))} = None")
    writer.add(1, "try:")
    writer.add(2, "began = clock()")
    writer.add(2, "while True:")
    writer.add(3, "for done in range(batch):")
    if len(shapes) == 1:
        writer.add_step(4, 0, shapes[0], orders[0], f"return {_STANDS_AT}")
    else:
        writer.add(4, "task = call._task if type(call) is LazyResult else None")
        for place, (graph, order) in enumerate(zip(shapes, orders, strict=True)):
            writer.add(4, f"if task is T{place}_{graph.root.index}:")
            writer.add(5, "for once in ONCE:")
            writer.add_step(6, place, graph, order, "break")
            writer.add(6, f"last = {place}")
            writer.add(5, "else:")
            writer.add(6, "continue")
        writer.add(4, f"return {_STANDS_AT}")
    writer.add(3, "steps += batch")
    writer.add(3, "done = 0")
    writer.add(3, "now = clock()")
    writer.add(3, "if now >= until:")
    writer.add(4, "return steps, call, last, None")
    writer.add(3, "if now - began > SLOW_S * batch:")
    writer.add(4, "return steps, call, last, SLOW")
    writer.add(3, f"if batch < {BATCH} and now - began < {SLICE_SHARE_S}:")
    writer.add(4, "batch += batch")
    writer.add(3, "began = now")
    writer.add(1, "except BaseException as error:")
    listed = ", ".join(f"[{', '.join(_values(place, graph))}]" for place, graph in enumerate(shapes))
    writer.add(2, f"return steps + done, call, last, Leave(None, None, error, [{listed}])")
    return Rendered("\n".join(writer.lines) + "\n", writer.calls)


BATCH: Final = 64
"""Steps between two looks at the clock, at most: if a step suddenly takes long, that many are run before it is seen."""

SLICE_SHARE_S: Final = 0.001
"""The batch grows only while it takes less than this many seconds."""

_STANDS_AT: Final = "steps + done, call, last, None"


class _Writer:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.calls: dict[int, tuple[int, int]] = {}

    def add(self, depth: int, line: str) -> None:
        self.lines.append("    " * depth + line)

    def add_step(self, depth: int, place: int, graph: Graph, order: Sequence[int], miss: str) -> None:
        """The guard and the calls of one shape.

        Args:
            depth: How far the lines are indented.
            place: The place of the shape.
            graph: The shape.
            order: The order of its calls.
            miss: What is done where the guard does not hold. ``break`` tries the next shape; the task at the root has
                been looked at then.
        """
        for line in _guard(place, graph, miss, is_root_known=miss == "break"):
            self.add(depth, line)
        for index in order:
            self._add_call(depth, place, graph, graph.nodes[index])

    def _add_call(self, depth: int, place: int, graph: Graph, node: Node) -> None:
        """The call of one node, and the look at what it returned."""
        operands = [_operand(place, node, at, reference) for at, reference in enumerate(node.args)]
        operands += [
            f"{name}={_operand(place, node, name, reference)}"
            for name, reference in zip(node.keywords, node.kwargs, strict=True)
        ]
        index, root = node.index, graph.root.index
        value = f"v{place}_{index}"
        if node.kind is NodeKind.EXPRESSION:
            made = f"{operands[0]}[{operands[1]}]" if node.operation is ITEM else _container(node, operands)
            self.add(depth, f"{value} = {made}")
        else:
            # The traceback of a failing task shows this line.
            target = "call" if index == root else value
            # A name may be any text; its repr has no line break.
            self.add(depth, f"{target} = f{place}_{index}({', '.join(operands)})  # {repr(node.name)[1:-1]}")
        self.calls[len(self.lines)] = place, index
        if index != root and (node.kind is NodeKind.TASK or node.operation is ITEM):
            self.add(depth, f"if type({value}) not in LEAVES and is_open({value}):")
            values = ", ".join(_values(place, graph))
            self.add(depth + 1, f"return steps + done, call, {place}, Leave({place}, {index}, {value}, [{values}])")


def _values(place: int, graph: Graph) -> list[str]:
    return [f"v{place}_{index}" for index in range(graph.root.index)]


def _operand(place: int, node: Node, at: int | str, reference: int) -> str:
    return f"v{place}_{reference}" if reference >= 0 else f"x{place}_{node.index}_{at}"


def _container(node: Node, operands: list[str]) -> str:
    assert isinstance(node.operation, SequenceOf)
    listed = ", ".join(operands)
    return f"[{listed}]" if node.operation.kind is list else f"({listed},)"


def _guard(place: int, graph: Graph, miss: str, *, is_root_known: bool) -> list[str]:
    lines: list[str] = []
    root = graph.root.index
    named: set[int] = {root}

    def check(condition: str) -> None:
        lines.append(f"if {condition}: {miss}")

    def take(node: Node, at: int | str, reference: int) -> str:
        """The name to which an operand is assigned; a node that is met again gets a name to compare."""
        if reference < 0:
            return f"x{place}_{node.index}_{at}"
        if reference in named:
            return f"again{node.index}_{at}"
        named.add(reference)
        return f"c{place}_{reference}"

    def look_at(reference: int, name: str) -> None:
        if reference >= 0:
            if name.startswith("again"):
                check(f"{name} is not c{place}_{reference}")
            return
        lines.append(f"if type({name}) not in LEAVES:")
        lines.append(f"    {name} = plain({name})")
        lines.append(f"    if {name} is MISS: {miss}")

    # From the root down: a node has its name before it is looked at, because all who refer to it stand behind it.
    for node in reversed(graph.nodes):
        call = "call" if node.index == root else f"c{place}_{node.index}"
        operands: list[tuple[int | str, int]] = list(enumerate(node.args))
        names = [take(node, at, reference) for at, reference in operands]
        if node.kind is NodeKind.EXPRESSION:
            if node.operation is ITEM:
                check(f"type({call}) is not LazyItem")
                lines.append(f"{names[0]} = {call}._source")
                lines.append(f"{names[1]} = {call}._key")
            else:
                assert isinstance(node.operation, SequenceOf)
                check(f"type({call}) is not {node.operation.kind.__name__} or len({call}) != {len(names)}")
                lines.append(f"{', '.join(names)}, = {call}")
        else:
            if node.index != root or not is_root_known:
                check(f"type({call}) is not LazyResult or {call}._task is not T{place}_{node.index}")
            if not node.keywords:
                check(f"{call}._kwargs")
            lines.append(f"args = {call}._args")
            if names:
                check(f"len(args) != {len(names)}")
                lines.append(f"{', '.join(names)}, = args")
            else:
                check("args")
            if node.keywords:
                lines.append(f"kwargs = {call}._kwargs")
                check(f"tuple(kwargs) != {node.keywords!r}")
                keyword_names = [
                    take(node, name, reference) for name, reference in zip(node.keywords, node.kwargs, strict=True)
                ]
                lines.append(f"{', '.join(keyword_names)}, = kwargs.values()")
                operands += zip(node.keywords, node.kwargs, strict=True)
                names += keyword_names
        for (_, reference), name in zip(operands, names, strict=True):
            look_at(reference, name)
    lines.extend(f"if {condition}: {miss}" for condition in _distinctness(place, graph))
    return lines


def _distinctness(place: int, graph: Graph) -> list[str]:
    """Conditions under which calls that are different nodes of the graph would be one."""
    below: list[set[int]] = []
    for node in graph.nodes:
        below.append({node.index}.union(*(below[source.index] for source in node.inputs)))
    groups: dict[object, list[int]] = {}
    for node in graph.nodes:
        groups.setdefault(node.task or node.operation, []).append(node.index)
    conditions = []
    for members in groups.values():
        twins = [
            index
            for index in members
            if any(other not in below[index] and index not in below[other] for other in members if other != index)
        ]
        if twins:
            # By id: a list has no hash, and all of them are alive.
            ids = ", ".join(f"id(c{place}_{index})" for index in twins)
            conditions.append(f"len({{{ids}}}) != {len(twins)}")
    return conditions


__all__ = ["LARGEST", "Rendered", "refusal", "render"]
