"""What names and attributes mean, without running anything.

Names are looked up where Python would look: in the closure, the globals, the builtins. Attributes are read from what is
stored, never through ``__getattr__`` or a property, which would be the program's own code. A name that is rebound later
is seen as it is when the source is first asked about.
"""

from __future__ import annotations

import functools
import inspect
from types import FunctionType, MethodType, ModuleType
from typing import Any, Final, NamedTuple, cast

from cascade.graph.analysis.values import UNKNOWN, Instance, Known, Partial, Value, Values, is_a, known
from cascade.spec.task import Task

_LONGEST_CHAIN: Final = 50
MISSING: Final = object()
"""There is no such attribute."""


class Subject(NamedTuple):
    """The function whose source is read.

    Attributes:
        function: The function inside of partials, methods and decorators.
        args: Its first arguments, if they are given.
    """

    function: Any  # a FunctionType, which type checkers would bind like a method
    args: tuple[Values, ...] = ()


def subject_of(task: Task[..., Any]) -> Subject | None:
    """The function of a task; ``None`` if it is not written in Python."""
    subject = unwrapped(task.fn)
    path = task.qualname.split(".")[:-1]
    is_method = task._binding is not None and bool(path) and path[-1] != "<locals>"
    if subject is None or subject.args or not is_method:
        return subject
    owner = _owner(task, path, subject.function)
    if owner is not None and task._binding == "class":
        return Subject(subject.function, (known(owner),))
    return Subject(subject.function, (frozenset({Instance(owner, task)}),))


def unwrapped(function: Any) -> Subject | None:
    """The function inside of partials, methods, decorators and callable objects."""
    args: tuple[Values, ...] = ()
    for _ in range(_LONGEST_CHAIN):
        if is_a(function, functools.partial):
            args = (*map(known, function.args), *args)
            function = function.func
        elif is_a(function, MethodType):
            args = (known(function.__self__), *args)
            function = function.__func__
        elif is_a(function, Task):
            function = function.fn
        elif is_a(function, FunctionType):
            inner = function.__dict__.get("__wrapped__")
            if inner is None:
                return Subject(function, args)
            function = inner
        else:
            inner = stored_attribute(type(function), "__call__")
            if not is_a(inner, FunctionType):
                return None
            args = (known(function), *args)
            function = inner
    return None


def free_name(function: FunctionType, name: str) -> Values:
    """What a name that is not local means in a function."""
    freevars = function.__code__.co_freevars
    if name in freevars and function.__closure__ is not None:
        try:
            return known(function.__closure__[freevars.index(name)].cell_contents)
        except ValueError:  # not yet bound
            return UNKNOWN
    builtins: dict[str, Any] = cast(Any, function).__builtins__  # newer than some stubs
    for namespace in (function.__globals__, builtins):
        found = namespace.get(name, MISSING)
        if found is not MISSING:
            return known(found)
    return UNKNOWN


def attribute_of(value: Value, name: str) -> Values:
    """An attribute of a known object or of an instance of a known class."""
    if isinstance(value, Instance):
        if value.kind is None:
            # A class inside a function cannot be found by its name; the method itself can.
            is_own = name == value.own.qualname.rpartition(".")[2]
            return known(value.own) if is_own else UNKNOWN
        return _bound(stored_attribute(value.kind, name), value, value.kind)
    if not isinstance(value, Known):
        return UNKNOWN
    owner = value.object
    if is_a(owner, ModuleType):
        found = vars(owner).get(name, MISSING)
        return UNKNOWN if found is MISSING else known(found)
    found = stored_attribute(owner, name)
    if is_a(owner, type):
        return _bound(found, None, owner)
    return _bound(found, value, type(owner))


def _bound(found: Any, instance: Value | None, owner: type) -> Values:
    """What reading a class attribute gives."""
    if found is MISSING or is_a(found, property):
        return UNKNOWN
    if is_a(found, staticmethod):
        return known(found.__func__)
    if is_a(found, classmethod):
        return frozenset({Partial(known(found.__func__), (known(owner),))})
    if is_a(found, FunctionType) and instance is not None:
        return frozenset({Partial(known(found), (frozenset({instance}),))})
    return known(found)


def stored_attribute(owner: Any, name: str) -> Any:
    """An attribute as it is stored; nothing of the program runs."""
    try:
        return inspect.getattr_static(owner, name, MISSING)
    except Exception:  # objects that are made to be unreadable
        return MISSING


def _owner(task: Task[..., Any], path: list[str], function: FunctionType) -> type | None:
    """The class whose method a task is, if it can be found by its name: a class inside a function cannot."""
    found = function.__globals__.get(path[0])
    for part in path[1:]:
        found = stored_attribute(found, part)
    if not is_a(found, type):
        return None
    member = stored_attribute(found, task.qualname.rpartition(".")[2])
    return found if is_a(member, Task) and member.base is task.base else None


__all__ = ["MISSING", "Subject", "attribute_of", "free_name", "stored_attribute", "subject_of", "unwrapped"]
