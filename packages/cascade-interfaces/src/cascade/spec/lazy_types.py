"""`LazyResult` and `MappedLazyResult`: what calling a task returns.

Creating a lazy result is the floor under every loop, so `LazyResult` is three slots and nothing else: no id (its
identity is its address; a graph gives reproducible names), no options. A call *with* options is of the subclass
`ModifiedLazyResult`, which adds the slot; on the plain class ``_options`` is a class attribute. All slots begin with an
underscore because every public name here hides an attribute of the value.
"""

from __future__ import annotations

from collections.abc import Mapping
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

    __slots__ = ("__weakref__", "_args", "_kwargs", "_task")

    _options = NO_OPTIONS

    def __init__(self, task: Task[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._task = task
        self._args = args
        self._kwargs = kwargs

    def __repr__(self) -> str:
        # Arguments can be lazy results, millions deep; they are counted, not shown.
        count = len(self._args) + len(self._kwargs)
        return f"<lazy {self._task.name}(…{count})>" if count else f"<lazy {self._task.name}()>"

    def _with_options(self, options: CallOptions) -> Self:
        modified = ModifiedLazyResult(self._task, self._args, self._kwargs)
        modified._options = options
        return modified  # type: ignore[return-value]  # of this class or the only subclass


class ModifiedLazyResult(LazyResult):
    """A call with options of its own."""

    __slots__ = ("_options",)

    _options: CallOptions


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


__all__ = ["LazyResult", "MappedLazyResult", "ModifiedLazyResult"]
