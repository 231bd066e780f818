"""`CachePolicy`: where results are looked up and kept, beyond a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from cascade.spec.task import Task


@runtime_checkable
class CachePolicy(Protocol):
    """Looks the result of a call up before it runs, and keeps it afterwards.

    Implementers:
        The same policy object is used by many tasks, runs, event loops and threads at once. Methods must not block the
        event loop for long. A value that cannot be kept is an error, not a silent miss. Policies are compared and
        hashed by value, so a cache that is made anew for each call (with the same folder, say) should be equal to its
        like.

        Equal calls that are under way at the same time are run once; the engine sees to that, not the cache. The engine
        asks ``load`` and then ``store`` for one key from one place at a time in each process.
    """

    def key(self, task: Task[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
        """The key of a call: equal exactly for the same task, version and arguments, in every process.

        Raises:
            UnhashableValueError: An argument has no stable hash.
        """
        ...

    async def load(self, key: str) -> tuple[Any] | None:
        """The value in a tuple of one (so that ``None`` can be kept, too), or ``None`` if there is none."""
        ...

    async def store(self, key: str, value: Any, ttl_s: float | None = None) -> None:
        """Keep a value, in place of an older one of the same key.

        Args:
            key: The key of the call.
            value: Its final value: never a lazy result.
            ttl_s: Seconds after which it is not to be found any more, from ``with_cache(…, ttl_s=…)``; ``None`` leaves
                that to the cache.

        Raises:
            UnstorableValueError: The value cannot be kept; the message names the path to the part that is at fault.
        """
        ...


__all__ = ["CachePolicy"]
