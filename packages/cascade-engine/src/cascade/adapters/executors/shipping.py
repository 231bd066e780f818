"""What is sent to a worker process and back: references to functions, arguments, context variables, outcomes.

A function is sent as module and qualified name, because the decorator has put a task in its place, and pickle would
look for the function there. So what has no such name (a lambda, a function inside another) is refused, with its name.
Pickle is safe here: both ends are the same program.
"""

from __future__ import annotations

import contextvars
import importlib
import importlib.util
import inspect
import pickle
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from cascade.spec.errors import NotShippableError
from cascade.spec.task import Task


class Reference(NamedTuple):
    """Where a function is found.

    Attributes:
        module: The module's name.
        qualname: The function's qualified name in it.
        file: The module's file, for modules that were loaded from a path that is not on ``sys.path``.
    """

    module: str
    qualname: str
    file: str | None


def refer(task: Task[..., Any]) -> Reference:
    """The reference to a task's function.

    Raises:
        NotShippableError: The name does not lead back to it.
    """
    module = sys.modules.get(task.module)
    found: Any = module
    for part in task.qualname.split("."):
        found = None if found is None else inspect.getattr_static(found, part, None)
    if not _same_function(found, task):
        raise NotShippableError(
            f"task {task.name!r} of mode 'process' is {task.module}.{task.qualname}, which another process cannot "
            "import: define it at the top level of a module (no lambda, no function inside a function)"
        )
    return Reference(task.module, task.qualname, getattr(module, "__file__", None))


def _same_function(found: Any, task: Task[..., Any]) -> bool:
    if isinstance(found, (staticmethod, classmethod)):
        found = found.__func__
    return found is task.fn or (isinstance(found, Task) and found.fn is task.fn)


def resolve(reference: Reference) -> Callable[..., Any]:
    """The function, in the worker process."""
    target: Any = _module(reference)
    for part in reference.qualname.split("."):
        target = inspect.getattr_static(target, part)
    if isinstance(target, (staticmethod, classmethod)):
        target = target.__func__
    function: Callable[..., Any] = target.fn if isinstance(target, Task) else target
    return function


def _module(reference: Reference) -> Any:
    try:
        return importlib.import_module(reference.module)
    except ModuleNotFoundError as error:
        if reference.file is None or error.name != reference.module:
            raise
    spec = importlib.util.spec_from_file_location(reference.module, reference.file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[reference.module] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[reference.module]  # the next call in this worker would find half a module
        raise
    return module


def pack_call(task: Task[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> bytes:
    """A call as bytes.

    Raises:
        NotShippableError: The function or an argument cannot be sent; the message names the argument.
    """
    reference = refer(task)
    try:
        return pickle.dumps((reference, list(args), dict(kwargs), _shippable_context()), pickle.HIGHEST_PROTOCOL)
    except Exception as error:  # the arguments' own code
        places: list[tuple[str, Any]] = [(f"argument {place}", value) for place, value in enumerate(args)]
        places += [(f"argument {name!r}", value) for name, value in kwargs.items()]
        where = next((place for place, value in places if not _can_pickle(value)), "the call")
        raise NotShippableError(f"task {task.name!r} of mode 'process': {where} cannot be pickled: {error}") from error


def run_packed(data: bytes) -> bytes:
    """In the worker process: make a call and pack what came of it."""
    name = "?"
    try:
        reference, args, kwargs, context = pickle.loads(data)
        name = reference.qualname
        # A context of its own: the next call in this worker may be of another run.
        outcome: tuple[bool, Any] = (True, contextvars.Context().run(_call_in, context, reference, args, kwargs))
    except BaseException as error:  # also an exit: it is the run's, not the worker's
        remote = "".join(traceback.format_exception(error))
        with suppress(Exception):  # a frozen dataclass takes no note
            error.add_note(f"in the worker process:\n{remote}")
        outcome = (False, error)
    try:
        packed = pickle.dumps(outcome, pickle.HIGHEST_PROTOCOL)
        pickle.loads(packed)  # an exception class may pickle and then fail to load
        return packed
    except Exception as error:  # the own code of the value or the exception
        what = f"returned a {type(outcome[1]).__qualname__}" if outcome[0] else f"raised {outcome[1]!r:.500}"
        refused = NotShippableError(f"task {name!r} of mode 'process' {what}, which cannot be pickled: {error}")
        return pickle.dumps((False, refused), pickle.HIGHEST_PROTOCOL)


def _call_in(context: list[tuple[str, str, Any]], reference: Reference, args: list[Any], kwargs: dict[str, Any]) -> Any:
    for module, attribute, value in context:
        getattr(importlib.import_module(module), attribute).set(value)
    return resolve(reference)(*args, **kwargs)


def unpack_outcome(data: bytes) -> Any:
    """The value, or the exception raised here."""
    succeeded, value = pickle.loads(data)
    if succeeded:
        return value
    raise value


_variable_names: dict[contextvars.ContextVar[Any], tuple[str, str] | None] = {}


def _shippable_context() -> list[tuple[str, str, Any]]:
    """The context variables that another process can find (module, attribute) and whose values can be sent."""
    shippable = []
    for variable, value in contextvars.copy_context().items():
        if variable not in _variable_names:
            _variable_names[variable] = _find_variable(variable)
        name = _variable_names[variable]
        if name is not None and _can_pickle(value):
            shippable.append((*name, value))
    return shippable


def _find_variable(variable: contextvars.ContextVar[Any]) -> tuple[str, str] | None:
    for module_name, module in list(sys.modules.items()):
        for attribute, value in list(getattr(module, "__dict__", {}).items()):
            if value is variable:
                return module_name, attribute
    return None


def _can_pickle(value: Any) -> bool:
    try:
        pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    except Exception:  # pickling runs the value's own code
        return False
    return True


__all__ = ["Reference", "pack_call", "refer", "resolve", "run_packed", "unpack_outcome"]
