"""The facade for people: ``from cascade import workflow as cs``.

What many programs never use (caches, stores, streams) is imported when its name is first used: with all that is behind
them, these modules would be a third of the time that importing Cascade takes.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from cascade.runtime.bus import MessageBus
from cascade.runtime.engine import Engine
from cascade.spec.common import Env, Param, literal
from cascade.spec.errors import (
    ArgumentMismatchError,
    CapacityError,
    CascadeError,
    ConstraintError,
    CorruptDataError,
    CycleError,
    DependencyMissingError,
    EngineClosedError,
    GraphError,
    InternalError,
    LazyAttributeError,
    LazyUseError,
    LeaseLostError,
    MapInputError,
    MapLengthError,
    NotShippableError,
    ParameterError,
    PlanError,
    PluginError,
    ResourceError,
    ResourceNotFoundError,
    RouteNotFoundError,
    RunCancelledError,
    RunHeldError,
    RunNotFoundError,
    StateStoreError,
    StaticCheckError,
    StoredValueError,
    TaskDefinitionError,
    TaskNotFoundError,
    TaskStopIterationError,
    TaskTimeoutError,
    TaskVersionError,
    UnhashableValueError,
    UnstorableValueError,
    WorkerLostError,
)
from cascade.spec.events import (
    CacheHit,
    Event,
    LoopProgress,
    ResourceAcquired,
    ResourceEvent,
    ResourceReleased,
    ResultNotStored,
    RunEvent,
    RunFinished,
    RunStarted,
    StaticAnalysisWarning,
    TaskBlocked,
    TaskEvent,
    TaskExecutionFinished,
    TaskExecutionStarted,
    TaskRetrying,
    TaskSkipped,
)
from cascade.spec.identifiers import RunId
from cascade.spec.policies import Failure
from cascade.spec.resources import Inject, Resource, resource
from cascade.spec.routing import Router
from cascade.spec.task import Task, task
from cascade.workflow.composition import pipeline, sequence
from cascade.workflow.handle import RunHandle, start
from cascade.workflow.running import arun, run

if TYPE_CHECKING:
    from cascade.adapters.caches.file_target import FileTarget
    from cascade.adapters.caches.memory import MemoryCache
    from cascade.adapters.caches.sqlite import SqliteCache
    from cascade.adapters.serializers.types import TypeRegistry
    from cascade.adapters.state.in_memory import InMemoryStateStore
    from cascade.adapters.state.sqlite import SqliteStateStore
    from cascade.runtime.durability.call_reader import ChangedCall
    from cascade.workflow.streaming import Completed, Completions, as_completed
else:
    _LATER: Final = {
        "ChangedCall": "cascade.runtime.durability.call_reader",
        "Completed": "cascade.workflow.streaming",
        "Completions": "cascade.workflow.streaming",
        "FileTarget": "cascade.adapters.caches.file_target",
        "InMemoryStateStore": "cascade.adapters.state.in_memory",
        "MemoryCache": "cascade.adapters.caches.memory",
        "SqliteCache": "cascade.adapters.caches.sqlite",
        "SqliteStateStore": "cascade.adapters.state.sqlite",
        "TypeRegistry": "cascade.adapters.serializers.types",
        "as_completed": "cascade.workflow.streaming",
    }

    def __getattr__(name: str) -> Any:
        if name not in _LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = globals()[name] = getattr(import_module(_LATER[name]), name)
        return found

    def __dir__() -> list[str]:
        return sorted({*globals(), *_LATER})


__all__ = [
    "ArgumentMismatchError",
    "CacheHit",
    "CapacityError",
    "CascadeError",
    "ChangedCall",
    "Completed",
    "Completions",
    "ConstraintError",
    "CorruptDataError",
    "CycleError",
    "DependencyMissingError",
    "Engine",
    "EngineClosedError",
    "Env",
    "Event",
    "Failure",
    "FileTarget",
    "GraphError",
    "InMemoryStateStore",
    "Inject",
    "InternalError",
    "LazyAttributeError",
    "LazyUseError",
    "LeaseLostError",
    "LoopProgress",
    "MapInputError",
    "MapLengthError",
    "MemoryCache",
    "MessageBus",
    "NotShippableError",
    "Param",
    "ParameterError",
    "PlanError",
    "PluginError",
    "Resource",
    "ResourceAcquired",
    "ResourceError",
    "ResourceEvent",
    "ResourceNotFoundError",
    "ResourceReleased",
    "ResultNotStored",
    "RouteNotFoundError",
    "Router",
    "RunCancelledError",
    "RunEvent",
    "RunFinished",
    "RunHandle",
    "RunHeldError",
    "RunId",
    "RunNotFoundError",
    "RunStarted",
    "SqliteCache",
    "SqliteStateStore",
    "StateStoreError",
    "StaticAnalysisWarning",
    "StaticCheckError",
    "StoredValueError",
    "Task",
    "TaskBlocked",
    "TaskDefinitionError",
    "TaskEvent",
    "TaskExecutionFinished",
    "TaskExecutionStarted",
    "TaskNotFoundError",
    "TaskRetrying",
    "TaskSkipped",
    "TaskStopIterationError",
    "TaskTimeoutError",
    "TaskVersionError",
    "TypeRegistry",
    "UnhashableValueError",
    "UnstorableValueError",
    "WorkerLostError",
    "arun",
    "as_completed",
    "literal",
    "pipeline",
    "resource",
    "run",
    "sequence",
    "start",
    "task",
]
