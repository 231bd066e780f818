"""`candidates`: what at the top level of a module could be meant when no target is named.

That is everything lazy and every task that can be called without arguments, without what another candidate uses: in
``words = load()`` and ``total = count(words)`` only ``total`` is left, neither ``words`` nor the task ``load``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import ModuleType
from typing import Any

from cascade.graph.build import build_graph
from cascade.spec.common import ParameterStandIn
from cascade.spec.errors import ArgumentMismatchError, CascadeError
from cascade.spec.resources import InjectStandIn
from cascade.spec.stand_in import StandIn
from cascade.spec.task import Task


def candidates(module: ModuleType) -> Mapping[str, Any]:
    """What could be run, by name, in the order of the module."""
    found: dict[int, tuple[str, Any]] = {}
    for name, value in vars(module).items():
        if not name.startswith("_") and _can_be_run(value, module):
            found.setdefault(id(value), (name, value))  # a second name for the same thing is no second candidate
    values = [value for _, value in found.values()]
    used = {identity for value in values for identity in _uses(value, values)}
    return {name: value for identity, (name, value) in found.items() if identity not in used}


def missing_arguments(task: Task[..., Any]) -> ArgumentMismatchError | None:
    """Why a task cannot be called without arguments."""
    call: Any = task()
    try:
        task.call_signature.accept(call._args, call._kwargs)  # the call of a method has its instance as an argument
    except ArgumentMismatchError as error:
        return error
    return None


def _can_be_run(value: Any, module: ModuleType) -> bool:
    if isinstance(value, Task):
        return value.module == module.__name__ and missing_arguments(value) is None
    return isinstance(value, StandIn) and not isinstance(value, (ParameterStandIn, InjectStandIn))


def _uses(value: Any, others: Collection[Any]) -> list[int]:
    """The ids of the others that are part of something lazy."""
    if not isinstance(value, StandIn):
        return []
    try:
        graph, _, instances = build_graph(value)
    except CascadeError:  # it is reported when the candidate is run
        return []
    tasks = {id(node.task) for node in graph.nodes}
    return [
        id(other)
        for other in others
        if other is not value and (id(other.base) in tasks if isinstance(other, Task) else other in instances)
    ]


__all__ = ["candidates", "missing_arguments"]
