"""`Plan` and `PlanCache`: what is computed once for a structure of graph.

A plan holds numbers only, no nodes and no data, so one plan serves every graph of the same template id: that is how a
loop that repeats its shape is planned once. Large graphs are planned each time: to digest their structure costs as much
as to plan them, and to keep their plans would cost memory.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from operator import eq
from typing import Final

from cascade.graph.build import INTERNED_NODES
from cascade.graph.collecting import collection_paused
from cascade.graph.model import NO_NODE_OPTIONS, Graph, Node, NodeKind
from cascade.spec.errors import PlanError
from cascade.spec.identifiers import TemplateId
from cascade.spec.protocols import Solver

DEFAULT_CAPACITY: Final = 512


class Plan:
    """The order of one structure of graph.

    Who waits for a node is kept in two flat lists, not in one small list a node: a graph of 100,000 nodes would
    otherwise be 100,000 more objects for the garbage collector to visit. The nodes that wait for node ``i`` are
    ``consumers[first_consumer[i] : first_consumer[i + 1]]``; for ``c(a, b)`` with indices a = 0, b = 1, c = 2 the
    lists are ``consumers = [2, 2]`` and ``first_consumer = [0, 1, 2, 2]``.

    Attributes:
        order: Node indices by rank; ``None`` if each node's rank is its index.
        rank: Ranks by node index; ``None`` likewise.
        consumers: The nodes that wait for each node, one node after the other.
        first_consumer: Where each node's consumers begin, and one place more.
        waits_for: For each node, how many nodes it waits for.
        sources: Ranks of the nodes that wait for nothing, ascending (so the list is a heap).
        stages: Ranks by stage, if the solver keeps stages apart; otherwise ``None``.
        stage_of: For each node, its stage, likewise.
        gated: Whether the graph is run by demand, because it has conditions or routers.
        needs_checks: Whether any node is more than a plain call or expression.
    """

    __slots__ = (
        "consumers",
        "first_consumer",
        "gated",
        "needs_checks",
        "order",
        "rank",
        "sources",
        "stage_of",
        "stages",
        "waits_for",
    )

    def __init__(self, graph: Graph, order: list[int], stage_of: list[int], strict_stages: bool) -> None:
        count = len(order)
        in_index_order = all(map(eq, order, range(count)))
        self.order = None if in_index_order else order
        self.rank: list[int] | None = None
        if not in_index_order:
            self.rank = [0] * count
            for rank, index in enumerate(order):
                self.rank[index] = rank
        self.waits_for = [len(node.inputs) for node in graph.nodes]
        sources = [index for index, waits in enumerate(self.waits_for) if not waits]
        self.sources = sources if self.rank is None else sorted([self.rank[index] for index in sources])
        self.consumers, self.first_consumer = _consumers(graph)
        special = [node for node in graph.nodes if not node.plain]
        self.needs_checks = any(
            node.kind is not NodeKind.EXPRESSION or node.options is not NO_NODE_OPTIONS for node in special
        )
        self.gated = self.needs_checks and graph.gated
        self.stages: list[list[int]] | None = None
        self.stage_of: list[int] = []
        if strict_stages:
            self.stage_of = stage_of
            self.stages = [[] for _ in range(max(stage_of) + 1)]
            for rank, index in enumerate(order):
                self.stages[stage_of[index]].append(rank)


def _consumers(graph: Graph) -> tuple[list[int], list[int]]:
    first = [0] * (len(graph) + 1)
    for node in graph.nodes:
        for source in node.inputs:
            first[source.index] += 1
    total = 0
    for index, count in enumerate(first):
        total += count
        first[index] = total  # for now, where the node's consumers end; filling them in moves it to where they begin
    consumers = [0] * total
    for node in reversed(graph.nodes):
        for source in node.inputs:
            first[source.index] -= 1
            consumers[first[source.index]] = node.index
    return consumers, first


class PlanCache:
    """Plans by the template id of the root; bounded, the least recently used go first.

    Args:
        solver: Plans what is not known.
        capacity: How many plans are kept.
    """

    def __init__(self, solver: Solver, capacity: int = DEFAULT_CAPACITY) -> None:
        self._solver = solver
        self._capacity = capacity
        self._plans: OrderedDict[TemplateId, Plan] = OrderedDict()
        self._lock = threading.Lock()

    def plan(self, graph: Graph) -> Plan:
        """The plan of a graph.

        Raises:
            PlanError: The solver returned something that is no order of the graph.
        """
        if len(graph) > INTERNED_NODES:
            with collection_paused():
                return self._resolve(graph)
        key = graph.root.template_id
        with self._lock:
            plan = self._plans.get(key)
            if plan is not None:
                self._plans.move_to_end(key)
                return plan
        plan = self._resolve(graph)
        with self._lock:
            self._plans[key] = plan
            if len(self._plans) > self._capacity:
                self._plans.popitem(last=False)
        return plan

    def _resolve(self, graph: Graph) -> Plan:
        order, stage_of = read_stages(graph, self._solver.resolve(graph), type(self._solver).__name__)
        return Plan(graph, order, stage_of, bool(getattr(self._solver, "strict_stages", False)))


def read_stages(graph: Graph, stages: list[list[Node]], solver: str) -> tuple[list[int], list[int]]:
    """A plan as numbers: node indices in order, and the stage of each node.

    Raises:
        PlanError: The plan does not name every node once, each in a later stage than its inputs; the message names the
            first node concerned.
    """
    nodes = graph.nodes
    order: list[int] = []
    stage_of = [-1] * len(nodes)
    for number, stage in enumerate(stages):
        for node in stage:
            index = node.index
            if index >= len(nodes) or nodes[index] is not node:
                raise PlanError(f"solver {solver} planned {node!r}, which is not in the graph")
            if stage_of[index] >= 0:
                raise PlanError(f"solver {solver} planned {node!r} twice")
            stage_of[index] = number
            order.append(index)
            for source in node.inputs:
                if not 0 <= stage_of[source.index] < number:
                    raise PlanError(
                        f"solver {solver} planned {node!r} (stage {number}) no later than its input {source!r}"
                    )
    if len(order) < len(nodes):
        missing = nodes[stage_of.index(-1)]
        raise PlanError(f"solver {solver} left out {missing!r}")
    return order, stage_of


__all__ = ["DEFAULT_CAPACITY", "Plan", "PlanCache", "read_stages"]
