"""What can be known to be wrong before a graph runs: all faults in one report.

The first graph of a run is checked before `RunStarted`; the graph of a later step when it is entered, before any of its
nodes starts.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cascade.graph.model import DataTuple, Graph, Node
from cascade.runtime.resource_container import ResourceContainer
from cascade.runtime.run_context import RunContext
from cascade.spec.common import ParameterSpec
from cascade.spec.errors import (
    CapacityError,
    CascadeError,
    ParameterError,
    ResourceError,
    ResourceNotFoundError,
    StaticCheckError,
    TaskDefinitionError,
)
from cascade.spec.protocols import TimeoutAware
from cascade.spec.resources import InjectStandIn, Resource


def check_graph(
    graph: Graph,
    data: DataTuple,
    run: RunContext,
    *,
    refuse_unused_params: bool = False,
    known: Iterable[CascadeError] = (),
) -> None:
    """Find what cannot work.

    Args:
        graph: The structure.
        data: The literals.
        run: What the graph will run with.
        refuse_unused_params: Whether parameters that no node asks for are a fault, too.
        known: Faults that were found before.

    Raises:
        CascadeError: The only fault, as an error of its own kind.
        StaticCheckError: All faults, if there are several.
    """
    faults: list[CascadeError] = list(known)
    specs: list[ParameterSpec] = []
    for node in graph.nodes:
        if node.plain:
            continue
        if isinstance(node.operation, ParameterSpec):
            specs.append(node.operation)
        faults += _timeout_faults(node, run)
        faults += _capacity_faults(node, data, run)
    for literal in data:
        if type(literal) is InjectStandIn:
            faults += _resource_faults(literal, run.step_resources)
    faults += [ParameterError(fault) for fault in run.parameters.check(specs)]
    if refuse_unused_params:
        faults += [ParameterError(fault) for fault in run.parameters.unknown(specs)]
    messages = list(dict.fromkeys(str(fault) for fault in faults))
    if len(messages) == 1:
        raise faults[0]
    if messages:
        raise StaticCheckError(messages)


def _timeout_faults(node: Node, run: RunContext) -> list[CascadeError]:
    executor = run.executor
    if node.task is None or node.options.policies.timeout_s is None or not isinstance(executor, TimeoutAware):
        return []
    fault = executor.refuses_timeout(node.task)
    return [] if fault is None else [TaskDefinitionError(fault)]


def _capacity_faults(node: Node, data: DataTuple, run: RunContext) -> list[CascadeError]:
    names = node.options.policies.constraints
    if not names:
        return []
    # Amounts that are computed by other nodes are checked when they are known.
    amounts = {
        name: data[-1 - reference] if reference < 0 else 0
        for name, reference in zip(names, node.options.amounts, strict=True)
    }
    fault = run.constraints.fault(node.name, amounts)
    return [] if fault is None else [CapacityError(fault)]


def _resource_faults(wanted: InjectStandIn, resources: ResourceContainer) -> list[CascadeError]:
    """Follow what a resource injects: unknown names, cycles, and scopes that end too early."""
    faults: list[CascadeError] = []
    done: set[Resource[Any]] = set()

    def visit(wanted: InjectStandIn, path: tuple[Resource[Any], ...]) -> None:
        try:
            resource = resources.find(wanted)
        except ResourceNotFoundError as error:
            faults.append(error)
            return
        if path and path[-1].scope == "run" and resource.scope == "step":
            faults.append(
                ResourceError(
                    f"resource {path[-1].name!r} is open for the whole run but injects {resource.name!r}, which is "
                    "closed after each step; make it scope='step', or the other scope='run'"
                )
            )
        if resource in path:
            names = [member.name for member in (*path[path.index(resource) :], resource)]
            faults.append(ResourceError(f"these resources need each other: {' -> '.join(names)}"))
            return
        if resource in done:
            return
        done.add(resource)
        for inner in resource.injected.values():
            visit(inner, (*path, resource))

    visit(wanted, ())
    return faults


__all__ = ["check_graph"]
