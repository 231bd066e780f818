"""`Limits`: pauses, concurrency limits and rates over scopes of tasks."""

from __future__ import annotations

import math

from cascade.spec.constraints import Constraint

_Key = tuple[str, bool]
"""A scope, and whether the constraint is a pause."""


class _Limit:
    """One constraint in force."""

    __slots__ = ("constraint", "expires_at", "next_start")

    def __init__(self, constraint: Constraint, now: float) -> None:
        self.constraint = constraint
        self.expires_at = math.inf if constraint.ttl_s is None else now + constraint.ttl_s
        self.next_start = -math.inf
        """With a rate, the earliest moment of the next start."""


class Limits:
    """The constraints in force, and the tasks that run. Not locked: the constraint manager does that.

    A scope has at most one pause and at most one limit; they come and go independently.

    Running tasks are counted by name whether or not a limit covers them, so that a limit which is introduced while
    tasks run counts them, too.
    """

    def __init__(self) -> None:
        self._limits: dict[_Key, _Limit] = {}
        self._running: dict[str, int] = {}

    @property
    def any_in_force(self) -> bool:
        """Whether there is anything to ask about."""
        return bool(self._limits)

    def put(self, constraint: Constraint, now: float) -> None:
        """Put a constraint in force, in place of the pause or limit that the scope had."""
        limit = _Limit(constraint, now)
        key = constraint.scope, constraint.paused
        before = self._limits.get(key)
        if before is not None and before.constraint.rate_per_s == constraint.rate_per_s:
            limit.next_start = before.next_start  # setting the same rate again gives no extra start
        self._limits[key] = limit

    def remove(self, scope: str, *, pause: bool) -> bool:
        """Lift the pause, or the limit, of exactly this scope; whether there was one."""
        return self._limits.pop((scope, pause), None) is not None

    def obstacle(self, task: str, now: float) -> tuple[str, float] | None:
        """What keeps a task from starting: a reason, and when to ask again (``inf`` if only a change helps).

        Asking consumes nothing.
        """
        self._expire(now)
        for (scope, _), limit in self._limits.items():
            constraint = limit.constraint
            if not constraint.covers(task):
                continue
            if constraint.paused:
                return f"{scope} is paused", limit.expires_at
            if constraint.concurrency is not None:
                running = sum(count for name, count in self._running.items() if constraint.covers(name))
                if running >= constraint.concurrency:
                    return f"{scope} is limited to {constraint.concurrency} at once", limit.expires_at
            if constraint.rate_per_s is not None and now < limit.next_start:
                return f"{scope} is limited to {constraint.rate_per_s:g}/s", min(limit.next_start, limit.expires_at)
        return None

    def started(self, task: str, now: float) -> None:
        """A task starts: count it, and take its place in every rate that covers it."""
        self.count(task)
        for limit in self._limits.values():
            rate = limit.constraint.rate_per_s
            if rate is not None and limit.constraint.covers(task):
                limit.next_start = max(limit.next_start, now) + 1 / rate

    def count(self, task: str) -> None:
        """A task is found to be running that had started before anybody asked: no rate is used up by it."""
        self._running[task] = self._running.get(task, 0) + 1

    def ended(self, task: str) -> None:
        """A task has ended."""
        left = self._running.get(task, 0) - 1
        if left > 0:
            self._running[task] = left
        else:
            self._running.pop(task, None)

    def _expire(self, now: float) -> None:
        expired = [key for key, limit in self._limits.items() if limit.expires_at <= now]
        for key in expired:
            del self._limits[key]


__all__ = ["Limits"]
