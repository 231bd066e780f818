"""Classes that can be found by their names, for values that are stored; and when two values are the same."""

from __future__ import annotations

import enum
import struct
from collections import deque
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Generic, NamedTuple, TypedDict, TypeVar

import numpy as np

T = TypeVar("T")


class Colour(enum.Enum):
    RED = 1
    GREEN = "green"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Access(enum.Flag):
    READ = enum.auto()
    WRITE = enum.auto()


class Point(NamedTuple):
    x: float
    y: float = 0.0


@dataclass
class Order:
    items: list[Any]
    colour: Colour = Colour.RED


@dataclass(frozen=True, slots=True)
class Frozen:
    name: str
    level: Level = Level.LOW


@dataclass
class Derived:
    """Its constructor adds up what it is given; to run it twice would add twice."""

    given: int
    total: int = field(init=False)
    constructed: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.given += 1
        self.total = 10 * self.given
        self.constructed += 1


@dataclass
class Box(Generic[T]):
    content: T


@dataclass
class Tree:
    children: list[Tree]
    label: Point | None = None


class Settings(TypedDict):
    access: Access
    tree: Tree


class Replaced(NamedTuple):
    x: int


def same(left: Any, right: Any) -> bool:
    """Whether two values have equal types and contents, all the way down."""
    if type(left) is not type(right):
        return False
    if isinstance(left, float) and not isinstance(left, np.generic):
        return struct.pack(">d", left) == struct.pack(">d", right) or (left != left and right != right)
    if isinstance(left, complex) and not isinstance(left, np.generic):
        return same(left.real, right.real) and same(left.imag, right.imag)
    if isinstance(left, np.ndarray):
        return bool(left.dtype == right.dtype and left.shape == right.shape and left.tobytes() == right.tobytes())
    if isinstance(left, np.generic):
        return bool(left.dtype == right.dtype and left.tobytes() == right.tobytes())
    if isinstance(left, dict):
        return same(list(left.items()), list(right.items()))
    if isinstance(left, list | tuple | deque):
        return len(left) == len(right) and all(same(*pair) for pair in zip(left, right, strict=True))
    if isinstance(left, set | frozenset):
        return len(left) == len(right) and all(any(same(one, other) for other in right) for one in left)
    if isinstance(left, slice):
        return same((left.start, left.stop, left.step), (right.start, right.stop, right.step))
    if is_dataclass(left):
        return all(same(getattr(left, field.name), getattr(right, field.name)) for field in fields(left))
    if type(left).__name__ == "Decimal":
        return bool(left.as_tuple() == right.as_tuple())
    if type(left).__name__ in ("datetime", "time"):
        zones = same(left.tzinfo, right.tzinfo) if left.tzinfo is None else left.tzinfo == right.tzinfo
        return bool(zones and left.replace(tzinfo=None) == right.replace(tzinfo=None) and left.fold == right.fold)
    return bool(left == right)
