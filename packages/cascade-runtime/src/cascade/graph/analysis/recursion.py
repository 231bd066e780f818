"""``CS-W001``: a task that calls itself, directly or through others, where something waits for the call.

It works to any depth, but each level is kept in memory until the ones below it are done. The same task written with a
tail call needs the memory of one step.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from cascade.graph.analysis.callees import Position, PossibleCall, possible_calls
from cascade.graph.analysis.cycles import reachable, recursion_id
from cascade.spec.task import Task

AnyTask = Task[..., Any]

NOT_IN_TAIL_POSITION: Final = "CS-W001"


class SourceWarning(NamedTuple):
    """Something in the source that works but is probably not meant.

    Attributes:
        code: ``CS-W001`` and so on.
        task: The task concerned.
        message: Where, what, and what to do.
    """

    code: str
    task: AnyTask
    message: str


def warnings_of(tasks: Iterable[AnyTask]) -> Iterator[SourceWarning]:
    """The warnings about tasks and about all that they may call: one for each task and place in the source.

    Example:
        >>> from cascade.spec.task import task
        >>> list(warnings_of([task(len)]))
        []
    """
    for task in reachable(tasks):
        recursion = recursion_id(task)
        if recursion is None:
            continue
        for call in possible_calls(task):
            if call.position & Position.OPERAND and recursion_id(call.task) == recursion:
                yield SourceWarning(NOT_IN_TAIL_POSITION, task, _message(task, call))


def _message(task: AnyTask, call: PossibleCall) -> str:
    whom = "itself" if call.task is task else f"{call.task.name!r}, which leads back to it,"
    return (
        f"{call.file}:{call.line}:{call.column + 1}: task {task.name!r} calls {whom} {call.context}, which is not in "
        "tail position: this works, but each level waits for those below it, so memory grows with the depth; for a "
        "loop in constant memory, pass on as arguments what has been computed so far, and return the call itself"
    )


__all__ = ["NOT_IN_TAIL_POSITION", "SourceWarning", "warnings_of"]
