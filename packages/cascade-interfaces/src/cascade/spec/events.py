"""The events of a run, published on the message bus.

A subscriber to a class gets its subclasses, too, so subscribing to `Event` gets everything. Events of single tasks are
only made when somebody subscribed to them: a hot loop then pays for them, and otherwise sends `LoopProgress`.
Timestamps are seconds since the Unix epoch, durations are seconds.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NoReturn, dataclass_transform

from cascade.spec.identifiers import NodeId, RunId

RunStatus = Literal["Succeeded", "Failed", "Cancelled"]
TaskStatus = Literal["Succeeded", "Failed", "Cancelled"]
SkipReason = Literal["ConditionFalse", "UpstreamSkipped_Data", "UpstreamSkipped_Sequence"]


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Record:
    """An immutable record of named fields, compared by identity; the base of events.

    To a type checker its subclasses are frozen dataclasses with keyword arguments. They are not made by `dataclasses`,
    which generates and compiles code for each class: for these classes that would be a tenth of the time that importing
    Cascade takes.
    """

    field_names: ClassVar[tuple[str, ...]] = ()
    """The names of the fields, those of the base classes first."""

    _required: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls) -> None:
        own = tuple(inspect.get_annotations(cls))
        cls.field_names = (*cls.field_names, *own)
        cls._required = cls._required.union(name for name in own if not hasattr(cls, name))

    if not TYPE_CHECKING:

        def __init__(self, **fields: Any) -> None:
            if not self._required <= fields.keys():
                missing = ", ".join(sorted(self._required - fields.keys()))
                raise TypeError(f"{type(self).__name__}() needs {missing}")
            if not fields.keys() <= set(self.field_names):
                unknown = ", ".join(sorted(fields.keys() - set(self.field_names)))
                raise TypeError(f"{type(self).__name__}() has no field {unknown}")
            self.__dict__.update(fields)

        def __setattr__(self, name: str, value: object) -> NoReturn:
            raise AttributeError(f"events cannot be changed: {type(self).__name__}.{name}")

        def __delattr__(self, name: str) -> NoReturn:
            raise AttributeError(f"events cannot be changed: {type(self).__name__}.{name}")

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.field_names)
        return f"{type(self).__name__}({shown})"


class Event(Record):
    """Base class of all events.

    Attributes:
        run_id: The run that it belongs to.
        timestamp: When it happened.
    """

    run_id: RunId
    timestamp: float


class RunEvent(Event):
    """Something that concerns the run as a whole."""


class RunStarted(RunEvent):
    """The checks have passed and the first step begins.

    Attributes:
        target: The name of the target.
    """

    target: str


class RunFinished(RunEvent):
    """Nothing of the run is left running.

    Attributes:
        status: How it ended.
        duration_s: From the start to the end.
        steps: Steps of the outermost loop that were begun.
        error: The exception that `run` raises, if any.
    """

    status: RunStatus
    duration_s: float
    steps: int
    error: BaseException | None = None


class LoopProgress(RunEvent):
    """How far the run is, about ten times a second.

    Attributes:
        steps: Steps of the outermost loop that were begun.
        steps_per_s: The rate since the last such event.
        task: The task of the current step.
        nodes_done: Nodes that have ended, in all steps.
        nodes_running: Nodes under way outside the event loop's own thread, or awaiting.
        nodes_total: Nodes known so far, in all steps.
    """

    steps: int
    steps_per_s: float
    task: str
    nodes_done: int
    nodes_running: int
    nodes_total: int


class TaskEvent(Event):
    """Something that concerns one node.

    Attributes:
        task: The task's name or the call's label.
        node_id: The node's name inside its graph.
        step: The step of its loop, from 1.
    """

    task: str
    node_id: NodeId
    step: int


class TaskExecutionStarted(TaskEvent):
    """The node begins; exactly one `TaskExecutionFinished` follows."""


class TaskExecutionFinished(TaskEvent):
    """The node has ended.

    Attributes:
        status: How it ended.
        duration_s: All attempts and the pauses between them.
        error: The exception of the last attempt, if it failed.
    """

    status: TaskStatus
    duration_s: float
    error: BaseException | None = None


class TaskRetrying(TaskEvent):
    """An attempt has failed and another will follow.

    Attributes:
        attempt: The number of the attempt that failed, from 1.
        max_attempts: All attempts that are allowed.
        delay_s: The pause before the next attempt.
        error: What the attempt raised.
    """

    attempt: int
    max_attempts: int
    delay_s: float
    error: BaseException


class TaskSkipped(TaskEvent):
    """The node will not run in this step.

    Attributes:
        reason: Why.
    """

    reason: SkipReason


class TaskBlocked(TaskEvent):
    """The node is ready but must wait for a capacity or a limit.

    Attributes:
        reason: What it waits for.
    """

    reason: str


class CacheHit(TaskEvent):
    """The node's value was found in its cache; the task was not run."""


class ResultNotStored(TaskEvent):
    """The value of a node of a durable run cannot be stored, so an interrupted step runs the node again.

    Said once for each task of a run.

    Attributes:
        reason: What in the value cannot be stored, and what to do.
    """

    reason: str


class ResourceEvent(Event):
    """Something that concerns a resource.

    Attributes:
        resource: Its name.
        scope: ``"run"`` or ``"step"``.
    """

    resource: str
    scope: str


class ResourceAcquired(ResourceEvent):
    """The resource is open."""


class ResourceReleased(ResourceEvent):
    """The resource is closed.

    Attributes:
        error: What closing it raised, if anything.
    """

    error: BaseException | None = None


class StaticAnalysisWarning(RunEvent):
    """Something in the program's source that works but is probably not meant.

    Attributes:
        code: ``CS-W001`` and so on.
        task: The task concerned.
        message: What and where, and what to do.
    """

    code: str
    task: str
    message: str


__all__ = [
    "CacheHit",
    "Event",
    "LoopProgress",
    "ResourceAcquired",
    "ResourceEvent",
    "ResourceReleased",
    "ResultNotStored",
    "RunEvent",
    "RunFinished",
    "RunStarted",
    "RunStatus",
    "SkipReason",
    "StaticAnalysisWarning",
    "TaskBlocked",
    "TaskEvent",
    "TaskExecutionFinished",
    "TaskExecutionStarted",
    "TaskRetrying",
    "TaskSkipped",
    "TaskStatus",
]
