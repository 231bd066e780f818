"""`NativeSolver`: the order of the graph itself, cut into stages.

The nodes of a graph already stand in depth-first finishing order: an input before its consumer, and the branch that was
begun before the next one. Followed as a priority, that order finishes a branch before it opens another, so few values
are alive at once (the idea of dask's ``order``, without its cost model). The solver only cuts the sequence where a node
needs one of the current stage. Linear in nodes and edges.
"""

from __future__ import annotations

from typing import Self

from cascade.graph.model import Graph, Node
from cascade.spec.plugin_url import PluginUrl


class NativeSolver:
    """The solver that is used by default."""

    @classmethod
    def from_url(cls, url: PluginUrl) -> Self:
        """The solver that ``native://`` selects."""
        url.nowhere()
        return cls(**url.options())

    def resolve(self, graph: Graph) -> list[list[Node]]:
        """Stages in depth-first order.

        Example:
            >>> from cascade.graph.build import build_graph
            >>> from cascade.spec.task import task
            >>> @task
            ... def join(*parts: str) -> str:
            ...     return "".join(parts)
            >>> graph, _, _ = build_graph(join(join("a"), join("b")))
            >>> [[node.structural_id for node in stage] for stage in NativeSolver().resolve(graph)]
            [['join-0', 'join-1'], ['join-2']]
        """
        stages: list[list[Node]] = []
        stage: list[Node] = []
        first_of_stage = 0
        for node in graph.nodes:
            for source in node.inputs:
                if source.index >= first_of_stage:
                    stages.append(stage)
                    stage = []
                    first_of_stage = node.index
                    break
            stage.append(node)
        stages.append(stage)
        return stages


__all__ = ["NativeSolver"]
