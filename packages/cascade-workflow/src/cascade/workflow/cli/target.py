"""`find_target`: what of a module is run.

A target is something lazy, a container of lazy things, a task that can be called without arguments, or a function that
returns one of these. Without a name it is ``main``, or else the only thing at the top of the module that can be run and
that nothing else there uses: in ``words = load()`` and ``total = count(words)`` that is ``total``.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from cascade.graph.build import build_graph
from cascade.graph.operands import KINDS, holds_stand_in
from cascade.runtime.engine import Engine
from cascade.spec.common import ParameterStandIn
from cascade.spec.errors import ArgumentMismatchError, CascadeError
from cascade.spec.resources import InjectStandIn
from cascade.spec.stand_in import StandIn
from cascade.spec.task import Task
from cascade.workflow.cli.faults import bad_input
from cascade.workflow.cli.tracebacks import describe_error

DEFAULT_NAME = "main"
ENGINE_NAME = "engine"


class Place(NamedTuple):
    """``FILE[:TARGET]``, as it was written.

    Attributes:
        file: The file.
        name: The target's name in it, if one was given.
    """

    file: Path
    name: str | None

    def __str__(self) -> str:
        return self.file.name if self.name is None else f"{self.file.name}:{self.name}"


def parse_place(text: str) -> Place:
    """Take ``FILE[:TARGET]`` apart. A file that has a colon in its name needs no escaping if it exists."""
    file, colon, name = text.rpartition(":")
    # A drive on Windows ("C:\\flow.py") is no file with a target.
    if not colon or not file or Path(text).exists() or not all(part.isidentifier() for part in name.split(".")):
        return Place(Path(text), None)
    return Place(Path(file), name)


def find_target(module: ModuleType, place: Place) -> Any:
    """The target, ready to be run.

    Raises:
        Fault: There is none of this name, nothing that can be run, or more than one thing.
    """
    if place.name is not None:
        return _as_target(_named(module, place, place.name), place.name)
    if hasattr(module, DEFAULT_NAME):
        return _as_target(getattr(module, DEFAULT_NAME), DEFAULT_NAME)
    candidates = _candidates(module)
    if len(candidates) == 1:
        (name, value), *_ = candidates.items()
        return _as_target(value, name)
    if candidates:
        name = next(iter(candidates))
        raise bad_input(
            f"{place} has no {DEFAULT_NAME!r}, and several things that can be run: {', '.join(candidates)}. "
            f"Say which: {place}:{name}"
        )
    raise bad_input(
        f"{place} has nothing to run: no {DEFAULT_NAME!r}, no lazy result and no task without required parameters at "
        "its top level"
    )


def find_engine(module: ModuleType) -> Engine | None:
    """The engine that the module wants to be run on: the one that it calls ``engine``."""
    found = getattr(module, ENGINE_NAME, None)
    return found if isinstance(found, Engine) else None


def _named(module: ModuleType, place: Place, name: str) -> Any:
    value: Any = module
    for part in name.split("."):
        try:
            value = getattr(value, part)
        except AttributeError:
            known = [*_candidates(module), *_functions(module)]
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]!r}? " if close else ""
            listed = ", ".join(known) or "nothing at all"
            raise bad_input(f"{place.file.name} has no {name!r}: {hint}it has {listed}") from None
    return value


def _as_target(value: Any, name: str) -> Any:
    """Make something lazy of what the name stands for."""
    if isinstance(value, Task):
        call: Any = value()
        try:
            value.call_signature.accept(call._args, call._kwargs)
        except ArgumentMismatchError as error:
            raise bad_input(
                f"{error}. To run it from here, give its parameters defaults, for example "
                "Param(…), or run a lazy result that passes them",
                error,
            ) from None
        return call
    if inspect.isroutine(value):
        returned = _returned_by(value, name)
        if not _is_lazy(returned):
            raise bad_input(
                f"{name}() returned {returned!r:.80}, and there is nothing to run in that; return a lazy result "
                "instead of running it"
            )
        return returned
    if not _is_lazy(value):
        raise bad_input(
            f"{name} is {value!r:.80}, which cannot be run; a target is a lazy result, a container of lazy results, a "
            "task, or a function that returns one of them"
        )
    return value


def _returned_by(function: Any, name: str) -> Any:
    required = _required_parameters(function)
    if required:
        raise bad_input(f"{name}() has required parameters ({', '.join(required)}), so it cannot be called from here")
    if inspect.iscoroutinefunction(function):
        raise bad_input(f"{name}() is async; make it a task: put @task before it")
    try:
        returned = function()
    except Exception as error:
        raise bad_input(f"{name}() raised, so there is nothing to run:\n{describe_error(error)}", error) from None
    return _as_target(returned, name) if isinstance(returned, Task) else returned


def _required_parameters(function: Any) -> list[str]:
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [
        parameter.name
        for parameter in inspect.signature(function).parameters.values()
        if parameter.default is inspect.Parameter.empty and parameter.kind not in kinds
    ]


def _is_lazy(value: Any) -> bool:
    if isinstance(value, StandIn):
        return True
    return KINDS[type(value)] is not None and holds_stand_in(value)


def _candidates(module: ModuleType) -> Mapping[str, Any]:
    """What could be meant, by name, without what other candidates use."""
    found: dict[str, Any] = {}
    for name, value in vars(module).items():
        if not name.startswith("_") and _is_candidate(value, module) and value not in _Identities(found.values()):
            found[name] = value
    used: set[int] = set()
    for value in found.values():
        used |= _uses(value, found.values())
    return {name: value for name, value in found.items() if id(value) not in used} or found


def _is_candidate(value: Any, module: ModuleType) -> bool:
    if isinstance(value, Task):
        return value.module == module.__name__ and not _required_parameters_of_task(value)
    return isinstance(value, StandIn) and not isinstance(value, (ParameterStandIn, InjectStandIn))


def _required_parameters_of_task(task: Task[..., Any]) -> bool:
    call: Any = task()
    try:
        task.call_signature.accept(call._args, call._kwargs)
    except ArgumentMismatchError:
        return True
    return False


def _uses(value: Any, others: Iterable[Any]) -> set[int]:
    """Which of the others are part of a lazy candidate."""
    if not isinstance(value, StandIn):
        return set()
    try:
        graph, _, instances = build_graph(value)
    except CascadeError:  # it is reported when the candidate is run
        return set()
    tasks = {id(node.task) for node in graph.nodes}
    return {
        id(other)
        for other in others
        if other is not value and (id(other.base) in tasks if isinstance(other, Task) else other in instances)
    }


def _functions(module: ModuleType) -> list[str]:
    return [
        name
        for name, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == module.__name__ and not _required_parameters(value)
    ]


class _Identities:
    """Membership by identity."""

    def __init__(self, values: Iterable[Any]) -> None:
        self._ids = set(map(id, values))

    def __contains__(self, value: Any) -> bool:
        return id(value) in self._ids


__all__ = ["Place", "find_engine", "find_target", "parse_place"]
