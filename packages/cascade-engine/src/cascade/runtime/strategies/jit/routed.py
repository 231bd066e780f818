"""`chosen`: the call that a router at the end of a step chooses, where that can be seen without running anything.

A task that returns ``Router(key, {"again": loop(…), "stop": end(…)})`` with a plain value as the key has decided
already. The interpreter builds the graph of the router and all its routes, and runs the route that is chosen. Compiled
code goes on with the chosen call itself: the same calls are made, in the same order.

Only where nothing can be wrong with the other routes, because the interpreter would find it when it builds them: they
must be values, or calls of values that fit their task. Everything else is left to the interpreter.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, Final

from cascade.runtime.strategies.jit.leaves import LEAVES
from cascade.spec.errors import ArgumentMismatchError
from cascade.spec.lazy_types import KeywordLazyResult, LazyResult
from cascade.spec.policies import NO_OPTIONS, NOTHING
from cascade.spec.routing import RoutedResult

NO_ROUTE: Final = -1
"""No key is equal to the selector."""

UNDECIDED: Final = -2
"""To compare the selector with the keys could run somebody's code."""

_EQUALITIES: Final[tuple[Any, ...]] = (object.__eq__, str.__eq__, int.__eq__)
_HASHES: Final[tuple[Any, ...]] = (Enum.__hash__, str.__hash__, int.__hash__)


class Routed:
    """The choices of one call of a compiled loop.

    Attributes:
        router: The last router that was decided.
        call: The call that it chose.
        place: The place of the route among the router's.
    """

    __slots__ = ("call", "place", "router")

    def __init__(self) -> None:
        self.router: Any = None
        self.call: Any = None
        self.place = 0

    def chosen(self, value: Any) -> Any:
        """The call that a value chooses, if it is a router that can be decided; otherwise the value itself."""
        if type(value) is not RoutedResult:
            return value
        place = route_of(tuple(value._routes), value._selector)
        if place == UNDECIDED or (place == NO_ROUTE and value._default is NOTHING):
            return value
        routes = list(value._routes.values())
        if value._default is not NOTHING:
            routes.append(value._default)
        if place == NO_ROUTE:
            place = len(routes) - 1
        call = routes.pop(place)
        if type(call) not in (LazyResult, KeywordLazyResult) or not all(map(_is_faultless, routes)):
            return value
        self.router, self.call, self.place = value, call, place
        return call

    def given(self, call: Any) -> Any:
        """The router that chose a call, if one did, so that the interpreter sees what the program returned."""
        return self.router if call is self.call and self.router is not None else call


def route_of(keys: tuple[Any, ...], selected: Any) -> int:
    """The number of the route that a selector chooses, or `NO_ROUTE` or `UNDECIDED`."""
    kinds = {type(selected), *map(type, keys)}
    if not (LEAVES.issuperset(kinds) or all(map(_is_comparable, kinds))):
        return UNDECIDED
    try:
        return keys.index(selected)
    except ValueError:
        return NO_ROUTE


def _is_comparable(kind: type) -> bool:
    """Whether values of a type are compared by the language's own rules."""
    if kind in LEAVES:
        return True
    return issubclass(kind, Enum) and kind.__eq__ in _EQUALITIES and kind.__hash__ in _HASHES


def _is_faultless(route: Any) -> bool:
    """Whether a graph can be built of a route, whatever becomes of it."""
    if type(route) in LEAVES:
        return True
    if type(route) is not LazyResult or route._task._options is not NO_OPTIONS:
        return False
    try:
        return LEAVES.issuperset(map(type, route._args)) and not route._task.call_signature.accept(route._args, {})
    except ArgumentMismatchError:
        return False


__all__ = ["NO_ROUTE", "UNDECIDED", "Routed", "route_of"]
