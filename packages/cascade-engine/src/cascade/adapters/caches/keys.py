"""`call_key`: the key of a call, one for all caches.

A key says which function was called, and with what: ``qualname:digest``, the name for people and the digest for the
rest. The digest covers the task's identity (module, qualified name, version) and the typed canonical digest of the
arguments *as the function sees them*: bound to its parameters, defaults included. So ``f(1, b=2)`` and ``f(b=2, a=1)``
have one key, and so has ``f(1)`` if ``b`` defaults to 2; while 1, 1.0 and True, or ``[1]`` and ``(1,)``, have different
ones. The order of the members of ``**kwargs`` counts: the function can see it.

Where the name does not say everything, more goes in: what a partial has bound, the object of a bound method, a callable
object itself. A function that is not what its name leads to (one made inside another, or replaced by a namesake) gets a
key that is valid in this process only: never a wrong hit, at the price of a miss in the next process. What is *not* in
the key is the code: change the task's ``version`` when the function changes its mind.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import os
import re
import sys
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any, Final
from weakref import WeakKeyDictionary

from cascade.graph.canonical import canonical_digest, task_identity
from cascade.spec.task import Task

_PROCESS: Final = os.urandom(16).hex()
_numbers = itertools.count(1)
_namesakes: WeakKeyDictionary[Task[..., Any], int] = WeakKeyDictionary()

_LONGEST_NAME: Final = 60


def call_key(task: Task[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    """The key of a call.

    Raises:
        UnhashableValueError: An argument has no stable hash; the path begins with ``args[place]`` or the name of the
            parameter.

    Example:
        >>> from cascade.spec.task import task
        >>> @task
        ... def power(base: int, exponent: int = 2) -> int:
        ...     return base**exponent
        >>> call_key(power, (3,), {}) == call_key(power, (), {"exponent": 2, "base": 3})
        True
    """
    task = task.base
    subject = _subject(task)
    signature = task.call_signature.signature
    if signature is None:  # a builtin that does not tell its parameters
        arguments = {**{f"args[{place}]": value for place, value in enumerate(args)}, **kwargs}
    else:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        arguments = bound.arguments
    places = {task.call_signature.parameter_of(place): f"args[{place}]" for place in range(len(args))}
    digests = [(name, canonical_digest(value, places.get(name, name))) for name, value in arguments.items()]
    return f"{task.qualname}:{canonical_digest((subject, digests)).hex()}"


def name_in(key: str) -> str:
    """The task's qualified name, which a key begins with."""
    return key.rpartition(":")[0]


def file_name(key: str) -> str:
    """A key as a part of a file name."""
    name, _, digest = key.rpartition(":")
    return f"{re.sub(r'[^A-Za-z0-9_.-]+', '_', name)[-_LONGEST_NAME:].lstrip('.')}-{digest}"


def _subject(task: Task[..., Any]) -> tuple[object, ...]:
    """What is called: the identity of the task, and what the function's name does not say."""
    parts: list[object] = [task_identity(task)]
    function: Any = task.fn
    while isinstance(function, functools.partial):
        parts += (function.args, function.keywords)
        function = function.func
    owner = getattr(function, "__self__", None)
    if owner is not None and not isinstance(owner, ModuleType):
        parts.append(canonical_digest(owner, f"the object of {task.name}"))
    elif not hasattr(function, "__qualname__"):
        parts.append(canonical_digest(function, f"the callable {task.name}"))
    elif _is_replaced(task, function):
        parts.append(f"{_PROCESS}.{_namesakes.setdefault(task, next(_numbers))}")
    return tuple(parts)


def _is_replaced(task: Task[..., Any], function: Any) -> bool:
    """Whether the name leads to something else. A module that is not there proves nothing: the name is believed."""
    found: Any = sys.modules.get(task.module)
    for part in task.qualname.split("."):
        if found is None:
            return False
        found = inspect.getattr_static(found, part, None)
    if isinstance(found, (staticmethod, classmethod)):
        found = found.__func__
    if isinstance(found, Task):
        found = found.fn
        while isinstance(found, functools.partial):
            found = found.func
    return found is not None and found is not function


__all__ = ["call_key", "file_name", "name_in"]
