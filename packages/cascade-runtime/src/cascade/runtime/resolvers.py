"""`ArgumentResolver`: from references to arguments."""

from __future__ import annotations

from typing import Any

from cascade.graph.expressions import MapInputs
from cascade.graph.model import Node, NodeKind
from cascade.runtime.flow import Skip
from cascade.spec.policies import NOTHING
from cascade.spec.stand_in import StandIn

Arguments = tuple[list[Any], dict[str, Any]]


class ArgumentResolver:
    """Finds the arguments of a node among the values and literals of its step.

    Nothing is reflected here: names and defaults come from the signature that was cached when the task was made.
    """

    __slots__ = ()

    def resolve(self, node: Node, values: list[Any]) -> Arguments:
        """The arguments, if no input was skipped.

        Args:
            node: The node.
            values: Values of the nodes, then the literals in reverse order (see `cascade.graph.model`).
        """
        args = [values[reference] for reference in node.args]
        if not node.keywords:
            return args, {}
        return args, {name: values[reference] for name, reference in zip(node.keywords, node.kwargs, strict=True)}

    def resolve_or_skip(self, node: Node, values: list[Any]) -> Arguments | Skip:
        """The arguments where inputs may have been skipped.

        A parameter whose input was skipped takes its default. Without a default, or when a predecessor (``after``) was
        skipped, the node is skipped, too.
        """
        options = node.options
        if any(type(values[reference]) is Skip for reference in options.after):
            return Skip("UpstreamSkipped_Sequence", node.name)
        if any(type(values[reference]) is Skip for reference in options.amounts):
            return Skip("UpstreamSkipped_Data", node.name)
        args, kwargs = self.resolve(node, values)
        places: list[tuple[int | str, Any]] = [*enumerate(args), *kwargs.items()]
        for number, (place, value) in enumerate(places):
            if type(value) is not Skip:
                continue
            default = node.signature.default_of(place) if _is_passed_on(node, number) and node.signature else NOTHING
            # A default that is a stand-in is a call that this graph does not have; it cannot be used here.
            if default is NOTHING or isinstance(default, StandIn):
                return Skip("UpstreamSkipped_Data", node.name)
            if isinstance(place, int):
                args[place] = default
            else:
                kwargs[place] = default
        return args, kwargs


def _is_passed_on(node: Node, number: int) -> bool:
    """Whether an operand is itself an argument of the task. That of a map is, if it is the same for every item."""
    if isinstance(node.operation, MapInputs):
        return number in node.operation.broadcast
    return node.kind is NodeKind.TASK


__all__ = ["ArgumentResolver", "Arguments"]
