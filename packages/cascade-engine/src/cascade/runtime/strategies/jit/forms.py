"""`Form`: how a node is written in compiled code, and why some nodes are not.

A node is compiled if its call can be written as one line that does exactly what the interpreter would do: an
expression, a call of a function in the event loop's thread, an ``await``. Two policies keep that property. With
``retry``, the line is the first attempt, and the interpreter goes on when it fails. A resource that fills in a
parameter is a value that is known before the step begins, if it belongs to the run and is open.

Conditions and routes decide which lines are run (see `paths`); where calls are awaited, too, what is decided when would
depend on which of them ends first. Everything else needs waiting on the way (maps, caches, capacities, timeouts), and
shapes that have it are interpreted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from keyword import iskeyword
from typing import Final, NamedTuple

from cascade.graph.expressions import DICT, ITEM, SequenceOf
from cascade.graph.model import Graph, Node, NodeKind
from cascade.spec.policies import NO_POLICIES, Policies
from cascade.spec.resources import InjectStandIn

LARGEST: Final = 64
"""Nodes of the largest graph that is compiled; larger ones are better served by the interpreter's loop."""

MOST_OPERANDS: Final = 256
"""Operands of all nodes together, likewise: each is a few lines of source, and a list may have any number of them."""


class Form(NamedTuple):
    """One node in compiled code.

    Attributes:
        node: The node.
        given: Names of the keyword arguments that the call itself gives.
        injected: The resources that the engine fills in, by the name of the parameter.
        policies: Policies of the call; only ``retry`` is possible.
    """

    node: Node
    given: tuple[str, ...]
    injected: Mapping[str, InjectStandIn]
    policies: Policies

    @property
    def is_awaited(self) -> bool:
        """Whether it is a call of an async task."""
        return self.node.task is not None and self.node.task.is_async

    @property
    def is_varied(self) -> bool:
        """Whether it is a call with options, so that the task or the lazy result may be another object each time."""
        return self.policies is not NO_POLICIES or self.is_gated

    @property
    def is_gated(self) -> bool:
        """Whether it is a call with a condition, predecessors or a name of its own."""
        return bool(gates(self.node))


def forms(graph: Graph) -> list[Form] | str:
    """The form of every node of a shape, or the reason why the shape is not compiled."""
    if len(graph) > LARGEST:
        return f"it has more than {LARGEST} nodes"
    if graph.root.kind is not NodeKind.TASK and graph.root.kind is not NodeKind.ROUTER:
        return f"its root is a {graph.root.kind.value}"
    if sum(len(operands(node)) for node in graph.nodes) > MOST_OPERANDS:
        return f"its nodes have more than {MOST_OPERANDS} operands"
    calls_of = Counter(node.task for node in graph.nodes if node.task is not None)
    found = []
    for node in graph.nodes:
        if node.task is not None and node.task.pure and calls_of[node.task] > 1:
            return f"{node.structural_id} is pure, so whether it is one node with another depends on values"
        form = _form(node)
        if isinstance(form, str):
            return f"{node.structural_id} {form}"
        found.append(form)
    if graph.gated and any(form.is_awaited for form in found):
        return "it awaits, and has conditions or routes"
    return found


def operands(node: Node) -> list[tuple[int | str, int]]:
    """All operands of a node by their place: a number, a keyword, or what they are for."""
    return [*enumerate(node.args), *zip(node.keywords, node.kwargs, strict=True), *gates(node)]


def gates(node: Node) -> list[tuple[int | str, int]]:
    """The operands of a node that are no arguments: condition, alternative, predecessors, name.

    Their places are no identifiers that a parameter could have.
    """
    options = node.options
    found: list[tuple[int | str, int]] = []
    if options.condition is not None:
        found.append(("if", options.condition))
    if options.otherwise is not None:
        found.append(("else", options.otherwise))
    found += [(f"{number}after", reference) for number, reference in enumerate(options.after)]
    if options.label is not None:
        found.append(("as", options.label))
    return found


def _form(node: Node) -> Form | str:
    if node.kind is NodeKind.EXPRESSION:
        operation = node.operation
        is_plain_sequence = isinstance(operation, SequenceOf) and operation.kind in (list, tuple)
        is_container = operation is DICT or is_plain_sequence
        if is_container and all(reference < 0 for reference in node.args):
            # Without ``literal`` around its members it would be a literal itself, and the guard takes that off.
            return "is a container of literals"
        if (operation is ITEM or is_container) and not node.options.injected:
            return Form(node, (), {}, NO_POLICIES)
        return "is an expression that only the interpreter builds"
    if node.kind is NodeKind.ROUTER:
        return Form(node, (), {}, NO_POLICIES)
    if node.kind is not NodeKind.TASK or node.task is None:
        return f"is a {node.kind.value}"
    policies = node.options.policies
    if not policies.is_retry_only:
        return "has a timeout, a cache or constraints"
    injected = _injected(node)
    if injected is None:
        return "gets a resource as an argument"
    given = tuple(name for name in node.keywords if name not in injected)
    filled_in = node.task.call_signature.accept(node.args, dict.fromkeys(given))
    if node.keywords != (*given, *injected) or tuple(name for name, _ in filled_in) != tuple(injected):
        return "has parameters that are filled in by more than resources"
    if not all(map(_is_plain_keyword, node.keywords)):
        return "has a keyword argument that cannot be written as source"
    return Form(node, given, injected, NO_POLICIES if policies == NO_POLICIES else policies)


def _injected(node: Node) -> dict[str, InjectStandIn] | None:
    """The resources that stand where a parameter's default is one; ``None`` if one stands elsewhere."""
    assert node.task is not None
    injected: dict[str, InjectStandIn] = {}
    for place in node.options.injected:
        default = node.task.call_signature.default_of(place)
        if not (isinstance(place, str) and isinstance(default, InjectStandIn)):
            return None
        injected[place] = default
    return injected


def _is_plain_keyword(name: str) -> bool:
    # Python folds other letters into their normal form in source, but not in a dict of keyword arguments.
    return name.isascii() and name.isidentifier() and not iskeyword(name) and name != "__debug__"


__all__ = ["LARGEST", "MOST_OPERANDS", "Form", "forms", "gates", "operands"]
