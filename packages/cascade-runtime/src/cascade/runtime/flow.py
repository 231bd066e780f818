"""Flow decisions: which nodes are needed, which are skipped, which route is taken.

A graph with conditions or routers is run *by demand*. The root is demanded; a demanded node first demands what
decides about it (its condition, or a router's selector), and only when that is known what the decision asks for: the
inputs, the alternative, or the chosen route. So a branch that is not taken never starts, nor anything that only it
needs.

`FlowManager` knows nothing of executors or event loops. It is told which node has a value, and answers with the nodes
that became ready. Iterative throughout: a chain of a million routers is no deeper than one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from cascade.graph.expressions import ROUTER_WITH_DEFAULT
from cascade.graph.model import Graph, Node, NodeKind
from cascade.spec.errors import RouteNotFoundError
from cascade.spec.events import SkipReason


class Skip:
    """Stands in the place of a value: the node was skipped.

    Attributes:
        reason: Why.
        name: The name of the skipped call.
    """

    __slots__ = ("name", "reason")

    def __init__(self, reason: SkipReason, name: str) -> None:
        self.reason: SkipReason = reason
        self.name = name

    def __repr__(self) -> str:
        return f"<{self.name} skipped: {self.reason}>"


_IDLE: Final = 0
"""Not demanded yet."""
_DECIDING: Final = 1
"""Waits for its condition or selector."""
_PASSING: Final = 2
"""Waits for the one node whose value it passes on (a route, an alternative)."""
_COLLECTING: Final = 3
"""Waits for its inputs."""
_SETTLED: Final = 4
"""Has a value, or a `Skip` in its place."""


class FlowManager:
    """The demand-driven state of one step.

    Args:
        graph: The structure of the step.
        values: The values of the nodes, then the literals in reverse order (see `cascade.graph.model`); this object
            writes the values of routers and of skipped nodes, the engine all others.

    Attributes:
        decided: Nodes that were settled by a decision alone (skipped, or a value passed on) since the engine last
            emptied this list.
        deciding: The node whose condition was looked at last, or the router whose selector was.
        has_skips: Whether a node was skipped.
    """

    __slots__ = (
        "_nodes",
        "_passes_on",
        "_phase",
        "_values",
        "_waiters",
        "_waits_for",
        "decided",
        "deciding",
        "has_skips",
    )

    def __init__(self, graph: Graph, values: list[Any]) -> None:
        count = len(graph)
        self._nodes = graph.nodes
        self._values = values
        self._phase = bytearray(count)
        self._waits_for = [0] * count
        self._waiters: dict[int, list[int]] = {}
        self._passes_on: dict[int, int] = {}
        self.decided: list[int] = []
        self.deciding = count - 1
        self.has_skips = False

    def start(self) -> list[int]:
        """Demand the root; the nodes that are ready now."""
        return self._work([len(self._nodes) - 1], [])

    def settle(self, index: int) -> list[int]:
        """A node has got its value (or a `Skip`); the nodes that became ready."""
        self._phase[index] = _SETTLED
        return self._work([], [index])

    def is_settled(self, index: int) -> bool:
        """Whether a node has its value, or was skipped."""
        return self._phase[index] == _SETTLED

    def condition_holds(self, index: int) -> bool:
        """Whether the condition of a node is true; it has its value."""
        condition = self._nodes[index].options.condition
        assert condition is not None
        return bool(self._values[condition])

    def chosen_route(self, index: int) -> int:
        """The reference to the operand that a router passes on; its selector has its value.

        Raises:
            RouteNotFoundError: No route has this key, and there is no default.
        """
        node = self._nodes[index]
        return choose_route(node, self._values[node.args[0]], self._values[node.args[1]])

    @property
    def tail(self) -> int:
        """The node whose value will be that of the root: itself, or the one that it waits for to pass it on."""
        last = len(self._nodes) - 1
        while last in self._passes_on:
            last = self._passes_on[last]
        return last

    def awaited(self, index: int) -> int:
        """How many nodes a node still waits for."""
        return self._waits_for[index]

    def _work(self, demanded: list[int], settled: list[int]) -> list[int]:
        ready: list[int] = []
        while demanded or settled:
            if settled:
                for waiter in self._waiters.pop(settled.pop(), ()):
                    self._waits_for[waiter] -= 1
                    if not self._waits_for[waiter]:
                        self._advance(waiter, demanded, settled, ready)
                continue
            index = demanded.pop()
            if self._phase[index] == _IDLE:
                self._phase[index] = _DECIDING
                if not self._await(index, self._deciders(self._nodes[index]), demanded):
                    self._advance(index, demanded, settled, ready)
        return ready

    def _advance(self, index: int, demanded: list[int], settled: list[int], ready: list[int]) -> None:
        """The node has all that its phase waited for: go on to the next."""
        node, phase = self._nodes[index], self._phase[index]
        if phase == _DECIDING:
            phase = self._decide(index, node, demanded)
        if phase == _PASSING and not self._waits_for[index]:
            self._pass_on(index, node, settled)
        elif phase == _COLLECTING and not self._waits_for[index]:
            ready.append(index)
        elif phase == _SETTLED:
            settled.append(index)

    def _decide(self, index: int, node: Node, demanded: list[int]) -> int:
        """The condition or selector is known."""
        values, options = self._values, node.options
        self.deciding = index
        phase = _COLLECTING
        if options.condition is not None:
            if type(values[options.condition]) is Skip:
                return self._skip(index, node, "UpstreamSkipped_Data")
            if not self.condition_holds(index):
                if options.otherwise is None:
                    return self._skip(index, node, "ConditionFalse")
                phase = _PASSING
                self._passes_on[index] = options.otherwise
        if phase == _COLLECTING and node.kind is NodeKind.ROUTER:
            if type(values[node.args[0]]) is Skip:
                return self._skip(index, node, "UpstreamSkipped_Data")
            phase = _PASSING
            self._passes_on[index] = self.chosen_route(index)
        self._phase[index] = phase
        if phase == _PASSING:
            self._await(index, (self._passes_on[index],), demanded)
        else:
            self._await(index, (*node.args, *node.kwargs, *options.after, *options.amounts), demanded)
        return phase

    def _pass_on(self, index: int, node: Node, settled: list[int]) -> None:
        value = self._values[self._passes_on.pop(index)]
        if type(value) is Skip:
            self._skip(index, node, "UpstreamSkipped_Data")
        else:
            self._values[index] = value
            self._phase[index] = _SETTLED
            self.decided.append(index)
        settled.append(index)

    def _skip(self, index: int, node: Node, reason: SkipReason) -> int:
        self._values[index] = Skip(reason, node.name)
        self._phase[index] = _SETTLED
        self.decided.append(index)
        self.has_skips = True
        return _SETTLED

    def _await(self, index: int, references: Sequence[int], demanded: list[int]) -> int:
        """Wait for those references that are nodes without a value; how many there are."""
        waited: set[int] = set()
        for reference in references:
            if reference >= 0 and self._phase[reference] != _SETTLED and reference not in waited:
                waited.add(reference)
                self._waiters.setdefault(reference, []).append(index)
        # The last pushed is the first worked on, so the first operand's calls come first.
        demanded.extend(sorted(waited, reverse=True))
        self._waits_for[index] = len(waited)
        return len(waited)

    @staticmethod
    def _deciders(node: Node) -> tuple[int, ...]:
        deciders = () if node.options.condition is None else (node.options.condition,)
        return (*deciders, node.args[0]) if node.kind is NodeKind.ROUTER and not deciders else deciders


def choose_route(node: Node, selected: Any, keys: tuple[Any, ...]) -> int:
    """The reference to the operand that a router passes on.

    Raises:
        RouteNotFoundError: No route has this key, and there is no default.
    """
    routes = node.args[2:]
    try:
        return routes[keys.index(selected)] if _hashable(selected) else _no_route(node, selected, keys)
    except ValueError:
        return _no_route(node, selected, keys)


def _no_route(node: Node, selected: Any, keys: tuple[Any, ...]) -> int:
    if node.operation is ROUTER_WITH_DEFAULT:
        return node.args[-1]
    selector = node.inputs[0].name if node.args[0] >= 0 else "the selector"
    known = ", ".join(f"{key!r:.60}" for key in keys)
    raise RouteNotFoundError(
        f"{selector} gave {selected!r:.200}, for which the router has no route; its routes are {known}. "
        "Add the route, or a default: Router(…, default=…)"
    )


def _hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


__all__ = ["FlowManager", "Skip", "choose_route"]
