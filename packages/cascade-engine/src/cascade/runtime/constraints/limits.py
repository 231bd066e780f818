"""`Limits`: pauses, concurrency limits and rates over scopes of tasks."""

from __future__ import annotations

import math

from cascade.spec.constraints import Constraint


class _Limit:
    """One constraint in force."""

    __slots__ = ("constraint", "expires_at", "next_start")

    def __init__(self, constraint: Constraint, now: float) -> None:
        self.constraint = constraint
        self.expires_at = math.inf if constraint.ttl_s is None else now + constraint.ttl_s
        self.next_start = -math.inf
        """With a rate, the earliest moment of the next start."""


class Limits:
    """The constraints in force, one a scope, and the tasks that run. Not locked: the constraint manager does that.

    Running tasks are counted by name whether or not a limit covers them, so that a limit which is introduced while
    tasks run counts them, too.
    """

    def __init__(self) -> None:
        self._limits: dict[str, _Limit] = {}
        self._running: dict[str, int] = {}

    @property
    def any_in_force(self) -> bool:
        """Whether there is anything to ask about."""
        return bool(self._limits)

    def put(self, constraint: Constraint, now: float) -> None:
        """Put a constraint in force, in place of the one of the same scope."""
        limit = _Limit(constraint, now)
        before = self._limits.get(constraint.scope)
        if before is not None and before.constraint.rate_per_s == constraint.rate_per_s:
            limit.next_start = before.next_start  # changing the pause or the concurrency gives no extra start
        self._limits[constraint.scope] = limit

    def get(self, scope: str, now: float) -> Constraint | None:
        """The constraint in force for exactly this scope."""
        self._expire(now)
        limit = self._limits.get(scope)
        return None if limit is None else limit.constraint

    def remove(self, scope: str) -> bool:
        """Lift the constraint of a scope; whether there was one."""
        return self._limits.pop(scope, None) is not None

    def obstacle(self, task: str, now: float) -> tuple[str, float] | None:
        """What keeps a task from starting: a reason, and when to ask again (``inf`` if only a change helps).

        Asking consumes nothing.
        """
        self._expire(now)
        for scope, limit in self._limits.items():
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
        self._running[task] = self._running.get(task, 0) + 1
        for limit in self._limits.values():
            rate = limit.constraint.rate_per_s
            if rate is not None and limit.constraint.covers(task):
                limit.next_start = max(limit.next_start, now) + 1 / rate

    def ended(self, task: str) -> None:
        """A task has ended."""
        left = self._running.get(task, 0) - 1
        if left > 0:
            self._running[task] = left
        else:
            self._running.pop(task, None)

    def _expire(self, now: float) -> None:
        expired = [scope for scope, limit in self._limits.items() if limit.expires_at <= now]
        for scope in expired:
            del self._limits[scope]


__all__ = ["Limits"]
