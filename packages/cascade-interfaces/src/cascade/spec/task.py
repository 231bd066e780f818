"""`Task` and the decorator `task`: plain functions whose calls are lazy.

A task is reflected once, here; nothing on an execution path asks `inspect` again. Modifiers make a *variant*: a task
with other options that shares everything else and points to the original through ``base``, which is the task's identity
in graphs.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Concatenate,
    Generic,
    Literal,
    ParamSpec,
    Protocol,
    Self,
    TypeVar,
    cast,
    overload,
)

from cascade.spec.common import LiteralValue
from cascade.spec.errors import TaskDefinitionError
from cascade.spec.lazy_types import LazyResult, MappedLazyResult, lazy_call
from cascade.spec.modifiers import Modifiable
from cascade.spec.policies import NO_OPTIONS, CallOptions, Failure, MapOptions
from cascade.spec.signature import CallSignature

P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R", covariant=True)
S = TypeVar("S")
T = TypeVar("T")

Mode = Literal["auto", "inline", "thread", "process"]
SyncMode = Literal["inline", "thread", "process"]
_MODES = ("auto", "inline", "thread", "process")


class Task(Modifiable, Generic[P, R]):
    """A function whose calls are lazy.

    The static type of a call is the function's own return type; at run time it is a `LazyResult`.

    Attributes:
        fn: The function.
        name: For people: events, errors, drawings.
        module: The function's module.
        qualname: The function's qualified name; module, qualname and version are the identity across processes.
        version: Told apart from other versions of the same task in caches and stored runs.
        identity: Module, qualified name and version as one text.
        pure: Whether equal calls within a step are one node.
        mode: Where a sync task runs: ``"auto"``, ``"inline"``, ``"thread"`` or ``"process"``.
        is_async: Whether the function is awaited.
        call_signature: Checks the shapes of calls.
        base: The task as it was declared; itself, unless this is a variant.
    """

    fn: Callable[..., Any]
    name: str
    module: str
    qualname: str
    version: str
    identity: str
    pure: bool
    mode: Mode
    is_async: bool
    call_signature: CallSignature
    base: Task[..., Any]

    _find_cycle_id: ClassVar[Callable[[Task[..., Any]], str | None]] = staticmethod(lambda _task: None)
    """Reads the source; put here by the package that can (`cascade.graph.static_analysis`)."""

    def __init__(
        self,
        fn: Callable[..., Any],
        *,
        name: str | None = None,
        pure: bool = False,
        mode: Mode = "auto",
        version: str | int = "",
    ) -> None:
        self._binding: str | None = "instance"
        if isinstance(fn, (staticmethod, classmethod)):
            self._binding = "class" if isinstance(fn, classmethod) else None
            fn = fn.__func__
        _check_task(fn, mode)
        functools.update_wrapper(cast(Any, self), fn, updated=())
        described = _described(fn)
        self.fn = fn
        self.module = getattr(described, "__module__", None) or "builtins"
        self.qualname = getattr(described, "__qualname__", type(described).__qualname__)
        self.name = name or cast(str, getattr(described, "__name__", type(described).__name__))
        self.version = str(version)
        self.identity = f"{self.module}:{self.qualname}:{self.version}"
        self.pure = pure
        self.mode = mode
        self.is_async = _is_async(fn)
        if self.is_async and mode != "auto":
            raise TaskDefinitionError(
                f"task {self.name!r} is async, so it is awaited in the event loop; mode={mode!r} is for sync functions"
            )
        self.call_signature = CallSignature(fn, self.name)
        self.base = cast(Any, self)
        self._options = NO_OPTIONS
        self._passes_on = False
        """Whether it only returns its first argument, so that what that returns may be the step's tail call."""

    if TYPE_CHECKING:

        def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> R: ...

    else:

        def __call__(self, /, *args, **kwargs):
            if kwargs:
                return lazy_call(self, args, kwargs)
            lazy = LazyResult()
            lazy._task = self
            lazy._args = args
            return lazy

    @overload
    def __get__(self, instance: None, owner: type[Any] | None = None) -> Self: ...
    @overload
    def __get__(self: Task[Concatenate[S, Q], T], instance: S, owner: type[Any] | None = None) -> Task[Q, T]: ...
    @overload  # a class method
    def __get__(self: Task[Concatenate[type[S], Q], T], instance: S, owner: type[Any] | None = None) -> Task[Q, T]: ...
    @overload  # a static method
    def __get__(self, instance: object, owner: type[Any] | None = None) -> Self: ...
    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if self._binding == "class":
            return BoundTask(self, owner)
        if instance is None or self._binding is None:
            return self
        return BoundTask(self, instance)

    @property
    def _tco_cycle_id(self) -> str | None:
        """The same text for all tasks that go on with each other by tail calls, in every process; a hint.

        ``None`` for a task in no such cycle, or whose source cannot be read. Found out when first asked.
        """
        return Task._find_cycle_id(self)

    def __repr__(self) -> str:
        return f"<task {self.name}>"

    @overload
    def map(
        self, *iterables: Any, max_in_flight: int | None = ..., on_error: Literal["raise"] = ..., **named: Any
    ) -> list[R]: ...
    @overload
    def map(
        self, *iterables: Any, max_in_flight: int | None = ..., on_error: Literal["continue"], **named: Any
    ) -> list[R | Failure]: ...
    def map(self, *iterables: Any, max_in_flight: int | None = None, on_error: str = "raise", **named: Any) -> Any:
        """Call the task once for every item of its iterables, which are walked in step.

        Args:
            *iterables: For the positional parameters: any iterable, async iterable, or a stand-in for one. A value
                wrapped in ``literal`` is the same for every item.
            max_in_flight: Items under way at once; by default twice the executor's concurrency. The input is read as
                the window moves, so it may be huge or endless.
            on_error: ``"raise"`` ends the run at the first failure; ``"continue"`` puts a `Failure` in the result.
            **named: The same for named parameters.

        Returns:
            A stand-in for the list of the results, in the order of the input.

        Raises:
            TaskDefinitionError: Nothing to walk over, or an option out of range.
        """
        everything = (*iterables, *named.values())
        if all(isinstance(value, LiteralValue) for value in everything):
            raise TaskDefinitionError(
                f"task {self.name!r}: map() needs at least one iterable that is not wrapped in literal()"
            )
        return MappedLazyResult(self, iterables, named, MapOptions(max_in_flight, on_error))

    def _with_options(self, options: CallOptions) -> Self:
        variant = object.__new__(type(self))
        variant.__dict__.update(self.__dict__)
        variant._options = options
        return variant

    def __reduce__(self) -> Any:
        return _import_task, (self.module, self.qualname, self._given_options)

    @property
    def _given_options(self) -> CallOptions | None:
        return None if self._options is NO_OPTIONS else self._options


class BoundTask(Task[P, R]):
    """A task that was read from an instance (or, for a class method, from its class): the first argument is given."""

    def __init__(self, task: Task[..., R], instance: Any) -> None:
        # Made anew each time that a method is read, so it is small: all the rest is read from the task.
        self._unbound = task
        self._instance = instance
        self._options = task._options

    def __getattr__(self, name: str) -> Any:
        if name == "_unbound":  # not made yet, or being copied
            raise AttributeError(name)
        return getattr(self._unbound, name)

    if not TYPE_CHECKING:

        def __call__(self, /, *args, **kwargs):
            # Without options it is a call of the task as declared, so that all instances share what is compiled.
            called = self._unbound.base if self._options is NO_OPTIONS else self
            return lazy_call(called, (self._instance, *args), kwargs)

        def __get__(self, instance, owner=None):
            return self  # like a bound method, it stays with its own instance

    def map(self, *iterables: Any, max_in_flight: int | None = None, on_error: Any = "raise", **named: Any) -> Any:
        """As `Task.map`; the instance is the same for every item."""
        mapped: Any = super().map(*iterables, max_in_flight=max_in_flight, on_error=on_error, **named)
        mapped._args = (LiteralValue(self._instance), *mapped._args)
        return mapped

    def __reduce__(self) -> Any:
        return type(self), (_import_task(self.module, self.qualname, self._given_options), self._instance)


class SyncTaskDecorator(Protocol):
    """What ``task(mode=…)`` returns if the mode is for sync functions only."""

    def __call__(self, fn: Callable[P, T], /) -> Task[P, T]: ...


class TaskDecorator(Protocol):
    """What ``task(name=…)`` returns."""

    @overload
    def __call__(self, fn: Callable[P, Coroutine[Any, Any, T]], /) -> Task[P, T]: ...
    @overload
    def __call__(self, fn: Callable[P, T], /) -> Task[P, T]: ...


@overload
def task(fn: Callable[P, Coroutine[Any, Any, T]], /) -> Task[P, T]: ...
@overload
def task(fn: Callable[P, T], /) -> Task[P, T]: ...
@overload
def task(
    *, name: str | None = ..., pure: bool = ..., mode: SyncMode, version: str | int = ...
) -> SyncTaskDecorator: ...
@overload
def task(
    *, name: str | None = ..., pure: bool = ..., mode: Literal["auto"] = ..., version: str | int = ...
) -> TaskDecorator: ...
def task(
    fn: Any = None,
    /,
    *,
    name: str | None = None,
    pure: bool = False,
    mode: Mode = "auto",
    version: str | int = "",
) -> Any:
    """Make a task of a function, an async function, a method, a partial, or any other callable.

    Args:
        fn: The callable; left out when options are given (``@task(pure=True)``).
        name: For people; by default the function's name.
        pure: Equal calls within a step are one node and run once.
        mode: Where a sync task runs. ``"auto"``: in a thread until it has shown that it is short, then in the event
            loop. ``"inline"``: always in the event loop. ``"thread"``, ``"process"``: always there.
        version: Change it when results stored by older versions of the function are no longer right.

    Raises:
        TaskDefinitionError: A generator function, something that is not callable, or a mode that does not fit.

    Example:
        >>> from cascade import workflow as cs
        >>> @cs.task
        ... def add(a: int, b: int) -> int:
        ...     return a + b
        >>> cs.run(add(add(1, 2), 3))
        6
    """

    def make(function: Callable[..., Any]) -> Task[..., Any]:
        return Task(function, name=name, pure=pure, mode=mode, version=version)

    return make if fn is None else make(fn)


def _check_task(fn: Any, mode: str) -> None:
    if isinstance(fn, Task):
        raise TaskDefinitionError(f"{fn!r} is a task already; use its modifiers, or decorate {fn.name}.fn")
    if not callable(fn):
        raise TaskDefinitionError(f"a task is made of a function or another callable, not of {fn!r}")
    if mode not in _MODES:
        raise TaskDefinitionError(f"the mode of a task is one of {', '.join(_MODES)}, not {mode!r}")
    inner = _described(fn)
    call = type(inner).__call__
    for candidate in (inner, call):
        if inspect.isgeneratorfunction(candidate) or inspect.isasyncgenfunction(candidate):
            raise TaskDefinitionError(
                f"{getattr(inner, '__qualname__', inner)!r} is a generator function, and a task gives one value: "
                "return a list, or map a task over the items"
            )


def _is_async(fn: Any) -> bool:
    inner = _described(fn)
    return inspect.iscoroutinefunction(inner) or inspect.iscoroutinefunction(type(inner).__call__)


def _described(fn: Any) -> Any:
    """The function inside partials, which has the name and the kind."""
    while isinstance(fn, functools.partial):
        fn = fn.func
    return fn


def _import_task(module: str, qualname: str, options: CallOptions | None) -> Task[..., Any]:
    """Find a task again in another process."""
    target: Any = __import__(module, fromlist=["_"])
    for part in qualname.split("."):
        target = inspect.getattr_static(target, part)
    found = cast("Task[..., Any]", target)
    return found if options is None else found._with_options(options)


__all__ = ["BoundTask", "Mode", "SyncMode", "SyncTaskDecorator", "Task", "TaskDecorator", "task"]
