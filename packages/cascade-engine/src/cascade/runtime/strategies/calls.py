"""`CallsUnderWay`: the asyncio tasks of a run, what came of them, and how they are stopped.

Every call that is not made at once is one asyncio task here. Completions are collected and worked off by the run's own
loop, so nothing of a run ever happens inside a callback. Nothing outlives the run: what is cancelled is waited for.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from types import CoroutineType
from typing import Any


class CallsUnderWay:
    """The asyncio tasks of one run.

    Attributes:
        completed: ``(owner, slot, value, error)`` of calls that have ended and were not worked off yet.
        sync_count: Calls of sync functions under way; they are limited by the executor's concurrency.
    """

    __slots__ = ("_loop", "_owners", "_wake_up", "completed", "sync_count")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._owners: dict[asyncio.Task[Any], tuple[Any, int, bool, Coroutine[Any, Any, Any]]] = {}
        self._wake_up: asyncio.Future[None] | None = None
        self.completed: deque[tuple[Any, int, Any, BaseException | None]] = deque()
        self.sync_count = 0

    def start(self, call: Coroutine[Any, Any, Any], owner: Any, slot: int, is_sync: bool = False) -> None:
        """Begin a call on behalf of a node (a frame and an index) or a mapped item."""
        task = self._loop.create_task(contained(call))
        self._owners[task] = (owner, slot, is_sync, call)
        self.sync_count += is_sync
        task.add_done_callback(self._on_done)

    def adopt(self, task: asyncio.Task[Any], call: Coroutine[Any, Any, Any], owner: Any, slot: int) -> None:
        """Take over a call that was begun elsewhere (`contained`); it may have ended."""
        self._owners[task] = (owner, slot, False, call)
        task.add_done_callback(self._on_done)

    def __len__(self) -> int:
        return len(self._owners)

    async def wait(self, timeout_s: float | None = None) -> None:
        """Sleep until a call has ended, somebody calls `wake_up`, or the time is over."""
        if self.completed:
            return
        self._wake_up = self._loop.create_future()
        timer = None if timeout_s is None else self._loop.call_later(timeout_s, self.wake_up)
        try:
            await self._wake_up
        finally:
            self._wake_up = None
            if timer is not None:
                timer.cancel()

    def wake_up(self) -> None:
        """End a `wait`."""
        if self._wake_up is not None and not self._wake_up.done():
            self._wake_up.set_result(None)

    def cancel(self, is_concerned: Callable[[Any], bool] = lambda _owner: True) -> list[asyncio.Task[Any]]:
        """Cancel the calls of some owners; the tasks, which are still to be waited for."""
        cancelled = [task for task, (owner, *_) in self._owners.items() if is_concerned(owner)]
        for task in cancelled:
            task.cancel()
        return cancelled

    def owners(self) -> list[Any]:
        """The owners of all calls under way."""
        return [owner for owner, *_ in self._owners.values()]

    def _on_done(self, task: asyncio.Task[Any]) -> None:
        owner, slot, is_sync, call = self._owners.pop(task)
        close(call)
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        value: Any = None if error is not None else task.result()
        if type(value) is Exit:
            value, error = None, value.error
        self.sync_count -= is_sync
        self.completed.append((owner, slot, value, error))
        self.wake_up()


def close(call: Any) -> None:
    """Close the coroutine of a call that has ended: if it was cancelled before its first step, nobody else will.

    A function that is only marked as a coroutine function may have returned something else that can be awaited.
    """
    if type(call) is CoroutineType or isinstance(call, Coroutine):  # the first is the usual one, and quick
        call.close()


class Exit:
    """What `contained` returns for a ``SystemExit`` or ``KeyboardInterrupt`` that a task raised.

    Attributes:
        error: The exception.
    """

    __slots__ = ("error",)

    def __init__(self, error: BaseException) -> None:
        self.error = error


async def contained(call: Coroutine[Any, Any, Any]) -> Any:
    """Keep the two exceptions back that asyncio lets out of the event loop: the run has to end in order first."""
    try:
        return await call
    except (SystemExit, KeyboardInterrupt) as error:
        return Exit(error)


__all__ = ["CallsUnderWay", "Exit", "close", "contained"]
