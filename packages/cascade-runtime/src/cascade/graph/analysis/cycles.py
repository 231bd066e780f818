"""`cycle_id`: which tasks go on with each other for ever.

Tasks that can reach each other by calls in the position of a next step are a *cycle*; the strongly connected components
of the graph of tasks are found by Tarjan's algorithm, on an explicit stack. The id of a cycle is made of the names of
its tasks, so it is the same in every process. A second, larger relation, by calls in any position, says whether a call
that something waits for leads back to its own task; see `cascade.graph.analysis.recursion`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import Any, Final

from cascade.graph.analysis.callees import NEXT_STEP, Position, possible_calls
from cascade.spec.task import Task

AnyTask = Task[..., Any]

ANY_POSITION: Final = NEXT_STEP | Position.OPERAND

MOST_TASKS: Final = 2_000
"""So many tasks are looked at from where a question begins; a program that makes tasks without end is not followed."""


def cycle_id(task: AnyTask) -> str | None:
    """The same text for all tasks of one cycle of tail calls, in every process; ``None`` for a task in no cycle.

    Found out when first asked, then kept with the task.

    Example:
        >>> from cascade.spec.task import task
        >>> cycle_id(task(len)) is None
        True
    """
    return _component_id(task.base, "_cycle_id", NEXT_STEP)


def recursion_id(task: AnyTask) -> str | None:
    """As `cycle_id`, for calls in any position."""
    return _component_id(task.base, "_recursion_id", ANY_POSITION)


def reachable(tasks: Iterable[AnyTask]) -> list[AnyTask]:
    """These tasks and all that they may lead to, those met first before the others; at most `MOST_TASKS`."""
    found = dict.fromkeys(task.base for task in tasks)
    queue = list(found)
    for task in queue:
        for callee in _callees(task, ANY_POSITION):
            if callee not in found:
                found[callee] = None
                queue.append(callee)
        if len(queue) >= MOST_TASKS:
            break
    return queue[:MOST_TASKS]


def _component_id(task: AnyTask, memo: str, positions: Position) -> str | None:
    if memo not in task.__dict__:
        for component in _components(task, positions):
            is_cycle = len(component) > 1 or component[0] in _callees(component[0], positions)
            identity = _digest(component) if is_cycle else None
            for member in component:
                member.__dict__[memo] = identity
    known: str | None = task.__dict__[memo]
    return known


def _digest(component: list[AnyTask]) -> str:
    names = "\n".join(sorted(member.identity for member in component))
    return blake2b(names.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _callees(task: AnyTask, positions: Position) -> list[AnyTask]:
    return list(dict.fromkeys(call.task for call in possible_calls(task) if call.position & positions))


def _components(root: AnyTask, positions: Position) -> Iterator[list[AnyTask]]:
    """The strongly connected components of what can be reached from a task (Tarjan 1972)."""
    number: dict[AnyTask, int] = {root: 0}
    lowest: dict[AnyTask, int] = {root: 0}
    open_tasks = [root]
    is_open = {root}
    path = [(root, iter(_callees(root, positions)))]
    while path:
        task, callees = path[-1]
        for callee in callees:
            if callee not in number:
                if len(number) >= MOST_TASKS:
                    continue
                number[callee] = lowest[callee] = len(number)
                open_tasks.append(callee)
                is_open.add(callee)
                path.append((callee, iter(_callees(callee, positions))))
                break
            if callee in is_open:
                lowest[task] = min(lowest[task], number[callee])
        else:
            path.pop()
            if path:
                caller = path[-1][0]
                lowest[caller] = min(lowest[caller], lowest[task])
            if lowest[task] == number[task]:
                place = open_tasks.index(task)
                component, open_tasks[place:] = open_tasks[place:], []
                is_open.difference_update(component)
                yield component


__all__ = ["MOST_TASKS", "cycle_id", "reachable", "recursion_id"]
