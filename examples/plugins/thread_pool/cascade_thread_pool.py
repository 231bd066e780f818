"""An executor that runs all sync functions in one pool of threads.

The shape of every executor that hands calls on: to a pool of the standard library here, to a cluster elsewhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

from cascade.spec.errors import TaskStopIterationError, TaskTimeoutError
from cascade.spec.plugin_url import PluginUrl
from cascade.spec.task import Task


class ThreadPool:
    """Runs functions in threads, and async functions in the event loop.

    Args:
        workers: How many threads.
    """

    def __init__(self, workers: int = 4) -> None:
        self.concurrency = workers
        self._pool = ThreadPoolExecutor(workers)  # starts a thread when there is work for it

    @classmethod
    def from_url(cls, url: PluginUrl) -> ThreadPool:
        """What ``threads://?workers=8`` selects."""
        url.nowhere()
        return cls(**url.options(workers=int))

    async def execute(
        self, task: Task[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], timeout_s: float | None = None
    ) -> Any:
        """Call the task's function and return what it returns."""
        if task.is_async:
            return await _within(timeout_s, task, task.fn(*args, **kwargs))
        # The context variables of the caller go along.
        job = self._pool.submit(copy_context().run, _call, task, args, kwargs)
        # Of the running event loop: the next call may come from another one.
        done = asyncio.wrap_future(job)
        try:
            await asyncio.wait({done}, timeout=timeout_s)
        except asyncio.CancelledError:
            if not job.cancel():  # it has begun, and a thread cannot be stopped
                await _until_done(done)
            raise
        if done.done():
            return done.result()
        done.cancel()  # nobody waits for it any more
        raise _too_late(task, timeout_s)

    def close(self) -> None:
        """Let the threads end. Called by ``Engine.close``."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _call(task: Task[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    try:
        return task.fn(*args, **kwargs)
    except StopIteration as error:  # a future cannot carry it
        raise TaskStopIterationError(f"task {task.name!r} raised StopIteration") from error


async def _within(timeout_s: float | None, task: Task[..., Any], call: Awaitable[Any]) -> Any:
    scope = asyncio.timeout(timeout_s)
    try:
        async with scope:
            return await call
    except TimeoutError as error:
        if not scope.expired():  # the function's own
            raise
        raise _too_late(task, timeout_s) from error


async def _until_done(future: asyncio.Future[Any]) -> None:
    """Wait, however often the waiting is cancelled."""
    while not future.done():
        try:
            await asyncio.wait({future})
        except asyncio.CancelledError:
            continue
    future.exception()  # asyncio would report one that nobody has asked for


def _too_late(task: Task[..., Any], timeout_s: float | None) -> TaskTimeoutError:
    return TaskTimeoutError(f"task {task.name!r} took longer than its timeout of {timeout_s:g} s")
