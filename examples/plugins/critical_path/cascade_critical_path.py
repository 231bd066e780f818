"""A solver that starts the longest chain of work first.

The height of a node is the number of calls on the longest way from it to the root. Whoever waits behind most others
must begin first: a chain of ten calls beside a hundred single ones decides when the run ends.
"""

from __future__ import annotations

from cascade.graph.model import Graph, Node
from cascade.spec.plugin_url import PluginUrl


class CriticalPathSolver:
    """Plans nodes by their height: the highest first. Linear in nodes and edges."""

    @classmethod
    def from_url(cls, url: PluginUrl) -> CriticalPathSolver:
        """What ``critical-path://`` selects. There is nothing to choose, so everything but the scheme is refused."""
        url.nowhere()
        url.options()
        return cls()

    def resolve(self, graph: Graph) -> list[list[Node]]:
        """Stages of nodes of the same height."""
        heights = [0] * len(graph.nodes)
        for node in reversed(graph.nodes):  # a node stands behind its inputs, so its own height is known by now
            for source in node.inputs:
                heights[source.index] = max(heights[source.index], heights[node.index] + 1)
        # An input is higher than its consumers, so a stage never holds both, and comes before them.
        stages: list[list[Node]] = [[] for _ in range(max(heights) + 1)]
        for node in graph.nodes:
            stages[-1 - heights[node.index]].append(node)
        return stages
