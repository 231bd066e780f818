"""`schedule`: the order in which the interpreter would call the nodes of a step, found before the step runs.

The interpreter calls what is ready in the solver's order, begins to await async calls as it comes to them, and goes on
with what becomes ready when they end. While it awaits several at once, the order of what follows depends on which ends
first. A shape is compiled only where that cannot matter: where everything that is left needs all of them. Then the step
is a sequence of *turns*, each one sync call, one awaited call, or several that are awaited together.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush

from cascade.graph.model import Graph
from cascade.runtime.strategies.plans import Plan

Turn = tuple[int, ...]
"""Indices of nodes; more than one if they are awaited together."""


def schedule(graph: Graph, plan: Plan, is_awaited: Callable[[int], bool]) -> list[Turn] | str:
    """The turns of a step, or the reason why there is no one order.

    Args:
        graph: The structure.
        plan: Its plan.
        is_awaited: Whether a node, by its index, is a call that is awaited.
    """
    count = len(graph)
    order = range(count) if plan.order is None else plan.order
    rank = range(count) if plan.rank is None else plan.rank
    if not any(map(is_awaited, range(count))):
        return [(index,) for index in order]
    if plan.stages is not None:
        return "it awaits, and its solver keeps stages apart"
    waits_for = plan.waits_for.copy()
    ready = plan.sources.copy()
    heapify(ready)
    turns: list[Turn] = []
    begun: list[int] = []
    while ready or begun:
        if ready:
            index = order[heappop(ready)]
            if is_awaited(index):
                begun.append(index)
                continue
            turn: Turn = (index,)
        else:
            turn, begun = tuple(begun), []
            if not _all_need(graph, [index for taken in turns for index in taken], turn):
                return "what it awaits at the same time is needed one by one"
        turns.append(turn)
        for index in turn:
            first = plan.first_consumer
            for consumer in plan.consumers[first[index] : first[index + 1]]:
                waits_for[consumer] -= 1
                if not waits_for[consumer]:
                    heappush(ready, rank[consumer])
    return turns


def _all_need(graph: Graph, done: list[int], turn: Turn) -> bool:
    """Whether all nodes that are left need all nodes of a turn."""
    if len(turn) == 1:
        return True
    needs: list[set[int]] = []
    for node in graph.nodes:
        needs.append({node.index}.union(*(needs[source.index] for source in node.inputs)))
    left = set(range(len(graph))).difference(done, turn)
    return all(needs[index].issuperset(turn) for index in left)


__all__ = ["Turn", "schedule"]
