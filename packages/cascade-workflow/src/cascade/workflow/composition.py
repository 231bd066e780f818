"""`sequence` and `pipeline`: two ways to put calls together that are often needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

from cascade.spec.errors import TaskDefinitionError
from cascade.spec.modifiers import Modifiable
from cascade.spec.stand_in import StandIn
from cascade.spec.task import task

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
T = TypeVar("T")


@overload
def sequence(last: T, /) -> T: ...
@overload
def sequence(first: object, last: T, /) -> T: ...
@overload
def sequence(first: object, second: object, last: T, /) -> T: ...
@overload
def sequence(first: object, second: object, third: object, last: T, /) -> T: ...
@overload
def sequence(*calls: Any) -> Any: ...
def sequence(*calls: Any) -> Any:
    """Make calls one after the other, whatever they return; the value is that of the last.

    Each call but the first is a new lazy result that waits for the one before (``after``). If a call is skipped, those
    behind it are skipped, too (``UpstreamSkipped_Sequence``), and a run of the sequence gives ``None``; those before it
    are made.

    Args:
        *calls: Calls or maps of tasks.

    Raises:
        TaskDefinitionError: There are no calls, or something is no call of a task.

    Example:
        >>> from cascade import workflow as cs
        >>> seen = []
        >>> @cs.task
        ... def note(word: str) -> int:
        ...     seen.append(word)
        ...     return len(seen)
        >>> cs.run(cs.sequence(note("first"), note("second"))), seen
        (2, ['first', 'second'])
    """
    if not calls:
        raise TaskDefinitionError("sequence() needs at least one call")
    chain: list[Any] = []
    for call in calls:
        if not (isinstance(call, StandIn) and isinstance(call, Modifiable)):
            raise TaskDefinitionError(f"sequence() takes calls of tasks, not {call!r}")
        chain.append(call.after(chain[-1]) if chain else call)
    if len(chain) == 1:
        return chain[0]
    # The value asks for every call itself: one that is skipped would otherwise take with it what stands before it.
    return _value_of_last.after(*chain[:-1])(chain[-1])


@task(name="sequence", mode="inline")
def _value_of_last(value: Any) -> Any:
    return value


_value_of_last._passes_on = True


@overload
def pipeline(value: A, first: Callable[[A], B], /) -> B: ...
@overload
def pipeline(value: A, first: Callable[[A], B], second: Callable[[B], C], /) -> C: ...
@overload
def pipeline(value: A, first: Callable[[A], B], second: Callable[[B], C], third: Callable[[C], D], /) -> D: ...
@overload
def pipeline(value: object, /, *tasks: Callable[[Any], Any]) -> Any: ...
def pipeline(value: Any, /, *tasks: Callable[[Any], Any]) -> Any:
    """Pass a value through tasks: ``pipeline(x, f, g)`` is ``g(f(x))``.

    Args:
        value: A value, or a call that computes it.
        *tasks: Tasks of one argument.

    Raises:
        TaskDefinitionError: There are no tasks.

    Example:
        >>> from cascade import workflow as cs
        >>> @cs.task
        ... def double(x: int) -> int:
        ...     return 2 * x
        >>> cs.run(cs.pipeline(5, double, double))
        20
    """
    if not tasks:
        raise TaskDefinitionError("pipeline() needs at least one task behind the value")
    for step in tasks:
        value = step(value)
    return value


__all__ = ["pipeline", "sequence"]
