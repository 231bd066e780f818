"""The values that flow through random programs, and how two of them are compared.

`freeze` turns a value into plain nested tuples that name every type, so ``1``, ``True`` and ``1.0`` differ, and so do a
list and a tuple. A lazy result that leaked into a value is named as such. Works alike on the values of the engine and
on those of the model, whose failures of mapped items are a class of its own.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

MESSAGE_IS_THE_ENGINES: Final = frozenset(
    {"DependencyMissingError", "MapInputError", "MapLengthError", "RouteNotFoundError"}
)
"""Errors that the engine words itself: only their type is compared."""


@dataclass(frozen=True)
class Pair:
    """A frozen dataclass."""

    left: Any
    right: Any


@dataclass
class Box:
    """A dataclass that can be changed, and so has no hash."""

    content: Any


class Spot(NamedTuple):
    """A named tuple."""

    x: Any
    y: Any


class Crate(list[Any]):
    """A subclass of a builtin container."""


class TaskError(Exception):
    """What the tasks of random programs raise."""


class Fault(NamedTuple):
    """An error, as far as it is compared."""

    kind: str
    message: str


def fault_of(error: BaseException) -> Fault:
    """An error as it is compared."""
    kind = type(error).__name__
    return Fault(kind, "" if kind in MESSAGE_IS_THE_ENGINES else str(error))


def freeze(value: Any) -> Any:
    """A value as nested tuples that name all types: equal exactly for values that a program cannot tell apart."""
    kind = type(value).__name__
    if isinstance(value, (list, tuple)):
        return (kind, *map(freeze, value))
    if isinstance(value, (set, frozenset)):
        return (kind, *sorted(map(freeze, value), key=repr))
    if isinstance(value, dict):
        return (kind, *((freeze(key), freeze(item)) for key, item in value.items()))
    if isinstance(value, Pair):
        return (kind, freeze(value.left), freeze(value.right))
    if isinstance(value, Box):
        return (kind, freeze(value.content))
    if kind == "Failure":
        error = value.error
        return (kind, error if isinstance(error, Fault) else fault_of(error), value.index)
    if value is None or isinstance(value, (bool, int, str)):
        return (kind, repr(value))
    return ("LEAKED", kind)


def written(value: Any) -> str:
    """`freeze` as text, whose hash is computed once: for the arguments of calls."""
    return repr(freeze(value))


def checksum(values: Any) -> int:
    """A small number that depends on everything in a value, the types included; the same in every process."""
    return zlib.crc32(written(values).encode()) % 60


CONTAINERS: Final[dict[str, Callable[[list[Any]], Any]]] = {
    "list": list,
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "dict": lambda parts: dict(zip(parts[::2], parts[1::2], strict=True)),
    "pair": lambda parts: Pair(*parts),
    "box": lambda parts: Box(*parts),
    "spot": lambda parts: Spot(*parts),
    "crate": Crate,
}
"""How a container is made of its parts, be they values or lazy results."""

OPERATIONS: Final[dict[str, Callable[[tuple[Any, ...]], Any]]] = {
    "number": lambda values: checksum(values) % 5,
    "truth": lambda values: checksum(values) % 2 == 1,
    "text": lambda values: f"t{checksum(values) % 7}",
    "pair": lambda values: (values[0] if values else None, checksum(values) % 3),
    "listing": list,
    "dict": lambda values: dict(enumerate(values)),
    "spot": lambda values: Spot(checksum(values) % 3, values[-1] if values else None),
    "range": lambda values: list(range(checksum(values) % 4)),
    "none": lambda values: None,
    "same": lambda values: values[0],
}
"""What tasks compute of the values of their parameters."""

__all__ = [
    "CONTAINERS",
    "OPERATIONS",
    "Box",
    "Crate",
    "Fault",
    "Pair",
    "Spot",
    "TaskError",
    "checksum",
    "fault_of",
    "freeze",
    "written",
]
