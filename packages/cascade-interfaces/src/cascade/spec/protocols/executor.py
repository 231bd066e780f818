"""`Executor`: runs the functions of tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from cascade.spec.task import Task


@runtime_checkable
class Executor(Protocol):
    """Runs calls of tasks, here or somewhere else.

    Attributes:
        concurrency: How many calls it can have under way at once; a map keeps twice as many items in flight.

    Implementers:
        One executor serves many runs, in several event loops and threads at once, so it holds nothing that belongs to
        one loop. All arguments are final values: no lazy result ever reaches an executor. ``execute`` is a coroutine
        and must not block its event loop. Context variables of the caller must be visible to the task.

    Example:
        >>> from cascade import workflow as cs
        >>> class Direct:
        ...     concurrency = 1
        ...     async def execute(self, task, args, kwargs, timeout_s=None):
        ...         result = task.fn(*args, **kwargs)
        ...         return await result if task.is_async else result
        >>> @cs.task
        ... def double(x: int) -> int:
        ...     return 2 * x
        >>> cs.run(double(21), engine=cs.Engine(executor=Direct()))
        42
    """

    @property
    def concurrency(self) -> int:
        """How many calls can be under way at once."""
        ...

    async def execute(
        self, task: Task[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], timeout_s: float | None = None
    ) -> Any:
        """Call the task's function and return what it returns.

        Args:
            task: The task as it was declared.
            args: Positional arguments.
            kwargs: Keyword arguments.
            timeout_s: Seconds that the call may take.

        Raises:
            TaskTimeoutError: It took longer; the call is stopped if that is possible.
            BaseException: Whatever the function raises, unchanged.

        If the coroutine is cancelled, the call is stopped if that is possible, and otherwise waited for.
        """
        ...


@runtime_checkable
class InlineExecutor(Executor, Protocol):
    """An executor that lets the engine make short calls itself, in the event loop's thread.

    Optional: it saves the cost of a coroutine for each call.
    """

    def inline(self, task: Task[..., Any]) -> bool:
        """Whether the next call of this task is to be made directly. Called for every node, so it must be quick.

        For an async task: whether to await its function is all that `execute` would do.
        """
        ...

    def observe(self, task: Task[..., Any], elapsed_s: float) -> None:
        """A direct call took so long. Only told when the time is unusual: above `slow_s`."""
        ...

    @property
    def slow_s(self) -> float:
        """Direct calls that take longer than this many seconds are reported to `observe`."""
        ...


@runtime_checkable
class TimeoutAware(Protocol):
    """An executor that can say beforehand that a timeout cannot be kept. Optional."""

    def refuses_timeout(self, task: Task[..., Any]) -> str | None:
        """Why no timeout can be kept for this task, or ``None``; reported before the run begins."""
        ...


__all__ = ["Executor", "InlineExecutor", "TimeoutAware"]
