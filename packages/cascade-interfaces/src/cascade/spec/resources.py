"""Resources: things that are opened before a task needs them and closed afterwards (connections, pools, models)."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, Generic, Literal, Protocol, TypeVar, cast, overload

from cascade.spec.errors import TaskDefinitionError
from cascade.spec.stand_in import StandIn

T = TypeVar("T")

Scope = Literal["run", "step"]

Provider = Callable[..., AbstractContextManager[T] | AbstractAsyncContextManager[T] | Iterator[T] | AsyncIterator[T]]
"""A function that returns a context manager, or a generator function, however its author annotated it."""


class Resource(Generic[T]):
    """How to open and close one resource.

    Attributes:
        name: What `Inject` asks for.
        scope: ``"run"``: open until the run ends. ``"step"``: open until the run's next tail call.
        provider: The generator function, or the callable that returns a context manager.
        injected: Its parameters that are other resources, from parameter to `InjectStandIn`.
    """

    __slots__ = ("injected", "name", "provider", "scope")

    def __init__(self, provider: Callable[..., Any], name: str, scope: Scope) -> None:
        if scope not in ("run", "step"):
            raise TaskDefinitionError(f"resource {name!r}: the scope is 'run' or 'step', not {scope!r}")
        self.provider = provider
        self.name = name
        self.scope: Scope = scope
        parameters = inspect.signature(provider).parameters.values()
        self.injected = {
            parameter.name: parameter.default
            for parameter in parameters
            if isinstance(parameter.default, InjectStandIn)
        }
        for parameter in parameters:
            if parameter.default is inspect.Parameter.empty and parameter.kind not in (
                inspect.Parameter.VAR_POSITIONAL,
                inspect.Parameter.VAR_KEYWORD,
            ):
                raise TaskDefinitionError(
                    f"resource {name!r}: parameter {parameter.name!r} has no default, and nobody passes arguments to a "
                    "resource; give it a default, or Inject another resource"
                )

    def __repr__(self) -> str:
        return f"<resource {self.name} of scope {self.scope}>"


class InjectStandIn(StandIn):
    """Stands for a resource that is opened when its first consumer is about to run."""

    __slots__ = ("_name", "_resource")

    def __init__(self, name: str, resource: Resource[Any] | None) -> None:
        self._name = name
        self._resource = resource

    def __repr__(self) -> str:
        return f"<resource {self._name}>"


class ResourceDecorator(Protocol):
    """What ``resource(name=…)`` returns."""

    # Context managers first: a file is an iterator of its lines, too.
    @overload
    def __call__(self, provider: Callable[..., AbstractContextManager[T]], /) -> Resource[T]: ...
    @overload
    def __call__(self, provider: Callable[..., AbstractAsyncContextManager[T]], /) -> Resource[T]: ...
    @overload
    def __call__(self, provider: Callable[..., Iterator[T]], /) -> Resource[T]: ...
    @overload
    def __call__(self, provider: Callable[..., AsyncIterator[T]], /) -> Resource[T]: ...


@overload
def resource(provider: Callable[..., AbstractContextManager[T]], /) -> Resource[T]: ...
@overload
def resource(provider: Callable[..., AbstractAsyncContextManager[T]], /) -> Resource[T]: ...
@overload
def resource(provider: Callable[..., Iterator[T]], /) -> Resource[T]: ...
@overload
def resource(provider: Callable[..., AsyncIterator[T]], /) -> Resource[T]: ...
@overload
def resource(*, name: str | None = ..., scope: Scope = ...) -> ResourceDecorator: ...
def resource(provider: Any = None, /, *, name: str | None = None, scope: Scope = "run") -> Any:
    """Make a resource of a generator function that yields once, or of a function that returns a context manager.

    The resource is opened when the first task that injects it is about to run. It is closed whatever happens, in the
    reverse order of opening; if the step failed, the exception is thrown into the generator at its ``yield``.

    Args:
        provider: The function; it may be ``async``, and may inject other resources through its defaults.
        name: By default the function's name.
        scope: ``"run"`` or ``"step"``.

    Example:
        >>> from cascade import workflow as cs
        >>> @cs.resource
        ... def greeting():
        ...     yield "hello"
        >>> @cs.task
        ... def greet(name: str, words: str = cs.Inject(greeting)) -> str:
        ...     return f"{words}, {name}"
        >>> cs.run(greet("Ada"))
        'hello, Ada'
    """

    def make(function: Callable[..., Any]) -> Resource[Any]:
        if not callable(function):
            raise TaskDefinitionError(f"a resource is made of a function, not of {function!r:.100}")
        return Resource(function, name or str(getattr(function, "__name__", type(function).__name__)), scope)

    return make if provider is None else make(provider)


@overload
def Inject(resource: Resource[T], /) -> T: ...
@overload
def Inject(resource: str, /) -> Any: ...
def Inject(resource: Any, /) -> Any:
    """Ask for a resource, as a parameter's default or as an argument.

    Args:
        resource: The resource itself, or the name of one that is registered with the engine (``Engine(resources=…)``,
            ``run(…, resources=…)``).
    """
    if isinstance(resource, Resource):
        return cast(Any, InjectStandIn(resource.name, resource))
    if isinstance(resource, str) and resource:
        return cast(Any, InjectStandIn(resource, None))
    raise TaskDefinitionError(f"Inject takes a resource or its name, not {resource!r}")


__all__ = ["Inject", "InjectStandIn", "Provider", "Resource", "ResourceDecorator", "Scope", "resource"]
