"""The scopes in which the model evaluates, the values that only it has, and what it refuses."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any, Final

from .account import Outcome
from .programs import Block, Expr, Ref
from .values import Fault, fault_of, freeze

LARGEST: Final = 250
"""Calls of the largest program that is not rejected."""


LONGEST: Final = 1_000
"""Characters of the longest arguments of a call that are not rejected: in a loop, values can double at each step."""


class Undefined(Exception):
    """What this program does is not defined, or it is too large to be of use."""


class Failure:
    """The value of a mapped item that failed. Named like the engine's, as the name is in messages."""

    def __init__(self, error: Fault, index: int) -> None:
        self.error = error
        self.index = index

    def __bool__(self) -> bool:
        return False


class Scope:
    """One step: its block, the arguments that the block can see, and the nodes evaluated so far."""

    def __init__(self, block: Block, arguments: Mapping[str, Any], base: int, is_outermost: bool = False) -> None:
        self.block = block
        self.arguments = arguments
        self.base = base
        self.is_outermost = is_outermost
        self.known: dict[Any, Outcome] = {}

    def resolved(self, expression: Expr) -> Expr:
        """The expression behind a binding."""
        while isinstance(expression, Ref):
            expression = self.block.bindings[expression.index]
        return expression


def resource_value(name: str) -> str:
    """What a consumer of a resource gets."""
    return f"resource {name}"


def differ_though_equal(values: list[Any]) -> bool:
    """Whether two values are one member of a set, but not the same to a program (1 and True)."""
    return any(one == other and freeze(one) != freeze(other) for one, other in combinations(values, 2))


def hash_fault(value: Any) -> Fault | None:
    """The error of putting a value into a set, if it has no hash."""
    try:
        hash(value)
    except TypeError as error:
        return fault_of(error)
    return None


__all__ = [
    "LARGEST",
    "LONGEST",
    "Failure",
    "Scope",
    "Undefined",
    "differ_though_equal",
    "hash_fault",
    "resource_value",
]
