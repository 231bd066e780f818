"""`Router`: a value that is chosen among several calls by the value of another."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, TypeVar, cast, overload

from cascade.spec.errors import TaskDefinitionError
from cascade.spec.policies import NOTHING
from cascade.spec.stand_in import StandIn

V = TypeVar("V")
D = TypeVar("D")


class RoutedResult(StandIn):
    """Stands for the value of the route that the selector chooses."""

    __slots__ = ("__weakref__", "_default", "_routes", "_selector")

    def __init__(self, selector: Any, routes: Mapping[Hashable, Any], default: Any) -> None:
        self._selector = selector
        self._routes = dict(routes)
        self._default = default

    def __repr__(self) -> str:
        return f"<router of {len(self._routes)} routes>"


@overload
def Router(selector: Any, routes: Mapping[Any, V]) -> V: ...
@overload
def Router(selector: Any, routes: Mapping[Any, V], default: D) -> V | D: ...
def Router(selector: Any, routes: Mapping[Any, Any], default: Any = NOTHING) -> Any:
    """Choose one of several calls by the value of another; the others never start, nor what only they need.

    Args:
        selector: A value, or a call that computes it.
        routes: From each value of the selector (any hashable key) to a call, another router, or a plain value.
        default: Taken when no route has the selector's value. Without it that is a `RouteNotFoundError`.

    Raises:
        TaskDefinitionError: ``routes`` is not a mapping, or is empty and there is no default.

    Example:
        >>> from cascade import workflow as cs
        >>> @cs.task
        ... def sign(x: int) -> str:
        ...     return "negative" if x < 0 else "positive"
        >>> @cs.task
        ... def negate(x: int) -> int:
        ...     return -x
        >>> cs.run(cs.Router(sign(-3), {"negative": negate(-3), "positive": -3}))
        3
    """
    if not isinstance(routes, Mapping):
        raise TaskDefinitionError(f"Router(routes=…) takes a mapping from keys to calls or values, not {routes!r}")
    if not routes and default is NOTHING:
        raise TaskDefinitionError("Router(routes={}) without a default can never choose anything")
    return cast(Any, RoutedResult(selector, routes, default))


__all__ = ["RoutedResult", "Router"]
