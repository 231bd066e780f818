"""`LocalExecutor`: runs tasks in this machine: in the event loop, in threads, in processes.

Mode ``auto`` finds out where a sync task belongs. A task starts in a thread, where its time is measured. If it is
short, its next call is made inline, in the event loop's thread, where it costs no hop between threads; when an inline
call turns out to be slow, the task goes back to threads. So tasks that wait (a request, a sleep) overlap, and short
steps of a loop are as cheap as a function call.
"""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final, Self

from cascade.adapters.executors.threads import ThreadWorkers
from cascade.spec.errors import TaskStopIterationError, TaskTimeoutError
from cascade.spec.plugin_url import PluginUrl
from cascade.spec.task import Task

if TYPE_CHECKING:
    from cascade.adapters.executors.processes import ProcessWorkers

DEFAULT_THREADS: Final = 32
DEFAULT_INLINE_LIMIT_S: Final = 0.000_5


class LocalExecutor:
    """The executor that is used by default.

    Args:
        threads: Sync calls under way at once.
        processes: Worker processes for tasks of mode ``process``; by default one a CPU.
        inline_limit_s: A task of mode ``auto`` that takes less than this many seconds is called inline.
    """

    def __init__(
        self,
        threads: int = DEFAULT_THREADS,
        processes: int | None = None,
        inline_limit_s: float = DEFAULT_INLINE_LIMIT_S,
    ) -> None:
        if threads < 1:
            raise ValueError(f"threads must be at least 1, not {threads!r}")
        if processes is not None and processes < 1:
            raise ValueError(f"processes must be at least 1, not {processes!r}")
        self._threads = ThreadWorkers(threads)
        self._process_count = processes or os.cpu_count() or 1
        self._processes: ProcessWorkers | None = None
        self._lock = threading.Lock()
        self._inline_limit_s = inline_limit_s
        # By id, because this is asked for every node; who watches a task takes its id out when the task is gone. Not
        # `weakref.finalize`: that would keep something of every executor as long as the task lives.
        self._short: set[int] = set()
        self._watched: dict[int, weakref.ref[Task[..., Any]]] = {}

    @classmethod
    def from_url(cls, url: PluginUrl) -> Self:
        """The executor that ``local://?threads=8&processes=2&inline_limit_s=0.001`` selects."""
        url.nowhere()
        return cls(**url.options(threads=int, processes=int, inline_limit_s=float))

    @property
    def concurrency(self) -> int:
        """How many sync calls can be under way at once."""
        return self._threads.count

    @property
    def slow_s(self) -> float:
        """Inline calls that take longer are to be reported to `observe`."""
        return self._inline_limit_s

    def inline(self, task: Task[..., Any]) -> bool:
        """Whether the next call of a task is to be made in the event loop's thread; an async task always is."""
        return id(task) in self._short or task.is_async if task.mode == "auto" else task.mode == "inline"

    def observe(self, task: Task[..., Any], elapsed_s: float) -> None:
        """An inline call was slow: a task of mode ``auto`` goes back to threads."""
        self._short.discard(id(task))

    def refuses_timeout(self, task: Task[..., Any]) -> str | None:
        """An inline call cannot be interrupted."""
        if task.mode != "inline" or task.is_async:
            return None
        return (
            f"task {task.name!r} is of mode 'inline', and a call in the event loop's own thread cannot be interrupted, "
            "so its timeout could not be kept; use mode 'thread', or 'process' to have it killed"
        )

    async def execute(
        self, task: Task[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], timeout_s: float | None = None
    ) -> Any:
        """Call the task's function where its mode says."""
        if task.is_async:
            return await _await(task, args, kwargs, timeout_s)
        if task.mode == "process":
            return await self._process_workers().call(task, args, kwargs, timeout_s)
        if timeout_s is None and self.inline(task):
            began = perf_counter()
            try:
                return _call(task, args, kwargs)
            finally:
                if perf_counter() - began > self._inline_limit_s:
                    self.observe(task, perf_counter() - began)
        return await self._threads.call(task.name, lambda: self._call_measured(task, args, kwargs), timeout_s)

    def close(self) -> None:
        """Let threads and processes end. The executor cannot be used afterwards."""
        self._threads.close()
        if self._processes is not None:
            self._processes.close()

    def _process_workers(self) -> ProcessWorkers:
        # multiprocessing is a tenth of the time that importing Cascade would take, and few programs need it.
        from cascade.adapters.executors.processes import ProcessWorkers

        with self._lock:
            if self._processes is None:
                self._processes = ProcessWorkers(self._process_count)
            return self._processes

    def _call_measured(self, task: Task[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        began = perf_counter()
        value = _call(task, args, kwargs)
        if task.mode == "auto" and perf_counter() - began < self._inline_limit_s:
            self._remember_short(task)
        return value

    def _remember_short(self, task: Task[..., Any]) -> None:
        short, watched, key = self._short, self._watched, id(task)

        def forget(_task: object) -> None:
            short.discard(key)
            watched.pop(key, None)

        if key not in watched:
            watched[key] = weakref.ref(task, forget)
        short.add(key)


def _call(task: Task[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    try:
        return task.fn(*args, **kwargs)
    except StopIteration as error:
        # In a future or a generator it would silently mean something else.
        raise TaskStopIterationError(f"task {task.name!r} raised StopIteration") from error


async def _await(task: Task[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], timeout_s: float | None) -> Any:
    if timeout_s is None:
        return await task.fn(*args, **kwargs)
    scope = asyncio.timeout(timeout_s)
    try:
        async with scope:
            return await task.fn(*args, **kwargs)
    except TimeoutError as error:
        if not scope.expired():  # the task's own
            raise
        raise TaskTimeoutError(f"task {task.name!r} took longer than its timeout of {timeout_s:g} s") from error


__all__ = ["DEFAULT_INLINE_LIMIT_S", "DEFAULT_THREADS", "LocalExecutor"]
