"""`entry`: the task by which compiled loops are found.

That of a call is its own task. A router has none: it is found by the task that computes its selector or, if the
selector is a value, by that of its first route that is a call.
"""

from __future__ import annotations

from typing import Any, cast

from cascade.graph.expressions import ROUTER_WITH_DEFAULT
from cascade.graph.model import Graph, NodeKind
from cascade.spec.lazy_types import LazyResult
from cascade.spec.routing import RoutedResult
from cascade.spec.task import Task


def entry(call: Any) -> Task[..., Any] | None:
    """The task of a call or a router; ``None`` for everything that no compiled loop begins with."""
    # By the type: a value may say of itself that it is of any class.
    if issubclass(type(call), LazyResult):
        return cast(LazyResult, call)._task.base
    if type(call) is RoutedResult:
        for operand in (call._selector, *call._routes.values()):
            if issubclass(type(operand), LazyResult):
                return cast(LazyResult, operand)._task.base
    return None


def entry_of(graph: Graph) -> Task[..., Any] | None:
    """The same, from the structure."""
    root = graph.root
    if root.kind is NodeKind.ROUTER:
        count = len(root.args) - (root.operation is ROUTER_WITH_DEFAULT)
        for reference in (root.args[0], *root.args[2:count]):
            if reference >= 0 and graph.nodes[reference].kind is NodeKind.TASK:
                return graph.nodes[reference].task
        return None
    return root.task if root.kind is NodeKind.TASK else None


__all__ = ["entry", "entry_of"]
