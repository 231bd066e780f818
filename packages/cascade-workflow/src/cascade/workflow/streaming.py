"""`as_completed`: the values of many calls, each as soon as it is there.

The calls are the items of a map whose task hands each value to the consumer through a `Channel`. When the channel is
full the items wait, the map's window stands still, and no more input is drawn: so a slow consumer holds back an endless
input, and memory stays flat.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import count, repeat
from typing import Any, Final, Generic, NamedTuple, TypeVar

from cascade.runtime.engine import Engine
from cascade.runtime.waiting import wake
from cascade.spec.common import LiteralValue, literal
from cascade.spec.errors import MapLengthError, TaskDefinitionError
from cascade.spec.lazy_types import MappedLazyResult, lazy_call
from cascade.spec.policies import NO_OPTIONS, NO_POLICIES, CallOptions, Failure, MapOptions
from cascade.spec.resources import Resource
from cascade.spec.stand_in import StandIn
from cascade.spec.task import task
from cascade.workflow.handle import RunHandle, start

T = TypeVar("T")

_ROOM: Final = 64
"""Values that may wait for the consumer."""

_ENDED: Final = object()


class Completed(NamedTuple, Generic[T]):
    """One value of `as_completed`.

    Attributes:
        place: The place of the call in the input, from 0.
        value: Its value.
    """

    place: int
    value: T


class Channel:
    """A bounded queue from the run's event loop to a consumer in another thread or event loop."""

    def __init__(self) -> None:
        self._values: deque[Any] = deque()
        self._changed = threading.Condition()
        self._writers: deque[asyncio.Future[None]] = deque()
        self._reader: asyncio.Future[None] | None = None
        self._is_closed = False

    async def put(self, value: Any) -> None:
        """Wait for room, then add a value."""
        while True:
            with self._changed:
                if self._is_closed:
                    return
                if len(self._values) < _ROOM:
                    self._add(value)
                    return
                room = asyncio.get_running_loop().create_future()
                self._writers.append(room)
            await room

    def end(self) -> None:
        """Nothing more will come."""
        with self._changed:
            self._add(_ENDED)

    def close(self) -> None:
        """Nobody reads any more: let the writers go."""
        with self._changed:
            self._is_closed = True
            self._let_writers_go()

    def get(self) -> Any:
        """Wait for the next value, blocking the thread."""
        with self._changed:
            while not self._values:
                self._changed.wait()
            return self._take()

    async def get_async(self) -> Any:
        """Wait for the next value in an event loop."""
        while True:
            with self._changed:
                if self._values:
                    return self._take()
                self._reader = news = asyncio.get_running_loop().create_future()
            await news

    def _add(self, value: Any) -> None:
        self._values.append(value)
        self._changed.notify_all()
        if self._reader is not None:
            wake(self._reader)
            self._reader = None

    def _take(self) -> Any:
        value = self._values.popleft()
        self._let_writers_go()
        return value

    def _let_writers_go(self) -> None:
        while self._writers:
            wake(self._writers.popleft())


class Completions(Generic[T]):
    """The values of many calls in the order of their completion. Iterate it once, with ``for`` or ``async for``.

    When the iteration is left early, the run is cancelled.
    """

    def __init__(self, begin: Callable[[Channel], RunHandle[Any]]) -> None:
        self._begin: Callable[[Channel], RunHandle[Any]] | None = begin

    def __iter__(self) -> Iterator[Completed[T]]:
        channel = Channel()
        handle = self._run(channel)
        try:
            while (value := channel.get()) is not _ENDED:
                yield value
            handle.result()
        finally:
            _stop(handle, channel)

    async def __aiter__(self) -> AsyncIterator[Completed[T]]:
        channel = Channel()
        handle = self._run(channel)
        try:
            while (value := await channel.get_async()) is not _ENDED:
                yield value
            await handle
        finally:
            _stop(handle, channel)

    def _run(self, channel: Channel) -> RunHandle[Any]:
        if self._begin is None:
            raise RuntimeError("as_completed() can be iterated once; call it again for another run")
        begin, self._begin = self._begin, None
        handle = begin(channel)
        handle.add_done_callback(channel.end)
        return handle


def as_completed(
    calls: Iterable[T],
    params: Mapping[str, Any] | None = None,
    *,
    max_in_flight: int | None = None,
    engine: Engine | None = None,
    timeout_s: float | None = None,
    resources: Iterable[Resource[Any]] = (),
) -> Completions[T]:
    """Run many calls and get each value as soon as it is there.

    Args:
        calls: A map (``task.map(…)``), or any iterable of calls, which may be a generator without end: calls are drawn
            as the window moves, and not while the consumer is behind.
        params: Values of `Param`s by name.
        max_in_flight: Calls under way at once; by default that of the map, or twice the executor's concurrency.
        engine: Where it runs; by default the engine that the whole process shares.
        timeout_s: Seconds that the whole run may take.
        resources: Resources that are injected by name.

    Returns:
        Something to iterate once, with ``for`` or ``async for``: pairs ``(place, value)``. A failing call raises its
        exception in the iteration and cancels the others; in a map with ``on_error="continue"`` it gives a `Failure`.

    Example:
        >>> from cascade import workflow as cs
        >>> @cs.task
        ... def square(x: int) -> int:
        ...     return x * x
        >>> sorted(cs.as_completed(square.map([1, 2, 3])))
        [Completed(place=0, value=1), Completed(place=1, value=4), Completed(place=2, value=9)]
    """
    source: Any
    outer = NO_OPTIONS
    if isinstance(calls, MappedLazyResult):
        max_in_flight = max_in_flight or calls._map_options.max_in_flight
        options = calls._options.merged_into(calls._task._options)
        outer = replace(options, policies=NO_POLICIES, amounts=())  # whether and when the map as a whole runs
        kwargs = dict(zip(calls._kwargs, _unwrapped(calls._kwargs.values()), strict=True))
        source = _items(literal((calls,)), _unwrapped(calls._args), kwargs)
    elif isinstance(calls, StandIn) or not isinstance(calls, Iterable):
        raise TaskDefinitionError(f"as_completed() takes a map or an iterable of calls, not {calls!r}")
    else:
        source = iter(enumerate(calls))  # an iterator: a list would be evaluated as a whole first
    map_options = MapOptions(max_in_flight=max_in_flight, keeps_results=False)

    def begin(channel: Channel) -> RunHandle[Any]:
        target: Any = MappedLazyResult(_deliver, (source, LiteralValue(channel)), {}, map_options, outer)
        return start(
            target,
            params,
            engine=engine,
            timeout_s=timeout_s,
            resources=resources,
            allow_unused_params=True,  # the calls that use them are drawn one by one
            state=None,  # values go to a consumer in this process
        )

    return Completions(begin)


@task(name="deliver")
async def _deliver(completed: tuple[int, Any], channel: Channel) -> None:
    index, value = completed
    if isinstance(value, Failure):
        value = Failure(value.error, index)
    await channel.put(Completed(index, value))


@task(name="items", mode="inline")
def _items(holder: tuple[MappedLazyResult], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Pairs of index and call, one an item of a map, drawn from its evaluated inputs."""
    mapped = holder[0]
    originals = (*mapped._args, *mapped._kwargs.values())
    is_broadcast = [isinstance(original, LiteralValue) for original in originals]
    sources = [
        repeat(value) if same else aiter(value) if hasattr(value, "__aiter__") else iter(value)
        for same, value in zip(is_broadcast, (*args, *kwargs.values()), strict=True)
    ]
    return _draw(mapped, sources, is_broadcast)


async def _draw(mapped: MappedLazyResult, sources: list[Any], is_broadcast: list[bool]) -> AsyncIterator[Any]:
    options = CallOptions(policies=mapped._options.merged_into(mapped._task._options).policies)
    item_task = mapped._task.base._with_options(options)
    positional = len(mapped._args)
    for index in count():
        items = [
            await anext(source, _ENDED) if isinstance(source, AsyncIterator) else next(source, _ENDED)
            for source in sources
        ]
        ended = [item is _ENDED for item in items]
        if any(ended):
            if not all(over or same for over, same in zip(ended, is_broadcast, strict=True)):
                raise MapLengthError(f"task {item_task.name!r}: the iterables of map() have different lengths")
            return
        args, kwargs = items[:positional], dict(zip(mapped._kwargs, items[positional:], strict=True))
        if mapped._map_options.on_error == "continue":
            alone = MappedLazyResult(
                item_task,
                tuple([arg] for arg in args),
                {name: [arg] for name, arg in kwargs.items()},
                mapped._map_options,
            )
            yield index, alone[0]
        else:
            yield index, lazy_call(item_task, tuple(args), kwargs)


def _unwrapped(values: Iterable[Any]) -> tuple[Any, ...]:
    """Broadcast values without their ``literal``, where that holds a stand-in, which is to be evaluated."""
    return tuple(
        value._value if isinstance(value, LiteralValue) and isinstance(value._value, StandIn) else value
        for value in values
    )


def _stop(handle: RunHandle[Any], channel: Channel) -> None:
    channel.close()
    handle.cancel()


__all__ = ["Completed", "Completions", "as_completed"]
