"""`possible_calls`: which tasks the source of a task may call, and what becomes of each call.

A call is worth knowing if its value can become part of what the task returns: it is returned itself, it is passed on by
something that is returned, or something that is returned waits for it. A call that goes nowhere, or where the analysis
cannot see it, is left out: a warning that is wrong costs more than one that is missing.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Flag, auto
from typing import Any, Final

from cascade.graph.analysis.expressions import Arguments, OutOfFuel, Trace
from cascade.graph.analysis.names import subject_of
from cascade.graph.analysis.sources import function_node
from cascade.graph.analysis.statements import body_of
from cascade.graph.analysis.values import Container, Role, Site, Values
from cascade.spec.task import Task

AnyTask = Task[..., Any]

_log = logging.getLogger("cascade.analysis")


class Position(Flag):
    """What becomes of a call; several things, if paths differ."""

    TAIL = auto()
    """It is returned, perhaps only if it is chosen (a route, an alternative) or its turn has come (the last of a
    sequence): the engine goes on with it, and nothing waits."""
    PART = auto()
    """It is an item of a container, or of a map, that is returned."""
    OPERAND = auto()
    """What is returned waits for its value."""


NEXT_STEP: Final = Position.TAIL | Position.PART
"""The value of the task may be that of the call."""


@dataclass(frozen=True, slots=True)
class PossibleCall:
    """A call that a task may make.

    Attributes:
        task: The task that is called, as it was declared.
        file: The file of the call.
        line: Its line, from 1.
        column: Its place in the line, from 0, in bytes of UTF-8 (as in `ast`).
        position: What becomes of it.
        context: What waits for it, in words: "as an argument of 'add'"; empty if nothing does.
    """

    task: AnyTask
    file: str
    line: int
    column: int
    position: Position
    context: str


_MEMO: Final = "_possible_calls"


def possible_calls(task: AnyTask) -> tuple[PossibleCall, ...]:
    """The calls that a task may make, in the order of the source; none if the source cannot be read.

    Found out when first asked, then kept with the task: a name that is bound to another task later is not noticed.

    Example:
        >>> from cascade.spec.task import task
        >>> possible_calls(task(len))
        ()
    """
    # Kept in the task and not in a table: the calls refer to tasks, to this one, too, and must not keep it alive.
    attributes = task.base.__dict__
    calls: tuple[PossibleCall, ...] | None = attributes.get(_MEMO)
    if calls is None:
        try:
            calls = find_calls(task.base)
        except Exception:  # objects of the program that are not what they say; a hint never harms a run
            _log.debug("the source of task %r was not understood", task.name, exc_info=True)
            calls = ()
        attributes[_MEMO] = calls
    return calls


def find_calls(task: AnyTask) -> tuple[PossibleCall, ...]:
    """As `possible_calls`, found out anew."""
    try:
        subject = subject_of(task)
        node = None if subject is None else function_node(subject.function.__code__, subject.function.__globals__)
        if subject is None or node is None:
            return ()
        trace = Trace(str(subject.function.__module__).partition(".")[0])
        returned = body_of(subject, node, trace).run(Arguments(subject.args))
        return calls_in(returned)
    except (OutOfFuel, RecursionError):  # longer or deeper than people write
        return ()


def calls_in(returned: Values) -> tuple[PossibleCall, ...]:
    """The calls that count if a task may return these values."""
    positions: dict[Site, Position] = {}
    waiting: dict[Site, set[tuple[int, int, str]]] = {}
    stack = list(_of_result(returned))
    while stack:
        site, position = stack.pop()
        before = positions.get(site, Position(0))
        positions[site] = after = before | position
        if after == before:
            continue
        for role, operand in site.operands:
            stack.append((operand, _of_operand(operand, role, position)))
            waiting.setdefault(operand, set()).add((site.line, site.column, f"{role.value} {site.title}"))
    calls = [
        PossibleCall(
            site.task,
            site.file,
            site.line,
            site.column,
            position,
            min(waiting[site])[2] if position & Position.OPERAND else "",
        )
        for site, position in positions.items()
        if site.task is not None
    ]
    return tuple(sorted(calls, key=lambda call: (call.file, call.line, call.column, call.task.identity)))


def _of_result(returned: Values) -> Iterator[tuple[Site, Position]]:
    """What is returned, and what is at the top level of a returned container: the engine looks no deeper."""
    for value in returned:
        if isinstance(value, Site):
            yield value, Position.PART if value.is_map else Position.TAIL
        elif isinstance(value, Container) and value.is_searched:
            yield from ((item, Position.PART) for item in value.elements if isinstance(item, Site))


def _of_operand(operand: Site, role: Role, position: Position) -> Position:
    if not role.passes_on:
        return Position.OPERAND
    return Position.PART if operand.is_map and position is Position.TAIL else position


__all__ = ["NEXT_STEP", "Position", "PossibleCall", "possible_calls"]
