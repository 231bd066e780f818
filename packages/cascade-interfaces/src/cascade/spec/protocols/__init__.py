"""The Protocols behind which every part of the engine can be replaced; one module a concern."""

from cascade.spec.protocols.bus import EventBus
from cascade.spec.protocols.cache import CachePolicy
from cascade.spec.protocols.clock import Clock
from cascade.spec.protocols.executor import Executor, InlineExecutor, TimeoutAware
from cascade.spec.protocols.serializer import Serializer
from cascade.spec.protocols.solver import Solver
from cascade.spec.protocols.state import PromptStateBackend, StateBackend, StateStore

__all__ = [
    "CachePolicy",
    "Clock",
    "EventBus",
    "Executor",
    "InlineExecutor",
    "PromptStateBackend",
    "Serializer",
    "Solver",
    "StateBackend",
    "StateStore",
    "TimeoutAware",
]
