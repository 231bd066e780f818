"""Policies: how a call is to be run, as values.

`Policies` is the static half of a call's options: it is compared and hashed by value, and belongs to the *structure* of
a graph. What may change from call to call without changing the structure (the condition, the predecessors, the amounts
of capacities, the label) is in `CallOptions`, and reaches the graph as references to data or to other nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from cascade.spec.errors import TaskDefinitionError

if TYPE_CHECKING:
    from cascade.spec.protocols.cache import CachePolicy

RetryPredicate = Callable[[BaseException], bool]


class _Nothing:
    """The type of `NOTHING`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "NOTHING"

    def __bool__(self) -> bool:
        return False

    def __reduce__(self) -> str:
        return "NOTHING"


NOTHING: Final = _Nothing()
"""No value was given (``None`` is a value)."""


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and when a failed attempt is tried again.

    Attributes:
        max_attempts: All attempts together: 3 means at most three calls.
        delay_s: Seconds before the second attempt.
        backoff: What the delay is multiplied with after each further attempt.
        max_delay_s: No delay is longer than this, in seconds.
        jitter: 0.2 makes each delay up to 20 % shorter or longer, at random.
        retry_on: The exceptions that are tried again: types, or a predicate.
    """

    max_attempts: int = 3
    delay_s: float = 0.0
    backoff: float = 1.0
    max_delay_s: float | None = None
    jitter: float = 0.0
    retry_on: tuple[type[BaseException], ...] | RetryPredicate = (Exception,)

    def __post_init__(self) -> None:
        if isinstance(self.max_attempts, bool) or not isinstance(self.max_attempts, int) or self.max_attempts < 1:
            raise TaskDefinitionError(f"max_attempts must be a whole number of at least 1, not {self.max_attempts!r}")
        if not (isinstance(self.delay_s, (int, float)) and self.delay_s >= 0):
            raise TaskDefinitionError(f"delay_s must be at least 0 seconds, not {self.delay_s!r}")
        if not self.backoff > 0:
            raise TaskDefinitionError(f"backoff must be greater than 0, not {self.backoff!r}")
        if self.max_delay_s is not None and not self.max_delay_s >= 0:
            raise TaskDefinitionError(f"max_delay_s must be at least 0 seconds, not {self.max_delay_s!r}")
        if not 0 <= self.jitter <= 1:
            raise TaskDefinitionError(f"jitter must be between 0 and 1, not {self.jitter!r}")
        if isinstance(self.retry_on, type):
            object.__setattr__(self, "retry_on", (self.retry_on,))
        if isinstance(self.retry_on, tuple):
            for kind in self.retry_on:
                if not (isinstance(kind, type) and issubclass(kind, BaseException)):
                    raise TaskDefinitionError(f"retry_on takes exception types or a predicate, not {kind!r}")
        elif not callable(self.retry_on):
            raise TaskDefinitionError(f"retry_on takes exception types or a predicate, not {self.retry_on!r}")

    def applies_to(self, error: BaseException) -> bool:
        """Whether this error is tried again at all."""
        if isinstance(self.retry_on, tuple):
            return isinstance(error, self.retry_on)
        return bool(self.retry_on(error))

    def delay_before(self, attempt: int, draw: Callable[[], float]) -> float:
        """The pause before an attempt.

        Args:
            attempt: The number of the attempt; the second is number 2.
            draw: Gives a random number between 0 and 1, for the jitter.

        Returns:
            Seconds.
        """
        try:
            delay = self.delay_s * self.backoff ** (attempt - 2)
        except OverflowError:
            delay = float("inf")
        if self.max_delay_s is not None:
            delay = min(delay, self.max_delay_s)
        return delay * (1 + self.jitter * (2 * draw() - 1)) if self.jitter else delay


@dataclass(frozen=True, slots=True)
class Policies:
    """The static options of a call; compared by value, so equal policies make equal graphs.

    Attributes:
        retry: When a failed attempt is tried again.
        timeout_s: Seconds that one attempt may take.
        cache: Where results are kept and looked up.
        cache_ttl_s: Seconds for which a result is kept there; ``None`` leaves that to the cache.
        constraints: Names of the capacities that the call holds while it runs; the amounts are data.
    """

    retry: Retry | None = None
    timeout_s: float | None = None
    cache: CachePolicy | None = None
    cache_ttl_s: float | None = None
    constraints: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.timeout_s is not None and not (isinstance(self.timeout_s, (int, float)) and self.timeout_s > 0):
            raise TaskDefinitionError(f"a timeout must be greater than 0 seconds, not {self.timeout_s!r}")
        if self.cache_ttl_s is not None and not self.cache_ttl_s > 0:
            raise TaskDefinitionError(f"the ttl_s of a cache must be greater than 0 seconds, not {self.cache_ttl_s!r}")

    @property
    def is_retry_only(self) -> bool:
        """Whether there is nothing but ``retry``."""
        return self.timeout_s is None and self.cache is None and not self.constraints


NO_POLICIES: Final = Policies()


@dataclass(frozen=True, slots=True, eq=False)
class CallOptions:
    """All options of a task or of one call: the static policies and what is data.

    Attributes:
        policies: The static half.
        condition: ``run_if``: a truth value, or what stands for one.
        otherwise: The value of the call when the condition is false; it may be a stand-in.
        after: Calls that must have ended first; their values are not used.
        amounts: The amounts of ``policies.constraints``, in the same order.
        label: A name for people, shown instead of the task's name.
    """

    policies: Policies = NO_POLICIES
    condition: Any = NOTHING
    otherwise: Any = NOTHING
    after: tuple[Any, ...] = ()
    amounts: tuple[Any, ...] = ()
    label: str | None = None

    def merged_into(self, outer: CallOptions) -> CallOptions:
        """These options with the outer ones (those of the task) where these say nothing."""
        mine, theirs = self.policies, outer.policies
        # A cache comes with its own time to live. Not "or": a cache that is empty may be false.
        cached = theirs if mine.cache is None else mine
        constraints = dict(zip(theirs.constraints, outer.amounts, strict=True))
        constraints.update(zip(mine.constraints, self.amounts, strict=True))
        return CallOptions(
            policies=Policies(
                retry=mine.retry or theirs.retry,
                timeout_s=theirs.timeout_s if mine.timeout_s is None else mine.timeout_s,
                cache=cached.cache,
                cache_ttl_s=cached.cache_ttl_s,
                constraints=tuple(constraints),
            ),
            condition=outer.condition if self.condition is NOTHING else self.condition,
            otherwise=outer.otherwise if self.condition is NOTHING else self.otherwise,
            after=outer.after + self.after,
            amounts=tuple(constraints.values()),
            label=self.label or outer.label,
        )


NO_OPTIONS: Final = CallOptions()


@dataclass(frozen=True, slots=True)
class MapOptions:
    """The static options of a map.

    Attributes:
        max_in_flight: How many items may be under way at once; ``None`` is twice the executor's concurrency.
        on_error: ``"raise"`` ends the run at the first failure, ``"continue"`` puts `Failure` values in the result.
        keeps_results: Whether the value is the list of results; without them, an endless map needs no memory.
    """

    max_in_flight: int | None = None
    on_error: str = "raise"
    keeps_results: bool = True

    def __post_init__(self) -> None:
        window = self.max_in_flight
        if window is not None and (isinstance(window, bool) or not isinstance(window, int) or window < 1):
            raise TaskDefinitionError(f"max_in_flight must be a whole number of at least 1, not {window!r}")
        if self.on_error not in ("raise", "continue"):
            raise TaskDefinitionError(f"on_error is 'raise' or 'continue', not {self.on_error!r}")


@dataclass(frozen=True, slots=True)
class Failure:
    """The value of a mapped item that failed, in a map with ``on_error="continue"``. It is false.

    Attributes:
        error: The item's own exception.
        index: The item's place in the input, from 0.
    """

    error: Exception
    index: int = 0

    def __bool__(self) -> bool:
        return False


def with_condition(options: CallOptions, condition: Any, otherwise: Any) -> CallOptions:
    """The options with another condition and alternative. Not by ``replace``: loops make such calls in each step."""
    return CallOptions(options.policies, condition, otherwise, options.after, options.amounts, options.label)


def with_predecessors(options: CallOptions, predecessors: tuple[Any, ...]) -> CallOptions:
    """The options with more predecessors."""
    after = options.after + predecessors
    return CallOptions(options.policies, options.condition, options.otherwise, after, options.amounts, options.label)


def with_label(options: CallOptions, label: str) -> CallOptions:
    """The options with another name for people."""
    given = options.policies, options.condition, options.otherwise, options.after, options.amounts
    return CallOptions(*given, label)


def with_retry(options: CallOptions, retry: Retry) -> CallOptions:
    """The options with another retry policy."""
    return replace(options, policies=replace(options.policies, retry=retry))


def with_timeout(options: CallOptions, timeout_s: float) -> CallOptions:
    """The options with another timeout per attempt, in seconds."""
    return replace(options, policies=replace(options.policies, timeout_s=timeout_s))


def with_cache(options: CallOptions, cache: CachePolicy, ttl_s: float | None = None) -> CallOptions:
    """The options with another cache policy, and the seconds for which a result is kept there."""
    return replace(options, policies=replace(options.policies, cache=cache, cache_ttl_s=ttl_s))


def with_constraints(options: CallOptions, amounts: Mapping[str, Any]) -> CallOptions:
    """The options with these amounts added to what they held before."""
    merged = dict(zip(options.policies.constraints, options.amounts, strict=True)) | dict(amounts)
    policies = replace(options.policies, constraints=tuple(merged))
    return replace(options, policies=policies, amounts=tuple(merged.values()))


__all__ = [
    "NOTHING",
    "NO_OPTIONS",
    "NO_POLICIES",
    "CallOptions",
    "Failure",
    "MapOptions",
    "Policies",
    "Retry",
    "RetryPredicate",
    "with_cache",
    "with_condition",
    "with_constraints",
    "with_label",
    "with_predecessors",
    "with_retry",
    "with_timeout",
]
