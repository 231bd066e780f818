"""`graph_to_dict`: a graph as plain data for JSON.

Structure only, like the graph itself: literals appear as the numbers of their slots, never as values, so what is
written here can be stored, compared and shown to others. The same graph gives the same data in every process.
Readers should look at ``format`` and ``version`` first; a change that an old reader cannot ignore makes a new version.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from cascade.graph.model import Graph, Node, NodeKind
from cascade.spec.common import ParameterSpec
from cascade.spec.policies import NO_POLICIES, Policies
from cascade.spec.task import Task

if TYPE_CHECKING:
    from cascade.graph.analysis.flows import Flows

FORMAT: Final = "cascade-graph"
VERSION: Final = 1

TEMPLATE_ID_LIMIT: Final = 500
"""In larger graphs only the root has a template id: each one costs a walk of the whole graph below its node."""


def graph_to_dict(graph: Graph, flows: Flows | None = None) -> dict[str, Any]:
    """The graph as dicts, lists, strings and numbers.

    Args:
        graph: The structure.
        flows: What the tasks may go on with.

    Returns:
        ``format``, ``version``, ``root`` (the id of the node whose value is the value of the graph), ``nodes`` in an
        order in which they can be run, and ``edges``. A reference to an operand is ``{"node": id}`` or
        ``{"slot": number}``, the slot of a literal. If there are flows, ``flows``: each leads from a ``source`` to a
        ``target``, which are ``{"node": id}`` or, for a task that is no node, ``{"task": identity}``.

    Example:
        >>> from cascade.graph.build import build_graph
        >>> from cascade.spec.task import task
        >>> @task
        ... def double(x: int) -> int:
        ...     return 2 * x
        >>> graph, _, _ = build_graph(double(double(21)))
        >>> described = graph_to_dict(graph)
        >>> described["root"], [node["args"] for node in described["nodes"]]
        ('double-1', [[{'slot': 0}], [{'node': 'double-0'}]])
    """
    described = {
        "format": FORMAT,
        "version": VERSION,
        "root": graph.root.structural_id,
        "nodes": [_node(graph, node) for node in graph.nodes],
        "edges": [
            {
                "source": edge.source.structural_id,
                "target": edge.target.structural_id,
                "kind": edge.kind.value,
                "label": edge.label,
            }
            for edge in graph.edges
        ],
    }
    if flows is not None and flows.arrows:
        described["flows"] = [{"source": _end(source), "target": _end(target)} for source, target in flows.arrows]
    return described


def _end(end: Node | Task[..., Any]) -> dict[str, Any]:
    return {"node": end.structural_id} if isinstance(end, Node) else {"task": end.identity}


def _node(graph: Graph, node: Node) -> dict[str, Any]:
    """What every node has; what only some have is left out where it is missing."""

    def reference(number: int) -> dict[str, Any]:
        return {"slot": -1 - number} if number < 0 else {"node": graph.nodes[number].structural_id}

    def references(numbers: Sequence[int]) -> list[dict[str, Any]]:
        return [reference(number) for number in numbers]

    described: dict[str, Any] = {"id": node.structural_id, "kind": node.kind.value, "name": node.name}
    if node is graph.root or len(graph) <= TEMPLATE_ID_LIMIT:
        described["template_id"] = node.template_id
    if node.task is not None:
        described["task"] = node.task.identity
    if isinstance(node.operation, ParameterSpec):
        described["parameter"] = _parameter(node.operation)
    elif node.operation is not None:
        described["operation"] = node.operation.identity
    described["args"] = references(node.args)
    described["kwargs"] = {name: reference(number) for name, number in zip(node.keywords, node.kwargs, strict=True)}
    options = node.options
    if options.condition is not None:
        described["condition"] = reference(options.condition)
    if options.otherwise is not None:
        described["otherwise"] = reference(options.otherwise)
    if options.after:
        described["after"] = references(options.after)
    if options.amounts:
        names = options.policies.constraints
        described["amounts"] = {name: reference(number) for name, number in zip(names, options.amounts, strict=True)}
    if options.label is not None:
        described["label"] = reference(options.label)
    if options.injected:
        described["injected"] = list(options.injected)
    if node.kind is NodeKind.MAP and options.map_options is not None:
        mapped = options.map_options
        described["map"] = {"max_in_flight": mapped.max_in_flight, "on_error": mapped.on_error}
    if options.policies != NO_POLICIES:
        described["policies"] = _policies(options.policies)
    return described


def _parameter(spec: ParameterSpec) -> dict[str, Any]:
    return {
        "source": spec.source,
        "name": spec.name,
        "type": _full_name(spec.type),
        "description": spec.description,
    }


def _policies(policies: Policies) -> dict[str, Any]:
    described: dict[str, Any] = {}
    if policies.retry is not None:
        retry = policies.retry
        kinds = retry.retry_on if isinstance(retry.retry_on, tuple) else (retry.retry_on,)
        described["retry"] = {
            "max_attempts": retry.max_attempts,
            "delay_s": retry.delay_s,
            "backoff": retry.backoff,
            "max_delay_s": retry.max_delay_s,
            "jitter": retry.jitter,
            "retry_on": [_full_name(kind) for kind in kinds],
        }
    if policies.timeout_s is not None:
        described["timeout_s"] = policies.timeout_s
    if policies.cache is not None:
        described["cache"] = _full_name(type(policies.cache))
    if policies.cache_ttl_s is not None:
        described["cache_ttl_s"] = policies.cache_ttl_s
    if policies.constraints:
        described["constraints"] = list(policies.constraints)
    return described


def _full_name(thing: Any) -> str:
    """Module and name of a type or function; of anything else callable, those of its type."""
    named = thing if hasattr(thing, "__qualname__") else type(thing)
    return f"{named.__module__}.{named.__qualname__}"


__all__ = ["FORMAT", "TEMPLATE_ID_LIMIT", "VERSION", "graph_to_dict"]
