"""`find_target`: what of a module is run.

A target is something lazy, a container of lazy things, a task that can be called without arguments, or a function that
returns one of these. Without a name it is ``main``, or else the only candidate (see `cascade.workflow.cli.candidates`).
"""

from __future__ import annotations

import difflib
import inspect
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NamedTuple

from cascade.graph.operands import KINDS, holds_stand_in
from cascade.runtime.engine import Engine
from cascade.spec.stand_in import StandIn
from cascade.spec.task import Task
from cascade.workflow.cli.candidates import candidates, missing_arguments
from cascade.workflow.cli.faults import bad_input
from cascade.workflow.cli.tracebacks import describe_error

DEFAULT_NAME: Final = "main"
ENGINE_NAME: Final = "engine"


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
    """Take ``FILE[:TARGET]`` apart. The name of a file that exists may have a colon in it."""
    file, _, name = text.rpartition(":")
    # What follows the drive on Windows ("C:\flow.py") is no name.
    is_name = all(part.isidentifier() for part in name.split("."))
    if not file or not is_name or Path(text).exists():
        return Place(Path(text), None)
    return Place(Path(file), name)


def find_target(module: ModuleType, place: Place) -> Any:
    """The target, ready to be run.

    Raises:
        Fault: There is none of this name, it cannot be run, or it is not clear what is meant.
    """
    if place.name is not None:
        return _runnable(_named(module, place, place.name), place.name)
    if hasattr(module, DEFAULT_NAME):
        return _runnable(getattr(module, DEFAULT_NAME), DEFAULT_NAME)
    found = candidates(module)
    if not found:
        raise bad_input(
            f"{place} has nothing to run: no {DEFAULT_NAME!r}, and at its top level no lazy result and no task without "
            "required parameters"
        )
    name = next(iter(found))
    if len(found) > 1:
        raise bad_input(
            f"{place} has no {DEFAULT_NAME!r}, and several things that can be run: {', '.join(found)}. "
            f"Say which, for example {place}:{name}"
        )
    return _runnable(found[name], name)


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
            known = list(candidates(module))
            close = difflib.get_close_matches(name, vars(module), n=1)
            hint = f"Did you mean {close[0]!r}? " if close else ""
            listed = ", ".join(known) or "nothing"
            raise bad_input(f"{place.file.name} has no {name!r}. {hint}Of what it has, can be run: {listed}") from None
    return value


def _runnable(value: Any, name: str) -> Any:
    """Something lazy, of what a name stands for."""
    if isinstance(value, Task):
        fault = missing_arguments(value)
        if fault is not None:
            raise bad_input(
                f"{fault}. A task that is run from here needs a default for each parameter, such as Param(…)", fault
            )
        return value()
    if _is_lazy(value):
        return value
    if not callable(value) or isinstance(value, type):
        raise bad_input(
            f"{name} is {value!r:.80}, which cannot be run; a target is a lazy result, a container of lazy results, a "
            "task, or a function that returns one of them"
        )
    returned = _call(value, name)
    if not _is_lazy(returned):
        raise bad_input(
            f"{name}() returned {returned!r:.80}, in which there is nothing to run; it should return the lazy result "
            "instead of running it"
        )
    return returned


def _call(function: Any, name: str) -> Any:
    try:
        inspect.signature(function).bind()
    except TypeError as error:
        raise bad_input(f"{name}() cannot be called from here: {error}", error) from None
    if inspect.iscoroutinefunction(function):
        raise bad_input(f"{name}() is async; make a task of it, with @task")
    try:
        returned = function()
    except Exception as error:
        raise bad_input(f"{name}() raised instead of returning a target:\n{describe_error(error)}", error) from None
    return _runnable(returned, name) if isinstance(returned, Task) else returned


def _is_lazy(value: Any) -> bool:
    return isinstance(value, StandIn) or (KINDS[type(value)] is not None and holds_stand_in(value))


__all__ = ["ENGINE_NAME", "Place", "find_engine", "find_target", "parse_place"]
