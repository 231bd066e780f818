"""`Modifiable`: the methods that say how a call is to be run, shared by tasks and lazy results.

Every method returns something new; nothing is ever changed. On a *task* they keep the static signature
(``fetch.with_retry(3)(url)``); on a lazy result (``fetch(url).with_retry(3)``) they do the same at run time, but a type
checker sees the value's type there and does not know them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from cascade.spec import policies
from cascade.spec.errors import TaskDefinitionError
from cascade.spec.plugins import CACHES
from cascade.spec.policies import NOTHING, CallOptions, Retry, RetryPredicate
from cascade.spec.stand_in import StandIn

if TYPE_CHECKING:
    from cascade.spec.protocols.cache import CachePolicy


class Modifiable:
    """Something that carries `CallOptions`."""

    __slots__ = ()

    _options: CallOptions

    def _with_options(self, options: CallOptions) -> Self:
        raise NotImplementedError

    def with_retry(
        self,
        max_attempts: int = 3,
        delay_s: float = 0.0,
        backoff: float = 1.0,
        max_delay_s: float | None = None,
        jitter: float = 0.0,
        retry_on: type[BaseException] | tuple[type[BaseException], ...] | RetryPredicate = Exception,
    ) -> Self:
        """Try again when an attempt fails.

        Args:
            max_attempts: All attempts together: 3 means at most three calls.
            delay_s: Seconds before the second attempt.
            backoff: What the delay is multiplied with after each further attempt.
            max_delay_s: No delay is longer than this, in seconds.
            jitter: 0.2 makes each delay up to 20 % shorter or longer, at random.
            retry_on: Which exceptions are tried again: a type, types, or a predicate.

        Raises:
            TaskDefinitionError: A number is out of range.

        Example:
            >>> from cascade import workflow as cs
            >>> answers = iter([ConnectionError("down"), "up"])
            >>> @cs.task
            ... def ask() -> str:
            ...     answer = next(answers)
            ...     if isinstance(answer, Exception):
            ...         raise answer
            ...     return answer
            >>> cs.run(ask.with_retry(2)())
            'up'
        """
        kinds = (retry_on,) if isinstance(retry_on, type) else retry_on
        retry = Retry(max_attempts, delay_s, backoff, max_delay_s, jitter, kinds)
        return self._with_options(policies.with_retry(self._options, retry))

    def with_timeout(self, timeout_s: float) -> Self:
        """Let one attempt take at most this many seconds; then `TaskTimeoutError` is raised.

        An ``async`` task is cancelled and a ``process`` task is killed. A thread cannot be stopped from outside: the
        run goes on with the error, and the thread ends when its function returns. An ``inline`` task cannot be
        interrupted at all, so a timeout on it is refused before the run.
        """
        return self._with_options(policies.with_timeout(self._options, timeout_s))

    def with_cache(self, cache: CachePolicy | str, ttl_s: float | None = None) -> Self:
        """Look the result up before running, and keep it afterwards.

        Results are found again by the task (module, qualified name and version) and its arguments, defaults included;
        change the task's ``version`` when stored results are no longer right. Equal calls that are under way at once
        run once: the others wait for the value. Failures are not kept.

        Args:
            cache: Where results are kept: a `MemoryCache`, a `SqliteCache`, a `FileTarget`, or any other policy; or the
                URL of one, such as ``"sqlite:///results.db"``. The same URL is the same cache all over the process.
            ttl_s: Seconds after which a result that is kept by this call is no longer used; by default the cache's.

        Raises:
            TaskDefinitionError: ``ttl_s`` is not greater than 0.
            PluginError: No plug-in is installed for the URL, or it refuses it.

        Example:
            >>> from cascade import workflow as cs
            >>> calls = []
            >>> @cs.task
            ... def square(x: int) -> int:
            ...     calls.append(x)
            ...     return x * x
            >>> kept = square.with_cache(cs.MemoryCache())
            >>> [cs.run(kept(3)), cs.run(kept(x=3)), calls]
            [9, 9, [3]]
        """
        policy = CACHES.shared(cache) if isinstance(cache, str) else cache
        return self._with_options(policies.with_cache(self._options, policy, ttl_s))

    def with_constraints(self, **amounts: float) -> Self:
        """Hold these amounts of the engine's ``system_resources`` while an attempt runs; amounts may be stand-ins."""
        for name, amount in amounts.items():
            if isinstance(amount, StandIn):
                continue
            if isinstance(amount, bool) or not isinstance(amount, (int, float)) or not amount >= 0:
                raise TaskDefinitionError(f"with_constraints({name}=…) takes a number of at least 0, not {amount!r}")
        return self._with_options(policies.with_constraints(self._options, amounts))

    def run_if(self, condition: Any, otherwise: Any = NOTHING) -> Self:
        """Run only if the condition is true; nothing that only this call needs is started before that is known.

        Args:
            condition: A truth value, or a stand-in for one (a call of another task).
            otherwise: The value if the condition is false. Without it the call is *skipped*: a consumer whose
                parameter has a default uses the default, any other consumer is skipped, too.

        Raises:
            TaskDefinitionError: The condition is a task or a function, which would always be true.
        """
        if callable(condition) and not hasattr(type(condition), "__bool__"):
            raise TaskDefinitionError(
                f"run_if() takes a value or a call of a task, not {condition!r}{_call_it(condition)}"
            )
        return self._with_options(policies.with_condition(self._options, condition, otherwise))

    def after(self, *predecessors: Any) -> Self:
        """Start only when these calls have ended; their values are not used.

        Raises:
            TaskDefinitionError: A predecessor is not a call of a task.
        """
        for predecessor in predecessors:
            if not isinstance(predecessor, StandIn):
                raise TaskDefinitionError(f"after() takes calls of tasks, not {predecessor!r}{_call_it(predecessor)}")
        return self._with_options(policies.with_predecessors(self._options, predecessors))

    def named(self, label: str) -> Self:
        """Show this name in events, errors and drawings instead of the task's own."""
        return self._with_options(policies.with_label(self._options, label))


def _call_it(value: Any) -> str:
    """What to do with a task that stands where a call of it was expected."""
    return f"; call it: {value.name}(…)" if hasattr(value, "call_signature") else ""


__all__ = ["Modifiable"]
