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
        event loop for long. A value that cannot be kept is an error, not a silent miss.
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

    async def store(self, key: str, value: Any) -> None:
        """Keep a value."""
        ...


__all__ = ["CachePolicy"]
