"""`MapRun`: a map on the heap: a window that moves over its input.

Items are drawn from the input only when the window has room, so a huge or endless input is never held. Each item is a
call of the task, evaluated in a frame of its own whose parent is the map; an item may itself be a loop. The map holds
neither a thread nor a capacity.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from itertools import repeat
from typing import Any, Final, cast, final

from cascade.graph.expressions import MapInputs
from cascade.graph.model import Node
from cascade.spec.common import LiteralValue
from cascade.spec.errors import MapInputError, MapLengthError
from cascade.spec.lazy_types import LazyResult, lazy_call
from cascade.spec.policies import CallOptions, MapOptions
from cascade.spec.stand_in import StandIn

_ENDED: Final = object()


@final
class MapRun:
    """The state of one map.

    Args:
        node: The map.
        values: The values of its positional and keyword operands, in order.
        amounts: The capacities that each item holds.
        parent: The frame that waits for the list.
        slot: The map's index in that frame.
        window: Items under way at once, unless the map says otherwise.

    Attributes:
        results: The values by item, if they are kept.
        begun: Items drawn so far.
        in_flight: Items under way.
        is_exhausted: Whether the input has ended.
        is_dead: Whether what still comes for this map is to be dropped.

    Raises:
        MapInputError: An operand is neither iterable nor wrapped in ``literal``.
        MapLengthError: The operands have different lengths.
    """

    __slots__ = (
        "_broadcast",
        "_names",
        "_positional",
        "_sources",
        "_task",
        "begun",
        "in_flight",
        "is_asynchronous",
        "is_dead",
        "is_drawing",
        "is_exhausted",
        "node",
        "options",
        "parent",
        "results",
        "slot",
        "window",
    )

    def __init__(
        self, node: Node, values: list[Any], amounts: tuple[Any, ...], parent: Any, slot: int, window: int
    ) -> None:
        assert node.task is not None
        assert isinstance(node.operation, MapInputs)
        options = node.options.map_options or MapOptions()
        self.node = node
        self.parent = parent
        self.slot = slot
        self.options = options
        self.window = options.max_in_flight or window
        self.results: list[Any] = []
        self.begun = 0
        self.in_flight = 0
        self.is_exhausted = False
        self.is_dead = False
        self.is_drawing = False
        self._task = node.task._with_options(CallOptions(policies=node.options.policies, amounts=amounts))
        self._positional = len(node.args)
        self._names = (
            tuple(
                (node.signature.parameter_of(place) if node.signature else None) or str(place)
                for place in range(self._positional)
            )
            + node.keywords
        )
        self._broadcast = node.operation.broadcast
        self._check_lengths(values)
        self._sources = [
            self._repeat(value) if place in self._broadcast else self._iterate(place, value)
            for place, value in enumerate(values)
        ]
        self.is_asynchronous = any(isinstance(source, AsyncIterator) for source in self._sources)

    @property
    def is_complete(self) -> bool:
        """Whether all items have ended."""
        return self.is_exhausted and not self.in_flight

    @property
    def has_room(self) -> bool:
        """Whether another item can be begun now."""
        return not self.is_exhausted and not self.is_drawing and self.in_flight < self.window

    def end_item(self, item: int, value: Any) -> None:
        """An item has its value, or a `Failure`."""
        self.in_flight -= 1
        if self.options.keeps_results:
            self.results[item] = value

    def next_call(self) -> LazyResult | None:
        """Draw the next item from a synchronous input.

        Raises:
            MapLengthError: One operand has ended and another has not.
        """
        items = [
            source if isinstance(source, LiteralValue) else next(cast("Iterator[Any]", source), _ENDED)
            for source in self._sources
        ]
        return self._call(items)

    async def draw(self) -> LazyResult | None:
        """Draw the next item where some of the input is asynchronous."""
        items: list[Any] = []
        for source in self._sources:
            if isinstance(source, LiteralValue):
                items.append(source)
            elif isinstance(source, AsyncIterator):
                items.append(await anext(source, _ENDED))
            else:
                items.append(next(source, _ENDED))
        return self._call(items)

    def _call(self, items: list[Any]) -> LazyResult | None:
        ended = [item is _ENDED for item in items]
        if any(ended):
            self.is_exhausted = True
            if not all(over or place in self._broadcast for place, over in enumerate(ended)):
                short = [name for name, over in zip(self._names, ended, strict=True) if over]
                raise MapLengthError(
                    f"task {self._task.name!r}: map() needs iterables of equal length, but {', '.join(short)} ended "
                    f"after {self.begun} items and others did not; wrap what is the same for every item in "
                    "literal()"
                )
            return None
        self.begun += 1
        if self.options.keeps_results:
            self.results.append(None)
        self.in_flight += 1
        kwargs = dict(zip(self.node.keywords, items[self._positional :], strict=True))
        call: LazyResult = lazy_call(self._task, tuple(items[: self._positional]), kwargs)
        return call

    def _repeat(self, value: Any) -> LiteralValue[Any] | Iterator[Any]:
        """The same for every item: not searched again, unless it is a resource, which each item injects."""
        return repeat(value) if isinstance(value, StandIn) else LiteralValue(value)

    def _iterate(self, place: int, value: Any) -> Iterator[Any] | AsyncIterator[Any]:
        if hasattr(value, "__aiter__"):
            asynchronous: AsyncIterator[Any] = aiter(value)
            return asynchronous
        try:
            synchronous: Iterator[Any] = iter(value)
            return synchronous
        except TypeError:
            raise MapInputError(
                f"task {self._task.name!r}: map({self._names[place]}=…) got {value!r:.100}, which is not iterable; "
                "wrap it in literal() to pass the same value to every item"
            ) from None

    def _check_lengths(self, values: list[Any]) -> None:
        """Find different lengths before anything runs, where they are known."""
        lengths = {
            self._names[place]: len(value)
            for place, value in enumerate(values)
            if place not in self._broadcast and hasattr(value, "__len__")
        }
        if len(set(lengths.values())) > 1:
            listed = ", ".join(f"{name} has {length}" for name, length in lengths.items())
            raise MapLengthError(
                f"task {self._task.name!r}: map() needs iterables of equal length, but {listed}; "
                "wrap what is the same for every item in literal()"
            )


__all__ = ["MapRun"]
