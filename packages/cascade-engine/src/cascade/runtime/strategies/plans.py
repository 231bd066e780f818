"""`Plan` and `PlanCache`: what is computed once for a structure of graph.

A plan holds numbers only, no nodes and no data, so one plan serves every graph of the same template id: that is how a
loop that repeats its shape is planned once. Large graphs are planned each time: to digest their structure costs as much
as to plan them, and to keep their plans would cost memory.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final

from cascade.graph.build import INTERNED_NODES
from cascade.graph.model import Graph, NodeKind
from cascade.spec.errors import PlanError
from cascade.spec.identifiers import TemplateId
from cascade.spec.protocols import Solver

DEFAULT_CAPACITY: Final = 512


class Plan:
    """The order of one structure of graph.

    Attributes:
        order: Node indices by rank; ``None`` if each node's rank is its index.
        rank: Ranks by node index; ``None`` likewise.
        consumers: For each node, the nodes that wait for it.
        waits_for: For each node, how many nodes it waits for.
        sources: Ranks of the nodes that wait for nothing, ascending (so the list is a heap).
        stages: Ranks by stage, if the solver keeps stages apart; otherwise ``None``.
        stage_of: For each node, its stage, likewise.
        gated: Whether the graph is run by demand, because it has conditions or routers.
        needs_checks: Whether any node is more than a plain call or expression.
    """

    __slots__ = ("consumers", "gated", "needs_checks", "order", "rank", "sources", "stage_of", "stages", "waits_for")

    def __init__(self, graph: Graph, stages: list[list[int]], strict_stages: bool) -> None:
        order = [index for stage in stages for index in stage]
        in_index_order = order == list(range(len(order)))
        self.order = None if in_index_order else order
        self.rank: list[int] | None = None
        if not in_index_order:
            self.rank = [0] * len(order)
            for rank, index in enumerate(order):
                self.rank[index] = rank
        consumers: list[list[int]] = [[] for _ in graph.nodes]
        waits_for = []
        sources = []
        needs_checks = False
        for node in graph.nodes:
            index = node.index
            waits_for.append(len(node.inputs))
            if not node.inputs:
                sources.append(index if self.rank is None else self.rank[index])
            for source in node.inputs:
                consumers[source.index].append(index)
            if not node.plain and node.kind is not NodeKind.EXPRESSION:
                needs_checks = True
        if self.rank is not None:
            sources.sort()
        self.consumers = consumers
        self.waits_for = waits_for
        self.sources = sources
        self.needs_checks = needs_checks or any(node.options.injected for node in graph.nodes if not node.plain)
        self.gated = needs_checks and graph.gated
        self.stages: list[list[int]] | None = None
        self.stage_of: list[int] = []
        if strict_stages:
            ranks = iter(range(len(order)))
            self.stages = [[next(ranks) for _ in stage] for stage in stages]
            self.stage_of = [0] * len(order)
            for number, stage in enumerate(stages):
                for index in stage:
                    self.stage_of[index] = number


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
        self.hits = 0
        self.misses = 0

    def plan(self, graph: Graph) -> Plan:
        """The plan of a graph.

        Raises:
            PlanError: The solver returned something that is no order of the graph.
        """
        if len(graph) > INTERNED_NODES:
            return self._resolve(graph)
        key = graph.root.template_id
        with self._lock:
            plan = self._plans.get(key)
            if plan is not None:
                self._plans.move_to_end(key)
                self.hits += 1
                return plan
        plan = self._resolve(graph)
        with self._lock:
            self.misses += 1
            self._plans[key] = plan
            if len(self._plans) > self._capacity:
                self._plans.popitem(last=False)
        return plan

    def _resolve(self, graph: Graph) -> Plan:
        stages = [[node.index for node in stage] for stage in self._solver.resolve(graph)]
        check_plan(graph, stages, self._solver)
        return Plan(graph, stages, bool(getattr(self._solver, "strict_stages", False)))


def check_plan(graph: Graph, stages: list[list[int]], solver: Solver) -> None:
    """See that a plan names every node once, each in a later stage than its inputs.

    Raises:
        PlanError: It does not; the message names the first node concerned.
    """
    name = type(solver).__name__
    stage_of = [-1] * len(graph)
    for number, stage in enumerate(stages):
        for index in stage:
            if not 0 <= index < len(graph):
                raise PlanError(f"solver {name} planned a node that is not in the graph")
            if stage_of[index] >= 0:
                raise PlanError(f"solver {name} planned {graph.nodes[index].structural_id} twice")
            stage_of[index] = number
    for node in graph.nodes:
        stage = stage_of[node.index]
        if stage < 0:
            raise PlanError(f"solver {name} left out {node.structural_id}")
        for source in node.inputs:
            if stage_of[source.index] >= stage:
                raise PlanError(
                    f"solver {name} planned {node.structural_id} (stage {stage}) no later than its input "
                    f"{source.structural_id} (stage {stage_of[source.index]})"
                )


__all__ = ["DEFAULT_CAPACITY", "Plan", "PlanCache", "check_plan"]
