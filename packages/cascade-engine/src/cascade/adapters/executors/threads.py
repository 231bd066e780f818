"""`ThreadWorkers`: runs sync functions in a pool of threads, with timeouts and orderly cancellation."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from cascade.runtime.waiting import wait_for_all
from cascade.spec.errors import EngineClosedError, TaskTimeoutError


class ThreadWorkers:
    """A pool of threads that belongs to no event loop. Threads are started when they are needed.

    Args:
        count: How many threads.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._pool: ThreadPoolExecutor | None = None
        self._is_closed = False
        self._lock = threading.Lock()

    async def call(
        self,
        name: str,
        function: Callable[[], Any],
        timeout_s: float | None = None,
        stop: Callable[[], None] | None = None,
    ) -> Any:
        """Call a function in a thread, with the caller's context variables.

        Args:
            name: The task's name, for errors.
            function: What is called.
            timeout_s: Seconds that it may take.
            stop: Makes the function return soon, if that is possible. Without it a function that has begun is
                waited for on cancellation, and left behind on a timeout: a thread cannot be stopped from outside.

        Raises:
            TaskTimeoutError: It took longer.
        """
        job = self._submit(contextvars.copy_context().run, function)
        done = asyncio.wrap_future(job)
        try:
            await asyncio.wait({done}, timeout=timeout_s)
        except asyncio.CancelledError:
            if not job.cancel():
                if stop is not None:
                    stop()
                await wait_for_all([done])
            raise
        if done.done():
            return done.result()
        if not job.cancel() and stop is not None:
            stop()
            if await wait_for_all([done]):
                raise asyncio.CancelledError
        elif not done.done():
            done.cancel()  # what the thread returns or raises later is of no interest
        raise TaskTimeoutError(f"task {name!r} took longer than its timeout of {timeout_s:g} s")

    def close(self) -> None:
        """Let the threads end; those that still run a function end after it."""
        with self._lock:
            self._is_closed = True
            if self._pool is not None:
                self._pool.shutdown(wait=False, cancel_futures=True)

    def _submit(self, function: Callable[..., Any], *args: Any) -> Future[Any]:
        with self._lock:
            if self._is_closed:
                raise EngineClosedError("the executor was closed; create a new engine, or close it later")
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self.count, thread_name_prefix="cascade")
            return self._pool.submit(function, *args)


__all__ = ["ThreadWorkers"]
