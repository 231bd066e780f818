"""Tools to test Cascade, its plug-ins, and workflows: conformance kits, fakes, virtual time and injected faults."""

from cascade.testing.conformance import (
    CacheConformance,
    ExecutorConformance,
    SerializerConformance,
    SolverConformance,
    StateBackendConformance,
)
from cascade.testing.fakes import FakeClock, LoopClock, RealTimeCalls, RecordedCall, ScriptedExecutor, ShuffledSolver
from cascade.testing.faults import Fault, Faults, FaultyCache, FaultyExecutor, InjectedError
from cascade.testing.faulty_store import FaultyStateStore
from cascade.testing.recording_bus import RecordingBus
from cascade.testing.virtual_time import HangError, VirtualTimeLoop, real_time, run_in_virtual_time

__all__ = [
    "CacheConformance",
    "ExecutorConformance",
    "FakeClock",
    "Fault",
    "Faults",
    "FaultyCache",
    "FaultyExecutor",
    "FaultyStateStore",
    "HangError",
    "InjectedError",
    "LoopClock",
    "RealTimeCalls",
    "RecordedCall",
    "RecordingBus",
    "ScriptedExecutor",
    "SerializerConformance",
    "ShuffledSolver",
    "SolverConformance",
    "StateBackendConformance",
    "VirtualTimeLoop",
    "real_time",
    "run_in_virtual_time",
]
