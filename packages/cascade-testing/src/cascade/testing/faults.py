"""Faults that are put between an engine and its parts, drawn from a seed.

A `Faults` decides which operation is struck, and by what; a wrapper (`FaultyExecutor`, `FaultyCache`) asks it before
each operation of the part inside. The decision depends on the seed, the name of the operation and how often it has come
so far, and on nothing else: operations of other names may come in any order without changing it. So a seed is all that
is needed to see a fault again, and `Faults.plan` shows what has struck in a form that can be played again, cut down by
hand, and kept as a test.

The kinds of faults, and what they stand for:

========== =========================================================================================================
ERROR      an error, and nothing was done: refused, not reachable
LOST       everything was done, and then comes an error: the connection broke before the answer came. Who tries again
           does it twice, and who gives up has done it all the same
DELAY      the operation begins later than it was asked for
DUPLICATE  the operation is done twice: a message that is delivered at least once
DISK_FULL  an ``OSError`` with ``ENOSPC``, and nothing was done
TORN       the writer is killed in the middle of a write: nobody can know whether it has arrived, and nothing works
           any more; see `FaultyStateStore`
========== =========================================================================================================
"""

from __future__ import annotations

import asyncio
import errno
import random
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeVar

from cascade.spec.protocols import CachePolicy, Executor
from cascade.spec.task import Task

T = TypeVar("T")

DEFAULT_RATE: Final = 0.1
DEFAULT_DELAY_S: Final = 1.0


class Fault(StrEnum):
    """What can happen to an operation; see the module's own words."""

    ERROR = "ERROR"
    LOST = "LOST"
    DELAY = "DELAY"
    DUPLICATE = "DUPLICATE"
    DISK_FULL = "DISK_FULL"
    TORN = "TORN"

    def __repr__(self) -> str:
        return f"Fault.{self.name}"


class InjectedError(ConnectionError):
    """What an operation raises that was struck.

    Attributes:
        struck: The fault.
    """

    def __init__(self, struck: Struck) -> None:
        super().__init__(f"{struck.fault} of call {struck.count} of {struck.operation!r}, injected by {struck.by}")
        self.struck = struck


@dataclass(frozen=True, slots=True)
class Struck:
    """A fault that has struck.

    Attributes:
        operation: The name of the operation.
        count: Which call of it, from 1.
        fault: What happened.
        by: The `Faults` as text.
    """

    operation: str
    count: int
    fault: Fault
    by: str

    def error(self) -> Exception:
        """What the operation is to raise."""
        if self.fault is not Fault.DISK_FULL:
            return InjectedError(self)
        words = f"no space left on device, injected into call {self.count} of {self.operation!r} by {self.by}"
        return OSError(errno.ENOSPC, words)


class Faults:
    """Decides which operations are struck. May be shared by wrappers, and used from several threads.

    Args:
        seed: Makes the decisions; by default a random one, which is printed, so that pytest shows it beside a failure.
        rate: How many of the operations are struck, from 0 to 1.
        kinds: The faults that may strike; by default all. A wrapper leaves out what its part cannot suffer.
        plan: What to play instead: for an operation and the number of its call, the fault.
        delay_s: How long a delay is at most, in seconds.

    Attributes:
        seed: As given or chosen.
        delay_s: As given.
        struck: What has struck so far, in order.

    Example:
        >>> faults = Faults(plan={("execute fetch", 2): Fault.LOST})
        >>> [faults.next("execute fetch", Fault) is not None for _ in range(3)]
        [False, True, False]
        >>> faults.plan
        {('execute fetch', 2): Fault.LOST}
    """

    def __init__(
        self,
        seed: int | None = None,
        *,
        rate: float = DEFAULT_RATE,
        kinds: Sequence[Fault] = tuple(Fault),
        plan: Mapping[tuple[str, int], Fault] | None = None,
        delay_s: float = DEFAULT_DELAY_S,
    ) -> None:
        if not 0 <= rate <= 1:
            raise ValueError(f"rate must be between 0 and 1, not {rate!r}")
        self.seed = random.randrange(2**32) if seed is None else seed
        self.delay_s = delay_s
        self.struck: list[Struck] = []
        self._rate = rate
        self._kinds = tuple(kinds)
        self._plan = None if plan is None else dict(plan)
        self._counts: Counter[str] = Counter()
        self._is_stopped = False
        self._lock = threading.Lock()
        if seed is None and plan is None:
            print(f"the faults are those of {self!r}")

    def __repr__(self) -> str:
        if self._plan is not None:
            return f"Faults(plan={self._plan!r})"
        kinds = "" if self._kinds == tuple(Fault) else f", kinds={list(self._kinds)!r}"
        return f"Faults({self.seed}, rate={self._rate:g}{kinds})"

    @property
    def plan(self) -> dict[tuple[str, int], Fault]:
        """What has struck so far, to be given as ``plan`` to another `Faults`."""
        with self._lock:
            return {(struck.operation, struck.count): struck.fault for struck in self.struck}

    def stop(self) -> None:
        """Let nothing be struck from now on."""
        self._is_stopped = True

    def next(self, operation: str, possible: Sequence[Fault]) -> Struck | None:
        """Count one call of an operation.

        Args:
            operation: Its name.
            possible: What can happen to it.

        Returns:
            What is to happen to it; ``None`` is nothing.
        """
        with self._lock:
            self._counts[operation] += 1
            count = self._counts[operation]
            fault = self._decide(operation, count, [kind for kind in self._kinds if kind in possible])
            if fault is None or self._is_stopped:
                return None
            struck = Struck(operation, count, fault, repr(self))
            self.struck.append(struck)
            return struck

    def delay_of(self, struck: Struck) -> float:
        """The seconds of a delay: more than 0, at most ``delay_s``."""
        return self.delay_s * (1 - random.Random(f"{self.seed} delay {struck.operation} {struck.count}").random())

    def _decide(self, operation: str, count: int, kinds: list[Fault]) -> Fault | None:
        if self._plan is not None:
            return self._plan.get((operation, count))
        dice = random.Random(f"{self.seed} {operation} {count}")
        return dice.choice(kinds) if dice.random() < self._rate and kinds else None


async def suffer(faults: Faults, struck: Struck | None, call: Callable[[], Awaitable[T]]) -> T:
    """Make a call that is struck by any fault but `Fault.TORN`, or by none.

    Args:
        faults: Has decided.
        struck: What happens to it, from `Faults.next`.
        call: Does it.

    Raises:
        InjectedError: It was struck.
        OSError: The disk is full.
        BaseException: What the call itself raises.
    """
    if struck is None:
        return await call()
    if struck.fault in (Fault.ERROR, Fault.DISK_FULL):
        raise struck.error()
    if struck.fault is Fault.DELAY:
        await asyncio.sleep(faults.delay_of(struck))
    if struck.fault is Fault.DUPLICATE:
        await call()
    value = await call()
    if struck.fault is Fault.LOST:
        raise struck.error()
    return value


class FaultyExecutor:
    """An executor whose calls are struck by errors, lost answers, delays and duplicates.

    The operations are named ``execute`` and the name of the task. Every call goes through the executor inside as a
    coroutine: nothing is called inline.

    Args:
        executor: Makes the calls.
        faults: Decides which are struck.

    Example:
        >>> from cascade import workflow as cs
        >>> from cascade.adapters.executors.local import LocalExecutor
        >>> charged = []
        >>> @cs.task
        ... def charge(amount: int) -> int:
        ...     charged.append(amount)
        ...     return amount
        >>> faults = Faults(plan={("execute charge", 1): Fault.LOST})
        >>> cs.run(charge.with_retry(2)(7), engine=cs.Engine(executor=FaultyExecutor(LocalExecutor(), faults))), charged
        (7, [7, 7])
    """

    def __init__(self, executor: Executor, faults: Faults) -> None:
        self._executor = executor
        self._faults = faults

    @property
    def concurrency(self) -> int:
        """That of the executor inside."""
        return self._executor.concurrency

    async def execute(
        self, task: Task[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], timeout_s: float | None = None
    ) -> Any:
        """Let the executor inside make the call, or not, or twice."""
        possible = (Fault.ERROR, Fault.LOST, Fault.DELAY, Fault.DUPLICATE)
        struck = self._faults.next(f"execute {task.name}", possible)
        return await suffer(self._faults, struck, lambda: self._executor.execute(task, args, kwargs, timeout_s))


class FaultyCache:
    """A cache whose operations ``load`` and ``store`` are struck by errors, lost answers, delays and a full disk.

    Args:
        cache: Keeps the values.
        faults: Decides which operations are struck.
    """

    def __init__(self, cache: CachePolicy, faults: Faults) -> None:
        self._cache = cache
        self._faults = faults

    def key(self, task: Task[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
        """The key that the cache inside makes; nothing ever happens to it."""
        return self._cache.key(task, args, kwargs)

    async def load(self, key: str) -> tuple[Any] | None:
        """Let the cache inside look."""
        struck = self._faults.next("load", (Fault.ERROR, Fault.DELAY))
        return await suffer(self._faults, struck, lambda: self._cache.load(key))

    async def store(self, key: str, value: Any, ttl_s: float | None = None) -> None:
        """Let the cache inside keep the value, or not, or twice."""
        possible = (Fault.ERROR, Fault.LOST, Fault.DELAY, Fault.DUPLICATE, Fault.DISK_FULL)
        struck = self._faults.next("store", possible)
        await suffer(self._faults, struck, lambda: self._cache.store(key, value, ttl_s))


__all__ = ["Fault", "Faults", "FaultyCache", "FaultyExecutor", "InjectedError", "Struck", "suffer"]
