"""`MemoryCache`: values in this process."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any, Self

from cascade.adapters.caches.base import BaseCache
from cascade.spec.plugin_url import PluginUrl
from cascade.spec.protocols import Clock


class MemoryCache(BaseCache):
    """Keeps the values that were used last. May be shared by tasks, runs, event loops and threads.

    Values are kept as they are, without a copy: who changes a value that came from a cache changes it for everybody.
    What is found by nobody is forgotten with the process; `SqliteCache` remembers.

    Args:
        max_entries: How many values are kept; then the one that was not used for longest goes.
        ttl_s: Seconds for which a value is kept; by default until there is no room.
        clock: Its wall clock decides what is too old.

    Raises:
        ValueError: ``max_entries`` or ``ttl_s`` is not greater than 0.

    Example:
        >>> import asyncio
        >>> cache = MemoryCache(max_entries=100)
        >>> asyncio.run(cache.store("key", None)), asyncio.run(cache.load("key"))
        (None, (None,))
    """

    def __init__(self, max_entries: int = 1024, ttl_s: float | None = None, *, clock: Clock | None = None) -> None:
        super().__init__(ttl_s, clock)
        if max_entries < 1:
            raise ValueError(f"max_entries must be at least 1, not {max_entries!r}")
        self.max_entries = max_entries
        self._entries: OrderedDict[str, tuple[Any, float | None]] = OrderedDict()
        self._lock = threading.Lock()

    @classmethod
    def from_url(cls, url: PluginUrl) -> Self:
        """The cache that ``memory://?max_entries=100&ttl_s=60`` selects."""
        url.nowhere()
        return cls(**url.options(max_entries=int, ttl_s=float))

    async def load(self, key: str) -> tuple[Any] | None:
        """The value in a tuple of one, or ``None``."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            value, expiry = entry
            if self._is_over(expiry):
                del self._entries[key]
                return None
            self._entries.move_to_end(key)
            return (value,)

    async def store(self, key: str, value: Any, ttl_s: float | None = None) -> None:
        """Keep a value."""
        with self._lock:
            self._entries[key] = value, self._expiry(ttl_s)
            self._entries.move_to_end(key)
            while len(self._entries) > self.max_entries:
                self._entries.popitem(last=False)

    def clear(self) -> int:
        """Forget everything; how much that was."""
        with self._lock:
            count = len(self._entries)
            self._entries.clear()
            return count


__all__ = ["MemoryCache"]
