"""Every error that Cascade itself raises, sorted by who is at fault.

`CascadeError` is the base of all. Each class also inherits the builtin that a caller would catch, so
``except TimeoutError`` and ``except CascadeError`` both work. The exceptions of the user's own tasks are never wrapped:
they arrive as they were raised, with a note that says in which task and step. All of them can be pickled, so they reach
the run from a worker process, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cascade.spec.identifiers import RunId
    from cascade.spec.state import Holder


class CascadeError(Exception):
    """Base class of all errors of Cascade."""

    def __reduce__(self) -> tuple[object, ...]:
        # Not Python's own way, which calls the class with the finished message in the place of its arguments.
        return _remade, (type(self), self.args, self.__dict__)


def _remade(kind: type[CascadeError], args: tuple[object, ...], attributes: dict[str, object]) -> CascadeError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(attributes)
    return error


# --- The program: how tasks are declared and calls are written ------------------------------------------------


class TaskDefinitionError(CascadeError, TypeError):
    """Something that cannot be a task was made one, or with options that contradict each other."""


class LazyUseError(CascadeError, TypeError):
    """A lazy result was used as if it were already the value (``if lazy``, ``len(lazy)``, ``lazy + 1``, …)."""


class LazyAttributeError(LazyUseError, AttributeError):
    """An attribute of the value was read from the lazy result."""


class GraphError(CascadeError, ValueError):
    """The graph that was asked for cannot be built or planned."""


class ArgumentMismatchError(GraphError, TypeError):
    """A call does not fit the signature of its task."""


class CycleError(GraphError):
    """Calls that wait for each other.

    Attributes:
        cycle: The names of the tasks on the cycle; the first is repeated at the end.
    """

    def __init__(self, cycle: Sequence[str]) -> None:
        self.cycle = tuple(cycle)
        path = " -> ".join(self.cycle)
        super().__init__(
            f"these calls wait for each other: {path}. A lazy result cannot be, directly or through a container, "
            "an argument of itself: build the container before the call and do not change it afterwards."
        )


class MapInputError(GraphError, TypeError):
    """An argument of ``task.map`` is neither iterable nor wrapped in ``literal``."""


class MapLengthError(GraphError):
    """The iterables of one ``task.map`` have different lengths."""


class RouteNotFoundError(GraphError, LookupError):
    """A selector gave a key for which its router has neither a route nor a default."""


class UnhashableValueError(CascadeError, TypeError):
    """A value has no stable hash, so it can be no part of a cache key or of a pure call.

    Attributes:
        path: Where in the arguments the value stands, for example ``args[0].items[3]``.
    """

    def __init__(self, path: str, value: object) -> None:
        self.path = path
        kind = f"{type(value).__module__}.{type(value).__qualname__}"
        super().__init__(
            f"{path} is a {kind}, which has no stable hash. Pass plain data (numbers, strings, bytes, dates, "
            "containers, dataclasses, enums, arrays), or give the type a method __cascade_hash__() that returns such."
        )


class UnstorableValueError(CascadeError, TypeError):
    """A value, or something inside it, cannot be stored: a serializer refuses it.

    Attributes:
        path: Where it stands inside the value, for example ``value.items[3].when``.
        problem: What is wrong with it and what to do, as the rest of a sentence that begins with the path.
        where: Whose value it is, for example ``the result of task 'load'``; empty if nobody has said so yet.
    """

    def __init__(self, path: str, problem: str, where: str = "") -> None:
        self.path = path
        self.problem = problem
        self.where = where
        super().__init__(f"{where} cannot be stored: {path} {problem}" if where else f"{path} {problem}")

    def said_of(self, where: str) -> UnstorableValueError:
        """The same error with the words that say whose value it is."""
        return UnstorableValueError(self.path, self.problem, where)


class CorruptDataError(CascadeError, ValueError):
    """Stored bytes cannot be read: damaged, tampered with, of a newer version, or of a type that is not known here."""


class StaticCheckError(GraphError):
    """The checks before a run found faults; all of them are in the message.

    Attributes:
        faults: One sentence a fault.
    """

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        if len(self.faults) == 1:
            super().__init__(self.faults[0])
        else:
            lines = "\n".join(f"  {number}. {fault}" for number, fault in enumerate(self.faults, 1))
            super().__init__(f"{len(self.faults)} faults were found before the run:\n{lines}")


# --- The caller of a run: parameters, environment, resources, capacities --------------------------------------


class ParameterError(CascadeError, ValueError):
    """A parameter of the run is missing, unknown, or cannot be converted to its type."""


class ResourceError(CascadeError):
    """A resource cannot be provided: unknown, part of a cycle, of a wrong scope, or its generator misbehaves."""


class ResourceNotFoundError(ResourceError, LookupError):
    """A name that is injected but not registered."""


class CapacityError(CascadeError, ValueError):
    """A task asks for more than the engine has in all, or for something that the engine does not have."""


class ConstraintError(CascadeError, ValueError):
    """A limit, a rate or a scope that makes no sense."""


# --- Durable runs: what is kept of a run, and who may continue it ----------------------------------------------


class StateStoreError(CascadeError, RuntimeError):
    """A state store cannot be used: unreachable, locked for too long, full, or not writable."""


class RunHeldError(CascadeError, RuntimeError):
    """Another process, or another call in this one, is running this run.

    Attributes:
        run_id: The run.
        holder: Who holds it.
    """

    def __init__(self, run_id: RunId, holder: Holder) -> None:
        self.run_id = run_id
        self.holder = holder
        from datetime import UTC, datetime  # only for this error: it costs a part of the whole import time

        since = datetime.fromtimestamp(holder.since, UTC).isoformat(sep=" ", timespec="seconds")
        super().__init__(
            f"run {run_id!r} is being run by process {holder.pid} on {holder.host}, since {since}; wait until it has "
            "ended, or cancel it: cascade runs cancel"
        )


class LeaseLostError(CascadeError, RuntimeError):
    """A run was taken over by another process, because this one did not renew its lease in time."""


class RunNotFoundError(CascadeError, LookupError):
    """There is no stored run of this id."""


class RunCancelledError(CascadeError, RuntimeError):
    """Somebody has asked for the run to be cancelled. It can be continued from where it stands."""


class StoredValueError(CascadeError, LookupError):
    """A run has ended, but its value could not be stored."""


class TaskNotFoundError(CascadeError, LookupError):
    """A stored call is of a task that no longer exists under its name."""


class TaskVersionError(CascadeError, ValueError):
    """A stored call is of another version of its task.

    Attributes:
        changed: For each such task (``module:name``) the version that was stored and that of the program.
    """

    def __init__(self, changed: Mapping[str, tuple[str, str]]) -> None:
        self.changed = dict(changed)
        listed = "; ".join(
            f"task {name} was stored with version {stored!r} and has version {current!r} now"
            for name, (stored, current) in self.changed.items()
        )
        super().__init__(
            f"{listed}. If the stored arguments fit the new version, say so with accept_versions=True (--accept-version"
            " on the command line); if they must be converted, give migrate=, a function from the stored call to a new "
            "one; otherwise continue the run with the program that began it"
        )


# --- The run: what happens while tasks run --------------------------------------------------------------------


class DependencyMissingError(CascadeError, LookupError):
    """The target of the run was skipped, so there is no value to return."""


class TaskTimeoutError(CascadeError, TimeoutError):
    """An attempt of a task, or the whole run, took longer than allowed."""


class TaskStopIterationError(CascadeError, RuntimeError):
    """A task raised ``StopIteration``, which would silently end an iteration somewhere else."""


class NotShippableError(CascadeError, TypeError):
    """A task of mode ``process``, its arguments or its result cannot be sent to another process."""


class WorkerLostError(CascadeError, RuntimeError):
    """A worker process ended before it gave its result."""


class EngineClosedError(CascadeError, RuntimeError):
    """An engine or an executor was used after it had been closed."""


# --- A plug-in, or Cascade itself -----------------------------------------------------------------------------


class PluginError(CascadeError, ValueError):
    """A URL names no plug-in, or the plug-in that it names cannot be loaded or refuses it."""


class PlanError(CascadeError, RuntimeError):
    """A solver returned a plan that is no order of the graph: nodes are missing, twice, or before their inputs."""


class UnexpectedCompilationError(CascadeError, RuntimeError):
    """A loop was about to be compiled where a test says that nothing new should be."""


class InternalError(CascadeError, RuntimeError):
    """An invariant of Cascade does not hold."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}. This is a bug in Cascade: please report it with the program that caused it.")


__all__ = [
    "ArgumentMismatchError",
    "CapacityError",
    "CascadeError",
    "ConstraintError",
    "CorruptDataError",
    "CycleError",
    "DependencyMissingError",
    "EngineClosedError",
    "GraphError",
    "InternalError",
    "LazyAttributeError",
    "LazyUseError",
    "LeaseLostError",
    "MapInputError",
    "MapLengthError",
    "NotShippableError",
    "ParameterError",
    "PlanError",
    "PluginError",
    "ResourceError",
    "ResourceNotFoundError",
    "RouteNotFoundError",
    "RunCancelledError",
    "RunHeldError",
    "RunNotFoundError",
    "StateStoreError",
    "StaticCheckError",
    "StoredValueError",
    "TaskDefinitionError",
    "TaskNotFoundError",
    "TaskStopIterationError",
    "TaskTimeoutError",
    "TaskVersionError",
    "UnexpectedCompilationError",
    "UnhashableValueError",
    "UnstorableValueError",
    "WorkerLostError",
]
