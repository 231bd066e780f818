"""Which classes annotations name: through generics, unions, ``Annotated``, ``Literal``, aliases and type variables.

Annotations can be anything, text that cannot be evaluated included. Nothing here fails because of one: what cannot be
understood is passed over.
"""

from __future__ import annotations

import functools
import inspect
import sys
import typing
from collections.abc import Callable, Iterable, Iterator
from typing import Any


def task_hints(fn: Callable[..., Any]) -> list[Any]:
    """The annotations of the parameters and the result of a task's function."""
    while isinstance(fn, functools.partial):
        fn = fn.func
    if not (inspect.isroutine(fn) or isinstance(fn, type)):
        fn = type(fn).__call__  # a callable object
    fn = inspect.unwrap(fn)
    return _hints(fn, getattr(fn, "__globals__", {}))


def class_hints(cls: type) -> list[Any]:
    """The annotations of the fields of a class and its bases."""
    return _hints(cls, getattr(sys.modules.get(cls.__module__), "__dict__", {}))


def classes_in(hints: Iterable[Any]) -> Iterator[type]:
    """The classes that annotations are made of; the origin of a generic is one of them."""
    waiting = list(hints)
    seen: set[int] = set()
    while waiting:
        hint = waiting.pop()
        if id(hint) in seen:  # an alias may contain itself
            continue
        seen.add(id(hint))
        origin = typing.get_origin(hint)
        if origin is typing.Literal:
            waiting.extend(type(value) for value in typing.get_args(hint))
        elif origin is typing.Annotated:
            waiting.append(typing.get_args(hint)[0])
        elif origin is not None:
            waiting += (origin, *typing.get_args(hint))
        elif isinstance(hint, type):
            yield hint
        elif isinstance(hint, list):  # the parameters of a Callable
            waiting += hint
        else:
            waiting += _inside(hint)


def _inside(hint: Any) -> list[Any]:
    """What stands behind a new type, a type variable, or an alias."""
    inside: list[Any] = [getattr(hint, "__supertype__", None), getattr(hint, "__bound__", None)]
    inside += getattr(hint, "__constraints__", ())
    try:
        inside.append(getattr(hint, "__value__", None))
    except Exception:  # it is evaluated now: the program's own code
        pass
    return [found for found in inside if found is not None]


def _hints(owner: Any, names: dict[str, Any]) -> list[Any]:
    try:
        return list(typing.get_type_hints(owner, include_extras=True).values())
    except Exception:  # one annotation that cannot be evaluated; the others may be fine
        return [hint for annotation in _annotations(owner).items() for hint in _hint(*annotation, names)]


def _annotations(owner: Any) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for holder in reversed(owner.__mro__) if isinstance(owner, type) else (owner,):
        merged.update(getattr(holder, "__annotations__", None) or {})
    return merged


def _hint(name: str, annotation: Any, names: dict[str, Any]) -> list[Any]:
    holder = type("Holder", (), {"__annotations__": {name: annotation}})
    try:
        return list(typing.get_type_hints(holder, globalns=names, include_extras=True).values())
    except Exception:  # the program's own code, or text that is none
        return []


__all__ = ["class_hints", "classes_in", "task_hints"]
