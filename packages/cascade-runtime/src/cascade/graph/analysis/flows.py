"""`possible_flows`: how a program may go on behind a graph, for drawings.

The graph of a step ends where its tasks return. What they may return is added here as arrows from task to task: from
the nodes of the graph, and from there through tasks that are in no graph yet.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

from cascade.graph.analysis.callees import NEXT_STEP, possible_calls
from cascade.graph.model import Graph, Node
from cascade.spec.task import Task

AnyTask = Task[..., Any]


@dataclass(frozen=True, slots=True)
class Flows:
    """How a program may go on.

    Attributes:
        tasks: Tasks that may be reached and are not drawn as nodes.
        arrows: From a node or a task to a node or a task, each once.
    """

    tasks: tuple[AnyTask, ...] = ()
    arrows: tuple[tuple[Node | AnyTask, Node | AnyTask], ...] = ()


def possible_flows(graph: Graph) -> Flows:
    """Which tasks the tasks of a graph may go on with.

    A task that goes on with itself leads back to its own node; one that goes on with a task which the graph has exactly
    one node of leads there; every other task stands for itself.
    """
    nodes_of: dict[AnyTask, list[Node]] = {}
    for node in graph.nodes:
        if node.task is not None:
            nodes_of.setdefault(node.task, []).append(node)
    tasks: dict[AnyTask, None] = {}
    arrows: dict[tuple[Node | AnyTask, Node | AnyTask], None] = {}
    queue: deque[tuple[Node | AnyTask, AnyTask]] = deque(
        (node, task) for task, nodes in nodes_of.items() for node in nodes
    )
    while queue:
        source, task = queue.popleft()
        for callee in dict.fromkeys(call.task for call in possible_calls(task) if call.position & NEXT_STEP):
            nodes = nodes_of.get(callee, [])
            if callee is task:
                arrows[source, source] = None
            elif len(nodes) == 1:
                arrows[source, nodes[0]] = None
            else:
                arrows[source, callee] = None
                if callee not in tasks:
                    tasks[callee] = None
                    queue.append((callee, callee))
    return Flows(tuple(tasks), tuple(arrows))


__all__ = ["Flows", "possible_flows"]
