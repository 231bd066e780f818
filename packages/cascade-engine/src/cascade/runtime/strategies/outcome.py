"""What a value that a task returned means: a result, or a call of more tasks.

A lazy result is a call, and so is a builtin container, a dataclass or a named tuple with one at its top level, a
coroutine that a sync function returned, and everything else that stands for a value. All of these are evaluated before
anybody sees them. The top level only: to search every value to its depth would cost more than most tasks. A value
wrapped in ``literal`` is not looked into at all.
"""

from __future__ import annotations

import dataclasses
from types import CoroutineType
from typing import Any

from cascade.graph.operands import KINDS
from cascade.spec.common import LiteralValue
from cascade.spec.stand_in import StandIn

_EVALUATED = (StandIn, LiteralValue, CoroutineType)


def is_call(value: Any) -> bool:
    """Whether the value must be evaluated further. Only asked for types that `KINDS` knows a reader for."""
    if issubclass(type(value), _EVALUATED):  # not what it says of its class
        return True
    if isinstance(value, dict):
        return _any_call(value) or _any_call(value.values())
    if dataclasses.is_dataclass(value) and not isinstance(value, (list, tuple, set, frozenset)):
        return any(
            issubclass(type(getattr(value, field.name, None)), _EVALUATED) for field in dataclasses.fields(value)
        )
    return _any_call(value)


def _any_call(values: Any) -> bool:
    # One pass in C over the types; then only the few types that have a reader are looked at.
    return any(KINDS[kind] is not None and issubclass(kind, _EVALUATED) for kind in set(map(type, values)))


__all__ = ["is_call"]
