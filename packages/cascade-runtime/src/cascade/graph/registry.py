"""`NodeRegistry`: interns nodes, so that the same structure built again is made of the same objects.

A node's key holds everything that it is: its index, task, references, options, and the input *nodes* themselves. So one
root object means one whole graph, and what is computed from structure (its template id, its plan) is found again by
one look-up. Keys and nodes hold no literal. The registry is bounded and forgets what was used longest ago.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any, Final

from cascade.graph.model import Node, OptionNode

DEFAULT_CAPACITY: Final = 16_384

_PLAIN_PARTS: Final = 4
"""How many parts make a plain `Node`; an `OptionNode` has more."""


class NodeRegistry:
    """Nodes by their structure.

    Args:
        capacity: How many nodes are kept.

    Example:
        >>> from cascade.graph.build import build_graph
        >>> from cascade.spec.task import task
        >>> @task
        ... def double(x: int) -> int:
        ...     return 2 * x
        >>> registry = NodeRegistry()
        >>> first, _, _ = build_graph(double(1), registry)
        >>> second, _, _ = build_graph(double(2), registry)
        >>> first.root is second.root
        True
    """

    __slots__ = ("_lock", "_nodes", "capacity")

    def __init__(self, capacity: int = DEFAULT_CAPACITY) -> None:
        self.capacity = capacity
        self._nodes: OrderedDict[tuple[Any, ...], Node] = OrderedDict()
        self._lock = threading.Lock()

    def intern(self, key: tuple[Any, ...]) -> Node:
        """The node of these constructor arguments: the known one, or a new one."""
        with self._lock:  # runs in several threads share an engine, and so its registry
            node = self._nodes.get(key)
            if node is not None:
                self._nodes.move_to_end(key)
                return node
            node = self._nodes[key] = Node(*key) if len(key) == _PLAIN_PARTS else OptionNode(*key)
            if len(self._nodes) > self.capacity:
                self._nodes.popitem(last=False)
            return node

    def __len__(self) -> int:
        return len(self._nodes)


__all__ = ["DEFAULT_CAPACITY", "NodeRegistry"]
