"""`ConstraintManager`: who may start now, and who waits.

All waiting requests stand in one queue. Whenever anything changes (something is given back, a limit is set or lifted,
a rate allows the next start), the queue is walked from its head and every request that can start is let go. A request
that waits for a capacity reserves it against all behind it, so a big request is never overtaken for ever by small
ones; requests that need other things pass. Taking is all or nothing, and a request that has to wait has taken
nothing.

One manager serves all runs of an engine, in several event loops and threads: it is locked, and wakes each waiter in the
waiter's own loop.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from cascade.runtime.constraints.capacities import Amounts, Capacities
from cascade.runtime.constraints.limits import Limits
from cascade.spec.constraints import Constraint
from cascade.spec.errors import CapacityError


class Lease:
    """What a started task holds. Give it back exactly once."""

    __slots__ = ("amounts", "task")

    def __init__(self, task: str, amounts: Amounts) -> None:
        self.task = task
        self.amounts = amounts


class _Request:
    __slots__ = ("future", "is_let_go", "lease", "loop", "timer")

    def __init__(self, lease: Lease, loop: asyncio.AbstractEventLoop) -> None:
        self.lease = lease
        self.loop = loop
        self.future: asyncio.Future[None] = loop.create_future()
        self.timer: asyncio.TimerHandle | None = None
        self.is_let_go = False


class Uncounted(Protocol):
    """Runs tasks without asking, as long as there are no limits."""

    def new_limit(self) -> None:
        """A limit was put in force: from now on, count (`ConstraintManager.begin`) what is running. In any thread."""


class ConstraintManager:
    """Capacities and limits of an engine.

    Args:
        system_resources: How much there is of each capacity.
    """

    def __init__(self, system_resources: Amounts | None = None) -> None:
        self._lock = threading.Lock()
        self._capacities = Capacities(system_resources or {})
        self._limits = Limits()
        self._queue: deque[_Request] = deque()
        self._uncounted: set[Uncounted] = set()
        self.has_limits = False
        """Whether any limit may be in force; read without the lock by every dispatch."""

    def fault(self, task: str, amounts: Amounts) -> str | None:
        """Why a task can never have these amounts, or ``None``."""
        return self._capacities.fault(task, amounts)

    async def acquire(self, task: str, amounts: Amounts, on_blocked: Callable[[str], None] | None = None) -> Lease:
        """Wait until the task may start.

        Args:
            task: The task's name.
            amounts: What it holds while it runs.
            on_blocked: Called once with the reason, if the task has to wait.

        Raises:
            CapacityError: The amounts can never be had.
        """
        fault = self.fault(task, amounts)
        if fault is not None:
            raise CapacityError(fault)
        request = _Request(Lease(task, amounts), asyncio.get_running_loop())
        with self._lock:
            self._queue.append(request)
            self._let_go()
            if request.is_let_go:
                return request.lease
            reason = self._reason(request)
        if on_blocked is not None:
            on_blocked(reason)
        try:
            await request.future
        except asyncio.CancelledError:
            with self._lock:
                if request.is_let_go:  # in the same moment
                    self._end(request.lease)
                else:
                    self._queue.remove(request)
                self._let_go()
            raise
        finally:
            if request.timer is not None:
                request.timer.cancel()
        return request.lease

    def add_uncounted(self, running: Uncounted) -> None:
        """Somebody begins to run tasks without asking."""
        with self._lock:
            self._uncounted.add(running)

    def remove_uncounted(self, running: Uncounted) -> None:
        """It has ended."""
        with self._lock:
            self._uncounted.discard(running)

    def begin(self, task: str) -> Lease:
        """Count a task that needs nothing and has started already, without asking whether it may."""
        with self._lock:
            self._limits.count(task)
        return Lease(task, {})

    def release(self, lease: Lease) -> None:
        """Give back what a task held."""
        with self._lock:
            self._end(lease)
            self._let_go()

    def put(self, constraint: Constraint) -> None:
        """Put a pause or a limit in force, in place of the one that the scope had."""
        with self._lock:
            self._limits.put(constraint, _now())
            self._changed()
            uncounted = list(self._uncounted)
        for running in uncounted:
            running.new_limit()

    def remove(self, scope: str, *, pause: bool) -> bool:
        """Lift the pause, or the limit, of exactly this scope; whether there was one."""
        with self._lock:
            removed = self._limits.remove(scope, pause=pause)
            self._changed()
            return removed

    def in_use(self) -> dict[str, float]:
        """How much of each capacity is used now."""
        with self._lock:
            return self._capacities.in_use()

    def _changed(self) -> None:
        self.has_limits = self._limits.any_in_force
        self._let_go()

    def _end(self, lease: Lease) -> None:
        self._capacities.give_back(lease.amounts)
        self._limits.ended(lease.task)

    def _let_go(self) -> None:
        """Let every waiting request start that can; called with the lock held after every change."""
        if not self._queue:
            self.has_limits = self._limits.any_in_force
            return
        now = _now()
        reserved: dict[str, float] = {}
        waiting: deque[_Request] = deque()
        for request in self._queue:
            lease = request.lease
            obstacle = self._limits.obstacle(lease.task, now)
            if obstacle is None and self._capacities.fits(lease.amounts, reserved):
                self._capacities.take(lease.amounts)
                self._limits.started(lease.task, now)
                request.is_let_go = True
                request.loop.call_soon_threadsafe(_set, request.future)
                continue
            waiting.append(request)
            if obstacle is None:
                for name, amount in lease.amounts.items():
                    reserved[name] = reserved.get(name, 0) + amount
            elif obstacle[1] < math.inf:
                request.loop.call_soon_threadsafe(self._ask_again, request, obstacle[1])
        self._queue = waiting
        self.has_limits = self._limits.any_in_force

    def _ask_again(self, request: _Request, moment: float) -> None:
        """In the request's loop: look at the queue again at a moment."""
        if request.future.done():
            return
        if request.timer is not None:
            request.timer.cancel()
        # A timer may fire a little early by the clock's resolution; the walk then sets it again.
        request.timer = request.loop.call_at(moment, self._on_timer)

    def _on_timer(self) -> None:
        with self._lock:
            self._let_go()

    def _reason(self, request: _Request) -> str:
        obstacle = self._limits.obstacle(request.lease.task, _now())
        if obstacle is not None:
            return obstacle[0]
        names = ", ".join(f"{name}={amount:g}" for name, amount in request.lease.amounts.items())
        return f"{names} not free" if names else "its turn"


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _now() -> float:
    # The loop's clock is time.monotonic, unless it is a loop of virtual time.
    try:
        return asyncio.get_running_loop().time()
    except RuntimeError:
        return time.monotonic()


__all__ = ["ConstraintManager", "Lease"]
