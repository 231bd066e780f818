"""The way into `cascade.graph.analysis`, which is loaded by the first who asks: most programs never do.

Importing this module gives tasks their ``_tco_cycle_id``: tasks are declared in a package that reads no source.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from cascade.spec.task import Task

if TYPE_CHECKING:
    from cascade.graph.analysis.flows import Flows
    from cascade.graph.analysis.recursion import SourceWarning
    from cascade.graph.model import Graph

AnyTask = Task[..., Any]


def cycle_id(task: AnyTask) -> str | None:
    """The same text for all tasks of one cycle of tail calls; see `cascade.graph.analysis.cycles`."""
    from cascade.graph import analysis

    return analysis.cycle_id(task)


def source_warnings(graph: Graph) -> Iterable[SourceWarning]:
    """The warnings about the tasks of a graph, and about all that these may call."""
    from cascade.graph import analysis

    return analysis.warnings_of(dict.fromkeys(node.task for node in graph.nodes if node.task is not None))


def possible_flows(graph: Graph) -> Flows:
    """Which tasks the tasks of a graph may go on with."""
    from cascade.graph import analysis

    return analysis.possible_flows(graph)


Task._find_cycle_id = staticmethod(cycle_id)

__all__ = ["cycle_id", "possible_flows", "source_warnings"]
