"""`Solver`: decides in which order the nodes of a graph are started."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from cascade.graph.model import Graph, Node


@runtime_checkable
class Solver(Protocol):
    """Plans a graph.

    The plan gives *order and priority*: the engine starts a node as soon as its inputs are there, and when several are
    ready, the one that the plan names first. A solver that needs its stages kept apart says so with a class attribute
    ``strict_stages = True``: then no node of a stage starts before the stage before it has ended.

    Implementers:
        ``resolve`` is called on the thread of the run's event loop, once for each structure of graph (plans are
        cached by the root's template id), so it must be a pure function of the structure, quick, and must not keep
        the graph. It may be called by several runs at once.

    Example:
        >>> from cascade import workflow as cs
        >>> class OneByOne:
        ...     def resolve(self, graph):
        ...         return [[node] for node in graph.nodes]  # the nodes stand in a valid order
        >>> @cs.task
        ... def add(a: int, b: int) -> int:
        ...     return a + b
        >>> cs.run(add(add(1, 2), 3), engine=cs.Engine(solver=OneByOne()))
        6
    """

    def resolve(self, graph: Graph) -> list[list[Node]]:
        """Return every node of the graph exactly once, in stages.

        Args:
            graph: The structure of one step.

        Returns:
            Stages; each node stands in a later stage than all of its inputs.
        """
        ...


__all__ = ["Solver"]
