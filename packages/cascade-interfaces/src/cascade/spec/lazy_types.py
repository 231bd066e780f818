"""`LazyResult` and `MappedLazyResult`: what calling a task returns.

Creating a lazy result is the floor under every loop, so `LazyResult` is two slots and nothing else: no id (its
identity is its address; a graph gives reproducible names), no keyword arguments, no options. Calls that have them are
of subclasses, which add the slots; on the plain class they are class attributes. So the class tells what a call can
have, and compiled loops need not look for what is not there. All slots begin with an underscore because every public
name here hides an attribute of the value. They are filled by whoever makes the object (`Task.__call__`, `lazy_call`)
and not by an ``__init__``, whose call would be a fifth of all that a lazy result costs.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

from cascade.spec.modifiers import Modifiable
from cascade.spec.policies import NO_OPTIONS, CallOptions, MapOptions
from cascade.spec.stand_in import StandIn

if TYPE_CHECKING:
    from cascade.spec.task import Task


class LazyResult(StandIn, Modifiable):
    """A call of a task that has not been made yet.

    The same lazy result used twice is one node of the graph and runs once. Calling the task twice makes two.
    """

    __slots__ = ("__weakref__", "_args", "_task")

    _kwargs: Mapping[str, Any] = MappingProxyType({})
    _options = NO_OPTIONS

    _task: Task[..., Any]
    _args: tuple[Any, ...]

    def __repr__(self) -> str:
        # Arguments can be lazy results, millions deep; they are counted, not shown.
        count = len(self._args) + len(self._kwargs)
        return f"<lazy {self._task.name}(…{count})>" if count else f"<lazy {self._task.name}()>"

    def _with_options(self, options: CallOptions) -> Self:
        modified = ModifiedLazyResult()
        modified._task = self._task
        modified._args = self._args
        modified._kwargs = self._kwargs or {}  # a proxy cannot be pickled
        modified._options = options
        return modified  # type: ignore[return-value]  # of this class or the only subclass


class KeywordLazyResult(LazyResult):
    """A call with keyword arguments."""

    __slots__ = ("_kwargs",)

    _kwargs: Mapping[str, Any]


class ModifiedLazyResult(LazyResult):
    """A call with options of its own, and perhaps keyword arguments."""

    __slots__ = ("_kwargs", "_options")

    _kwargs: Mapping[str, Any]
    _options: CallOptions


def lazy_call(task: Task[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> LazyResult:
    """A call without options."""
    lazy: LazyResult
    if kwargs:
        lazy = KeywordLazyResult()
        lazy._kwargs = kwargs
    else:
        lazy = LazyResult()
    lazy._task = task
    lazy._args = args
    return lazy


class MappedLazyResult(StandIn, Modifiable):
    """A call of a task for every item of its iterables; it stands for the list of the results, in order."""

    __slots__ = ("__weakref__", "_args", "_kwargs", "_map_options", "_options", "_task")

    def __init__(
        self,
        task: Task[..., Any],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        map_options: MapOptions,
        options: CallOptions = NO_OPTIONS,
    ) -> None:
        self._task = task
        self._args = args
        self._kwargs = dict(kwargs)
        self._map_options = map_options
        self._options = options

    def __repr__(self) -> str:
        return f"<lazy {self._task.name}.map(…{len(self._args) + len(self._kwargs)})>"

    def _with_options(self, options: CallOptions) -> Self:
        return type(self)(self._task, self._args, self._kwargs, self._map_options, options)


__all__ = ["KeywordLazyResult", "LazyResult", "MappedLazyResult", "ModifiedLazyResult", "lazy_call"]
