"""`ConstraintManager`: who may start now, and who waits.

All waiting requests have a number, their turn. Whenever anything changes (something is given back, a limit is set or
lifted, a rate allows the next start), they are looked at in turn and every request that can start is let go. A request
that waits for a capacity reserves it against all behind it, so a big request is never overtaken for ever by small
ones; requests that need other things pass. Taking is all or nothing, and a request that has to wait has taken
nothing.

Thousands may wait, so not all of them are looked at. Requests of one *kind* (the same task, something of the same
capacities) stand in a queue of their own: if the first of them cannot start, none behind it can. Those behind are only
asked what they reserve, as long as there is something left to be reserved.

One manager serves all runs of an engine, in several event loops and threads: it is locked, and wakes each waiter in the
waiter's own loop.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import suppress
from heapq import heapify, heappop, heappush
from typing import Protocol

from cascade.runtime.constraints.capacities import Amounts, Capacities
from cascade.runtime.constraints.limits import Limits
from cascade.runtime.waiting import wake
from cascade.spec.constraints import Constraint
from cascade.spec.errors import CapacityError


class Lease:
    """What a started task holds. Give it back exactly once."""

    __slots__ = ("amounts", "task")

    def __init__(self, task: str, amounts: Amounts) -> None:
        self.task = task
        self.amounts = amounts


_Kind = tuple[str, frozenset[str]]
"""The task, and the capacities of which something is needed."""


class _Request:
    """A task that waits for its turn."""

    __slots__ = ("future", "is_let_go", "kind", "lease", "number", "timer")

    def __init__(self, lease: Lease, number: int) -> None:
        self.lease = lease
        self.number = number
        self.kind: _Kind = lease.task, frozenset(name for name, amount in lease.amounts.items() if amount)
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
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
        self._numbers = itertools.count()
        self._waiting: dict[_Kind, OrderedDict[_Request, None]] = {}
        """Those that wait, in their turn; no queue is empty."""
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
        lease = Lease(task, amounts)
        with self._lock:
            if not self._waiting and self._may_start(lease, _now()):
                return lease
            request = _Request(lease, next(self._numbers))
            self._waiting.setdefault(request.kind, OrderedDict())[request] = None
            self._let_go()
            if request.is_let_go:
                return lease
            reason = self._reason(lease)
        if on_blocked is not None:
            on_blocked(reason)
        try:
            await request.future
        except BaseException:  # cancelled, or the event loop was abandoned
            with self._lock:
                if request.is_let_go:  # in the same moment
                    self._end(lease)
                else:
                    self._forget(request)
                self._let_go()
            raise
        finally:
            if request.timer is not None:
                request.timer.cancel()
        return lease

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

    def _may_start(self, lease: Lease, now: float) -> bool:
        """Let a task start that nobody waits before, if it can."""
        can_start = self._limits.obstacle(lease.task, now) is None and self._capacities.fits(lease.amounts, {})
        self.has_limits = self._limits.any_in_force
        if can_start:
            self._begin(lease, now)
        return can_start

    def _begin(self, lease: Lease, now: float) -> None:
        self._capacities.take(lease.amounts)
        self._limits.started(lease.task, now)

    def _forget(self, request: _Request) -> None:
        requests = self._waiting.get(request.kind, OrderedDict())
        requests.pop(request, None)
        if not requests:
            self._waiting.pop(request.kind, None)

    def _let_go(self) -> None:
        """Let every waiting request start that can; called with the lock held after every change."""
        if self._waiting:
            self._look_at_waiting(_now())
        self.has_limits = self._limits.any_in_force

    def _look_at_waiting(self, now: float) -> None:
        reserved: dict[str, float] = {}
        # The first request of each kind; behind one that waits for a capacity, also those that reserve more of it.
        turns: list[tuple[int, _Request, Iterator[_Request] | None]] = []
        for requests in self._waiting.values():
            first = next(iter(requests))
            turns.append((first.number, first, None))
        heapify(turns)
        while turns:
            _, request, behind = heappop(turns)
            amounts = request.lease.amounts
            if behind is None:
                obstacle = self._limits.obstacle(request.lease.task, now)
                is_gone = request.future.get_loop().is_closed()
                if is_gone or (obstacle is None and self._capacities.fits(amounts, reserved)):
                    self._forget(request)
                    if not is_gone and wake(request.future):
                        self._begin(request.lease, now)
                        request.is_let_go = True
                    for following in self._waiting.get(request.kind, ()):
                        heappush(turns, (following.number, following, None))
                        break
                    continue
                if obstacle is not None:
                    self._look_again(request, obstacle[1])
                    continue
                behind = iter(self._waiting[request.kind])
                next(behind)
            for name, amount in amounts.items():
                reserved[name] = reserved.get(name, 0) + amount
            after = next(behind, None) if self._capacities.has_room(amounts, reserved) else None
            if after is not None:
                heappush(turns, (after.number, after, behind))

    def _look_again(self, request: _Request, moment: float) -> None:
        """Look at the waiting requests again at a moment, by a timer in the event loop of the one that waits for it."""
        if moment < math.inf:
            with suppress(RuntimeError):  # the event loop has been closed in the same moment
                request.future.get_loop().call_soon_threadsafe(self._ask_again, request, moment)

    def _ask_again(self, request: _Request, moment: float) -> None:
        """In the request's own event loop: set its timer."""
        if request.future.done():
            return
        if request.timer is not None:
            request.timer.cancel()
        # A timer may fire a little early by the clock's resolution; it is then set again.
        request.timer = request.future.get_loop().call_at(moment, self._on_timer)

    def _on_timer(self) -> None:
        with self._lock:
            self._let_go()

    def _reason(self, lease: Lease) -> str:
        obstacle = self._limits.obstacle(lease.task, _now())
        if obstacle is not None:
            return obstacle[0]
        names = ", ".join(f"{name}={amount:g}" for name, amount in lease.amounts.items())
        return f"{names} not free" if names else "its turn"


def _now() -> float:
    # The loop's clock is time.monotonic, unless it is a loop of virtual time.
    try:
        return asyncio.get_running_loop().time()
    except RuntimeError:
        return time.monotonic()


__all__ = ["ConstraintManager", "Lease"]
