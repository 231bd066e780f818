"""What the caches have in common: keys, times to live, equality by value, and work that is done in a thread."""

from __future__ import annotations

import asyncio
import contextvars
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from cascade.adapters.caches.keys import call_key
from cascade.adapters.places import absolute_place
from cascade.adapters.serializers.data import DataSerializer
from cascade.adapters.system_clock import SystemClock
from cascade.runtime.waiting import wait_for_all
from cascade.spec.protocols import Clock, Serializer
from cascade.spec.task import Task

T = TypeVar("T")

SYSTEM_CLOCK: Final = SystemClock()

DATA_SERIALIZER: Final = DataSerializer()
"""What caches use that are given no serializer: one for all, so that two caches of the same file are equal."""


class BaseCache:
    """Keys and times to live.

    Args:
        ttl_s: Seconds for which a value is kept; ``None`` is for ever.
        clock: Its wall clock decides what is too old.

    Raises:
        ValueError: ``ttl_s`` is not greater than 0.
    """

    def __init__(self, ttl_s: float | None, clock: Clock | None) -> None:
        if ttl_s is not None and not ttl_s > 0:
            raise ValueError(f"ttl_s must be greater than 0 seconds, not {ttl_s!r}")
        self.ttl_s = ttl_s
        self._clock = SYSTEM_CLOCK if clock is None else clock

    def key(self, task: Task[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
        """The key of a call; see `call_key`."""
        return call_key(task, args, kwargs)

    def _expiry(self, ttl_s: float | None) -> float | None:
        """When a value that is stored now will be too old, in seconds since the epoch."""
        ttl_s = self.ttl_s if ttl_s is None else ttl_s
        return None if ttl_s is None else self._clock.timestamp() + ttl_s

    def _is_over(self, expiry: float | None) -> bool:
        return expiry is not None and self._clock.timestamp() >= expiry


class StoringCache(BaseCache):
    """A cache that keeps bytes. Two that keep them at the same place in the same way are equal.

    Args:
        place: Where: a path, which is made absolute.
        ttl_s: As for `BaseCache`.
        serializer: Values to bytes and back; by default `DataSerializer`, which learns the classes that it may read
            from the annotations of the tasks.
        clock: As for `BaseCache`.
    """

    def __init__(
        self, place: str | os.PathLike[str], ttl_s: float | None, serializer: Serializer | None, clock: Clock | None
    ) -> None:
        super().__init__(ttl_s, clock)
        self._place = absolute_place(place)
        self._serializer = DATA_SERIALIZER if serializer is None else serializer

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        assert isinstance(other, StoringCache)
        return self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._place!r})"

    def key(self, task: Task[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
        """The key of a call; the classes that the task is annotated with can be read from now on."""
        if isinstance(self._serializer, DataSerializer):
            self._serializer.registry.register_annotations(task)
        return call_key(task, args, kwargs)

    @property
    def _identity(self) -> tuple[object, ...]:
        return self._place, self.ttl_s, id(self._serializer), id(self._clock)


async def in_thread(function: Callable[..., T], *args: Any) -> T:
    """Call a function that reads or writes a file in a thread of the event loop's own pool.

    On cancellation it is waited for: a write that goes on after the run has ended would be a surprise.
    """
    context = contextvars.copy_context()
    job = asyncio.get_running_loop().run_in_executor(None, context.run, function, *args)
    if await wait_for_all([job]):
        raise asyncio.CancelledError
    return job.result()


__all__ = ["DATA_SERIALIZER", "BaseCache", "StoringCache", "in_thread"]
