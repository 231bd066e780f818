"""`sequence` and `pipeline`: two ways to put calls together that are often needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast, overload

from cascade.spec.errors import TaskDefinitionError
from cascade.spec.modifiers import Modifiable

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
T = TypeVar("T")


def sequence(*calls: *tuple[*tuple[object, ...], T]) -> T:
    """Make calls one after the other, whatever they return; the value is that of the last.

    Each call but the first is a new lazy result that waits for the one before (``after``). If a call is skipped, those
    behind it are skipped, too (``UpstreamSkipped_Sequence``), and a run of the sequence gives ``None``.

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
    last: Any = None
    for call in calls:
        if not isinstance(call, Modifiable):
            raise TaskDefinitionError(f"sequence() takes calls of tasks, not {call!r}")
        last = call if last is None else call.after(last)
    return cast(T, last)


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
    for task in tasks:
        value = task(value)
    return value


__all__ = ["pipeline", "sequence"]
