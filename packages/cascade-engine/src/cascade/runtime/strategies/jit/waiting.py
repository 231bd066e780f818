"""What compiled loops of async tasks need around their ``await``: to notice that they were suspended, and to await
several calls at once.

An ``await`` of a coroutine that never suspends costs almost nothing, so nothing may be done about it beforehand.
`Watch` leaves a callback in the event loop, which can only run while the compiled code is suspended. And only when
somebody puts a limit in force it is asked what is running: the line at which the code stands tells. Limits and
subscribers that have come while the code was suspended are for the next call already: the step is left in its middle.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from contextvars import Context, ContextVar, copy_context
from functools import partial
from types import CoroutineType
from typing import Any, Final

from cascade.graph.operands import KINDS
from cascade.runtime.constraints.manager import ConstraintManager, Lease
from cascade.runtime.strategies.calls import Exit, close, contained
from cascade.runtime.strategies.outcome import is_call
from cascade.runtime.waiting import wait_for_all
from cascade.spec.task import Task

_UNSET: Final = object()
Call = tuple[asyncio.Task[Any], Coroutine[Any, Any, Any]]


class Watch:
    """Watches one call of a compiled async loop.

    Args:
        constraints: Counts what runs.
        task_at: The task that is awaited at a line of the compiled code.
        slice_s: Seconds, of the event loop's time, after which the loop is to stop.
        may_go_on: Whether nobody listens, and no limits are in force.

    Attributes:
        cancelling: How often the asyncio task was cancelled.
        suspended: Not empty if the loop was suspended, or a limit was put, since `is_over` was last asked.
        kept: Context variables that are to be set for the run.
    """

    __slots__ = (
        "_constraints",
        "_coroutine",
        "_group",
        "_handle",
        "_lease",
        "_loop",
        "_may_go_on",
        "_task",
        "_task_at",
        "_until",
        "cancelling",
        "kept",
        "suspended",
    )

    def __init__(
        self,
        constraints: ConstraintManager,
        task_at: Mapping[int, Task[..., Any]],
        slice_s: float,
        may_go_on: Callable[[], bool],
    ) -> None:
        self._constraints = constraints
        self._may_go_on = may_go_on
        self._task_at = task_at
        self._loop = asyncio.get_running_loop()
        self._until = self._loop.time() + slice_s
        self._task = asyncio.current_task()
        assert self._task is not None
        self.cancelling = self._task.cancelling
        self._coroutine: CoroutineType[Any, Any, Any] | None = None
        self._group: Together | None = None
        self._lease: Lease | None = None
        self._handle: asyncio.Handle | None = None
        self.suspended: list[bool] = []
        self.kept: list[tuple[ContextVar[Any], Any]] = []

    async def over(self, coroutine: CoroutineType[Any, Any, Any]) -> Any:
        """Await the compiled loop."""
        self._coroutine = coroutine
        self._handle = self._loop.call_soon(self._note)
        self._constraints.add_uncounted(self)
        try:
            return await coroutine
        finally:
            if self._handle is not None:
                self._handle.cancel()
            self._coroutine = None
            self._constraints.remove_uncounted(self)
            self._release()

    def resumed(self) -> bool:
        """The loop goes on; whether it must not: somebody listens, a limit is in force, or it was cancelled meanwhile
        and a task kept that to itself.
        """
        if self._lease is not None:
            self._release()
        if self._handle is None:
            self._handle = self._loop.call_soon(self._note)
        return self.cancelling() > 0 or not self._may_go_on()

    async def end_if_cancelled(self) -> None:
        """A call has returned, but it has cancelled itself before, without an ``await`` behind: it ends as cancelled.

        An asyncio task of its own would end so, but here there is one for all calls.
        """
        if getattr(self._task, "_must_cancel", False):
            await asyncio.sleep(0)

    def is_over(self) -> bool:
        """At the end of a step in which the loop was suspended: whether to stop here."""
        must_leave = self.resumed()
        self.suspended.clear()
        return must_leave or self._loop.time() >= self._until

    def keep(self, before: Context) -> bool:
        """A function that was called directly has set context variables: keep them for the run."""
        self.kept = [(var, value) for var, value in copy_context().items() if before.get(var, _UNSET) is not value]
        return True

    def together(self) -> Together:
        """Calls that are awaited at the same time."""
        self._group = Together(self._loop, self._constraints)
        return self._group

    def new_limit(self) -> None:
        """Count what is running; from any thread."""
        try:
            is_here = asyncio.get_running_loop() is self._loop
        except RuntimeError:
            is_here = False
        if is_here:
            self._count()
        else:
            with suppress(RuntimeError):  # the event loop has been closed in the same moment
                self._loop.call_soon_threadsafe(self._count)

    def _count(self) -> None:
        frame = None if self._coroutine is None else self._coroutine.cr_frame
        if frame is None:
            return
        self.suspended.append(True)  # the limit may be meant for what the loop calls next
        task = self._task_at.get(frame.f_lineno)
        if task is not None and self._lease is None:
            self._lease = self._constraints.begin(task.name)
        if self._group is not None:
            self._group.count()

    def _note(self) -> None:
        """The loop is suspended."""
        self._handle = None
        self.suspended.append(True)

    def _release(self) -> None:
        if self._lease is not None:
            self._constraints.release(self._lease)
            self._lease = None


class Together:
    """Calls that are awaited at the same time, each in an asyncio task of its own.

    Args:
        loop: The event loop.
        constraints: Counts what runs.

    Attributes:
        running: The asyncio task and the coroutine of each node, by its index.
    """

    __slots__ = ("_constraints", "_is_troubled", "_left", "_loop", "_uncounted", "_waiter", "running")

    def __init__(self, loop: asyncio.AbstractEventLoop, constraints: ConstraintManager) -> None:
        self._loop = loop
        self._constraints = constraints
        self._waiter: asyncio.Future[None] = loop.create_future()
        self._left = 0
        self._is_troubled = False
        self._uncounted: list[tuple[str, asyncio.Task[Any]]] = []
        self.running: dict[int, Call] = {}

    def start(self, task: Task[..., Any], index: int, call: Coroutine[Any, Any, Any]) -> None:
        """Begin a call."""
        started = self._loop.create_task(self._begin(task.name, call))
        self._left += 1
        self.running[index] = started, call
        started.add_done_callback(self._end)

    async def _begin(self, name: str, call: Coroutine[Any, Any, Any]) -> Any:
        """What `start` has begun is served by the event loop: only now it counts as running."""
        if self._constraints.has_limits:  # they have come since, from a sibling that ran first
            lease = await self._constraints.acquire(name, {})
            try:
                return await contained(call)
            finally:
                self._constraints.release(lease)
        task = asyncio.current_task()
        assert task is not None
        self._uncounted.append((name, task))
        return await contained(call)

    async def is_troubled(self) -> bool:
        """Wait until all have ended, or one of them has failed or returned a call: whether one has."""
        await self._waiter
        return self._is_troubled

    def values(self) -> list[Any]:
        """What they returned, in the order in which they were begun."""
        return [task.result() for task, _ in self.running.values()]

    def count(self) -> None:
        """Count those that run; each gives its place back when it ends."""
        while self._uncounted:
            name, task = self._uncounted.pop()
            if not task.done():
                task.add_done_callback(partial(self._give_back, self._constraints.begin(name)))

    def _give_back(self, lease: Lease, _task: asyncio.Task[Any]) -> None:
        self._constraints.release(lease)

    async def cancel(self, error: BaseException) -> None:
        """The loop ends because of an error: cancel what runs, and wait for it."""
        if isinstance(error, GeneratorExit):  # the event loop is gone
            return
        for task, _ in self.running.values():
            task.cancel()
        await wait_for_all([task for task, _ in self.running.values()])
        for _, call in self.running.values():
            close(call)

    def _end(self, task: asyncio.Task[Any]) -> None:
        self._left -= 1
        if not self._is_troubled and _is_trouble(task):
            self._is_troubled = True
            self.count()  # the interpreter takes over what runs, and counts it like everything that it starts
        if (not self._left or self._is_troubled) and not self._waiter.done():
            self._waiter.set_result(None)


def differs(before: Context) -> bool:
    """Whether any context variable has another value now.

    To compare two contexts with ``==`` is quicker, but right only for an empty one: it compares the values, which may
    be equal and still be two, or refuse to be compared (arrays).
    """
    now = copy_context()
    return len(now) != len(before) or any(before.get(var, _UNSET) is not value for var, value in now.items())


def _is_trouble(task: asyncio.Task[Any]) -> bool:
    if task.cancelled() or task.exception() is not None:
        return True
    value = task.result()
    return type(value) is Exit or (KINDS[type(value)] is not None and is_call(value))


__all__ = ["Together", "Watch", "differs"]
