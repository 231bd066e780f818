"""`as_json`: any value as something that JSON can hold, without ever failing.

A program that reads a result should find numbers, texts, lists and objects where the value has them. What JSON has no
form for is text: dates and paths as usual, not-a-number and infinity by their names, whole numbers that Python does not
write in decimal because of their length in hexadecimal, everything else by its ``repr``.
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
import math
import os
from collections.abc import Mapping, Set
from typing import Any, Final

_DEEPEST: Final = 100
_ELLIPSIS: Final = "…"
_MOST_BITS: Final = 14_000
"""About 4,200 decimal digits; Python refuses to write more than 4,300."""


def as_json(value: Any) -> Any:
    """The value as dicts with texts as keys, lists, texts, numbers, truth values and ``None``.

    A container inside itself, and what lies deeper than 100 containers, is an ellipsis.
    """
    return _convert(value, ())


def _convert(value: Any, around: tuple[int, ...]) -> Any:
    try:
        return _converted(value, around)
    except Exception:  # the user's own code: a message, an attribute, the items of a container
        return _shown(value)


def _converted(value: Any, around: tuple[int, ...]) -> Any:
    if isinstance(value, enum.Enum):
        return _convert(value.value, around)
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        return hex(value)
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, BaseException):
        return {"type": type(value).__qualname__, "message": str(value)}
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if id(value) in around or len(around) >= _DEEPEST:
        return _ELLIPSIS
    around = (*around, id(value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value)]
        return {name: _convert(getattr(value, name, None), around) for name in names}
    if isinstance(value, Mapping):
        return {_key(key): _convert(item, around) for key, item in value.items()}
    if isinstance(value, (list, tuple, Set)):
        return [_convert(item, around) for item in value]
    as_list = getattr(value, "tolist", None)  # arrays and their scalars
    return _convert(as_list(), around) if callable(as_list) else _shown(value)


def _key(key: Any) -> str:
    return key if type(key) is str else str(_convert(key, ()))


def _shown(value: Any) -> str:
    try:
        return repr(value)
    except Exception as error:  # the user's own code
        return f"<{type(value).__qualname__}, whose repr raises {type(error).__name__}>"


__all__ = ["as_json"]
