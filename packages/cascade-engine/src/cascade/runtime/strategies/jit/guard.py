"""The guard of a compiled shape: lines that prove that the interpreter would build this very graph from a call.

For the step ``loop(n - 1, shift(n))``, nodes ``0 shift`` and ``1 loop``, they are in essence::

    if type(call) is not LazyResult or call._task is not T1: <miss>
    x1_0, c0, = call._args
    if type(x1_0) is not int and type(x1_0) not in LEAVES: <look closer, or miss>
    if type(c0) is not LazyResult or c0._task is not T0: <miss>
    x0_0, = c0._args
    if type(x0_0) is not int and type(x0_0) not in LEAVES: <look closer, or miss>

They check, before anything runs: the same task objects, the same number of arguments, the same keywords, the same
policies, nodes where nodes were and values where values were, the same sharing. The class of a call says whether it has
keyword arguments or options; those are read by a function a node (see `variants`). And they give every literal a name:
each is read from the new call, nothing is remembered of an earlier one. That the number of arguments differs is found
by the assignment, which raises `ValueError`; whoever writes the lines down must take that for a miss.

Two calls that must be different nodes are compared only where they could be the same object: calls of the same task of
which neither is below the other. A call cannot be an argument of itself, because its arguments existed before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from cascade.graph.expressions import DICT, ITEM, ROUTER_WITH_DEFAULT, SequenceOf
from cascade.graph.model import Graph, Node, NodeKind
from cascade.runtime.strategies.jit.forms import Form, gates


def guard(
    place: int, graph: Graph, forms: Sequence[Form], miss: str, is_root_known: bool, is_kind_open: bool
) -> list[str]:
    """The lines.

    Args:
        place: The number of the shape, a part of all names.
        graph: The shape.
        forms: The form of each of its nodes.
        miss: The statement for a call that does not fit.
        is_root_known: Whether the task of ``call`` has been looked at before.
        is_kind_open: Whether it may be one with or without keyword arguments even so.
    """
    writer = _Guard(place, graph, miss)
    # From the root down: a node has its name before it is looked at, because all who refer to it stand behind it.
    for form in reversed(forms):
        if form.node.kind is NodeKind.EXPRESSION:
            writer.look_at_expression(form.node)
        elif form.node.kind is NodeKind.ROUTER:
            writer.look_at_router(form.node)
        else:
            writer.look_at_call(form, is_known=is_root_known and form.node is graph.root, is_kind_open=is_kind_open)
    writer.compare(_twins(graph))
    return writer.lines


def name_of_literal(place: int, node: Node, at: int | str) -> str:
    """The name that the guard gives to an argument that is a literal."""
    return f"x{place}_{node.index}_{at}"


class _Guard:
    def __init__(self, place: int, graph: Graph, miss: str) -> None:
        self.lines: list[str] = []
        self._place = place
        self._root = graph.root.index
        self._miss = miss
        self._named = {self._root}
        self._slots: dict[int, str] = {}

    def look_at_call(self, form: Form, *, is_known: bool, is_kind_open: bool) -> None:
        node = form.node
        call = self._name(node.index)
        kind = "KeywordLazyResult" if form.given else "LazyResult"
        conditions = []
        if form.is_varied:
            self.lines.append(f"gates = gates{self._place}_{node.index}({call})")
            conditions.append("gates is None")
            if not form.given:
                conditions.append(f"{call}._kwargs")
        elif is_known:
            conditions += [f"type(call) is not {kind}"] if is_kind_open else []
        elif call == "call":
            self.lines.append(f"if type(call) is not {kind}:")
            self.lines.append("    call = routed.chosen(call)")
            self.lines.append(f"    if type(call) is not {kind}: {self._miss}")
            conditions.append(f"call._task is not T{self._place}_{node.index}")
        else:
            conditions.append(f"type({call}) is not {kind} or {call}._task is not T{self._place}_{node.index}")
        if not node.args:
            conditions.append(f"{call}._args")
        if conditions:
            self._check(" or ".join(conditions))
        if form.is_gated:
            self._take(node, gates(node), "gates")
        self._take(node, list(enumerate(node.args)), f"{call}._args")
        if form.given:
            self.lines.append(f"kwargs = {call}._kwargs")
            self._check(f"tuple(kwargs) != {form.given!r}")
            self._take(node, list(zip(form.given, node.kwargs, strict=False)), "kwargs.values()")

    def look_at_router(self, node: Node) -> None:
        router = self._name(node.index)
        self._check(f"type({router}) is not RoutedResult")
        selector, _, *routes = list(enumerate(node.args))
        self._take(node, [selector], f"{router}._selector,")
        self.lines.append(f"{name_of_literal(self._place, node, 1)} = tuple({router}._routes)")
        if node.operation is ROUTER_WITH_DEFAULT:
            self._take(node, [routes.pop()], f"{router}._default,")
        else:
            self._check(f"{router}._default is not NOTHING")
        if not routes:
            self._check(f"{router}._routes")
        self._take(node, routes, f"{router}._routes.values()")

    def look_at_expression(self, node: Node) -> None:
        value = self._name(node.index)
        operands: list[tuple[int | str, int]] = list(enumerate(node.args))
        if node.operation is ITEM:
            self._check(f"type({value}) is not LazyItem")
            self._take(node, operands, f"{value}._source, {value}._key")
        elif node.operation is DICT:
            self._check(f"type({value}) is not dict")
            self._take(node, operands[::2], value)
            self._take(node, operands[1::2], f"{value}.values()")
        else:
            assert isinstance(node.operation, SequenceOf)
            self._check(f"type({value}) is not {node.operation.kind.__name__}")
            self._take(node, operands, value)

    def compare(self, groups: list[list[int]]) -> None:
        for twins in groups:
            names = [self._name(index) for index in twins]
            if len(names) <= 3:
                self._check(" or ".join(f"{one} is {other}" for one, other in combinations(names, 2)))
            else:  # by id: a list has no hash, and all of them are alive
                self._check(f"len({{{', '.join(f'id({name})' for name in names)}}}) != {len(names)}")

    def _take(self, node: Node, operands: Sequence[tuple[int | str, int]], source: str) -> None:
        """Give names to operands, and look at those that must be literals or were met before."""
        if not operands:
            return
        names = [self._name_of_operand(node, at, reference) for at, reference in operands]
        self.lines.append(f"{', '.join(names)}, = {source}")
        for (_, reference), name in zip(operands, names, strict=True):
            if reference < 0:
                # Most literals of a loop are whole numbers, for which that is the quicker way.
                self.lines.append(f"if type({name}) is not int and type({name}) not in LEAVES:")
                self.lines.append(f"    {name} = plain({name})")
                self.lines.append(f"    if {name} is MISS: {self._miss}")
                if self._slots.setdefault(reference, name) is not name:  # one ``literal(…)`` given to several
                    self._check(f"{name} is not {self._slots[reference]}")
            elif name.startswith("again"):
                self._check(f"{name} is not {self._name(reference)}")

    def _name_of_operand(self, node: Node, at: int | str, reference: int) -> str:
        if reference < 0:
            return name_of_literal(self._place, node, at)
        if reference in self._named:
            return f"again{node.index}_{at}"  # to be compared with the name that it has
        self._named.add(reference)
        return self._name(reference)

    def _name(self, index: int) -> str:
        return "call" if index == self._root else f"c{self._place}_{index}"

    def _check(self, condition: str) -> None:
        self.lines.append(f"if {condition}: {self._miss}")


def _twins(graph: Graph) -> list[list[int]]:
    """Groups of nodes whose calls are different objects in this shape, and could be one and the same in another."""
    below: list[set[int]] = []
    for node in graph.nodes:
        below.append({node.index}.union(*(below[source.index] for source in node.inputs)))
    groups: dict[object, list[int]] = {}
    for node in graph.nodes:
        groups.setdefault(node.task or node.operation, []).append(node.index)
    found = []
    for members in groups.values():
        twins = [
            index
            for index in members
            if any(other not in below[index] and index not in below[other] for other in members if other != index)
        ]
        if twins:
            found.append(twins)
    return found


__all__ = ["guard", "name_of_literal"]
