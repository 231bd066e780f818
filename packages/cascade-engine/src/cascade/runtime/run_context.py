"""`RunContext`: what belongs to one run and is shared by all who work on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cascade.runtime.constraints.manager import ConstraintManager
from cascade.runtime.parameters import ParameterValues
from cascade.runtime.resource_container import ResourceContainer
from cascade.runtime.strategies.journal import Journal
from cascade.spec.events import Event, ResourceAcquired, ResourceReleased
from cascade.spec.identifiers import RunId
from cascade.spec.protocols import Clock, EventBus, Executor, InlineExecutor
from cascade.spec.resources import Resource


@dataclass(slots=True, eq=False)
class RunContext:
    """One run.

    Attributes:
        run_id: Its id.
        executor: Runs the functions.
        inline_executor: The same, if it lets the engine make short calls itself.
        bus: Carries the events.
        clock: Gives the times of events.
        constraints: The engine's capacities and limits.
        journal: Keeps what the run needs to go on after an interruption.
        parameters: What was given for `Param`s and is found for `Env`s.
        resources: Resources of scope ``"run"``.
        step_resources: Resources of scope ``"step"``.
        steps: Steps of the outermost loop that were begun.
    """

    run_id: RunId
    executor: Executor
    inline_executor: InlineExecutor | None
    bus: EventBus
    clock: Clock
    constraints: ConstraintManager
    journal: Journal
    parameters: ParameterValues
    known_resources: Mapping[str, Resource[Any]]
    overrides: Mapping[str, Resource[Any]] = field(default_factory=dict)
    steps: int = 0
    resources: ResourceContainer = field(init=False)
    step_resources: ResourceContainer = field(init=False)

    def __post_init__(self) -> None:
        known, overrides = self.known_resources, self.overrides
        self.resources = ResourceContainer(known, observer=self._on_resource, overrides=overrides)
        self.step_resources = ResourceContainer(
            known, scope="step", outer=self.resources, observer=self._on_resource, overrides=overrides
        )

    def publish(self, kind: type[Event], **fields: Any) -> None:
        """Make and publish an event of this run, if anybody wants it."""
        if self.bus.wants(kind):
            self.bus.publish(kind(run_id=self.run_id, timestamp=self.clock.timestamp(), **fields))

    def _on_resource(self, resource: Resource[Any], is_open: bool, error: BaseException | None) -> None:
        if is_open:
            self.publish(ResourceAcquired, resource=resource.name, scope=resource.scope)
        else:
            self.publish(ResourceReleased, resource=resource.name, scope=resource.scope, error=error)


__all__ = ["RunContext"]
