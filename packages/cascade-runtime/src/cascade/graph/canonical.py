"""A typed canonical digest of plain data: equal exactly for values of the same types and contents.

Used where a wrong answer would be silent: to merge equal calls of pure tasks, and as cache keys. So it is typed (1, 1.0
and True differ; ``[1]`` and ``(1,)`` differ), it reads all of an array, and what has no stable content is refused with
its path instead of being hashed by ``repr`` or by address. The order of a dict counts, because a task can see it.

Every value is written as ``tag, length, bytes``, so no two different values have one encoding. Types defined inside a
function cannot be told apart by name; they get a token that is valid in this process only.
"""

from __future__ import annotations

import dataclasses
import enum
import itertools
import os
import struct
import sys
from collections.abc import Callable
from hashlib import blake2b
from typing import Any, Final
from weakref import WeakKeyDictionary

from cascade.spec.errors import UnhashableValueError
from cascade.spec.task import Task

DIGEST_BYTES: Final = 20
_DEPTH_LIMIT: Final = 200

_HOOK: Final = "__cascade_hash__"
_PROCESS_TOKEN: Final = os.urandom(16).hex()
_numbers = itertools.count(1)
_local_numbers: WeakKeyDictionary[object, int] = WeakKeyDictionary()


def canonical_digest(value: Any, path: str = "value") -> bytes:
    """The digest of a value.

    Args:
        value: Plain data: numbers, text, bytes, dates, paths, enums, builtin containers, dataclasses, named tuples,
            NumPy arrays, tasks, importable classes and functions, and types with ``__cascade_hash__``.
        path: What the value is called in an error.

    Raises:
        UnhashableValueError: Something in the value has no stable content.

    Example:
        >>> canonical_digest([1]) == canonical_digest((1,))
        False
    """
    return blake2b(_encode(value, path, 0), digest_size=DIGEST_BYTES).digest()


def _encode(value: Any, path: str, depth: int) -> bytes:
    if depth > _DEPTH_LIMIT:
        raise UnhashableValueError(path, value)
    kind = type(value)
    encode = _ENCODERS.get(kind) or _ENCODERS_BY_NAME.get(f"{kind.__module__}.{kind.__qualname__}")
    if encode is not None:
        return encode(value, path, depth + 1)
    hook = getattr(kind, _HOOK, None)
    if hook is not None:
        return _framed(f"hook {_type_name(kind)}", _encode(hook(value), path, depth + 1))
    if isinstance(value, enum.Enum):
        # A flag without members has no name, and one of several has no single one: the value tells them apart.
        return _framed(f"enum {_type_name(kind)}", _encode(value.value, f"{path}.value", depth + 1))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _encode_record(value, path, depth + 1)
    if isinstance(value, tuple) and hasattr(kind, "_fields"):
        parts = [_encode(getattr(value, name), f"{path}.{name}", depth + 1) for name in kind._fields]
        return _framed(f"named tuple {_type_name(kind)}", *parts)
    if isinstance(value, os.PathLike) and kind.__module__.partition(".")[0] == "pathlib":
        return _framed(f"path {_type_name(kind)}", os.fsencode(value))
    if isinstance(value, Task):
        return _framed("task", task_identity(value).encode())
    numpy = sys.modules.get("numpy")
    # Not a subclass of arrays: a masked array has content that its bytes do not show.
    if numpy is not None and (kind is numpy.ndarray or isinstance(value, numpy.generic)):
        return _encode_array(value, path, depth + 1)
    if isinstance(value, type) or callable(value):
        return _encode_importable(value, path)
    raise UnhashableValueError(path, value)


def _framed(tag: str, *parts: bytes) -> bytes:
    """A tag and parts, each with its length, so that no boundary can be mistaken."""
    head = tag.encode()
    chunks = [len(head).to_bytes(4, "big"), head, len(parts).to_bytes(8, "big")]
    for part in parts:
        chunks += (len(part).to_bytes(8, "big"), part)
    return b"".join(chunks)


def _type_name(kind: type) -> str:
    name = f"{_module_name(kind.__module__)}.{kind.__qualname__}"
    if "<locals>" not in kind.__qualname__:
        return name
    return f"{name}#{_PROCESS_TOKEN}.{_number(kind)}"


def _number(local: object) -> int:
    return _local_numbers.setdefault(local, next(_numbers))  # in one go: threads may ask at the same time


def _module_name(module: str) -> str:
    """The module's name; two scripts are both called ``__main__``, so a script goes by its file."""
    if module != "__main__":
        return module
    return f"__main__:{getattr(sys.modules.get(module), '__file__', _PROCESS_TOKEN)}"


def _plain(tag: str, write: Callable[[Any], bytes]) -> Callable[[Any, str, int], bytes]:
    return lambda value, _path, _depth: _framed(tag, write(value))


def _sequence(tag: str) -> Callable[[Any, str, int], bytes]:
    def encode(value: Any, path: str, depth: int) -> bytes:
        return _framed(tag, *(_encode(item, f"{path}[{index}]", depth) for index, item in enumerate(value)))

    return encode


def _set(tag: str) -> Callable[[Any, str, int], bytes]:
    def encode(value: Any, path: str, depth: int) -> bytes:
        return _framed(tag, *sorted(_encode(item, f"{path}{{…}}", depth) for item in value))

    return encode


def _encode_dict(value: dict[Any, Any], path: str, depth: int) -> bytes:
    parts = []
    for key, item in value.items():
        shown = _shown(key)
        parts.append(_encode(key, f"{path} key {shown}", depth))
        parts.append(_encode(item, f"{path}[{shown}]", depth))
    return _framed("dict", *parts)


def _shown(key: Any) -> str:
    try:
        return f"{key!r:.40}"
    except Exception:  # the key's own code; Python's own refuses to write very large numbers
        return f"<{type(key).__name__}>"


def _encode_record(value: Any, path: str, depth: int) -> bytes:
    if isinstance(value, (list, tuple, dict, set, frozenset)):
        raise UnhashableValueError(path, value)  # it has items beside its fields
    # Attributes that are no fields count, too; a field can be missing (init=False), which is not None.
    names = dict.fromkeys(field.name for field in dataclasses.fields(value))
    names.update(dict.fromkeys(sorted(getattr(value, "__dict__", {}))))
    parts = []
    for name in names:
        if hasattr(value, name):
            parts.append(name.encode())
            parts.append(_encode(getattr(value, name), f"{path}.{name}", depth))
    return _framed(f"record {_type_name(type(value))}", *parts)


def _encode_array(value: Any, path: str, depth: int) -> bytes:
    if value.dtype.hasobject:
        return _framed("object array", repr(value.shape).encode(), _encode(value.tolist(), path, depth))
    tag = f"array {type(value).__qualname__}"
    return _framed(tag, repr(value.dtype.descr).encode(), repr(value.shape).encode(), value.tobytes())


def _encode_importable(value: Any, path: str) -> bytes:
    """A class or function, if its name leads back to it: then the name says what it is."""
    module, qualname = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    found: Any = sys.modules.get(module) if isinstance(module, str) else None
    for part in str(qualname).split("."):
        found = getattr(found, part, None)
    if found is not value:
        raise UnhashableValueError(path, value)
    return _framed("importable", f"{_module_name(str(module))}:{qualname}".encode())


def task_identity(task: Task[..., Any]) -> str:
    """The text that names a task in keys: module, qualified name and version.

    A function made inside another cannot be told from its namesakes by name, so it gets a token of this process.
    """
    local = f"#{_PROCESS_TOKEN}.{_number(task.base)}" if "<" in task.qualname else ""
    return f"{_module_name(task.module)}:{task.qualname}{local}:{task.version}"


def _encode_time(value: Any, _path: str, _depth: int) -> bytes:
    offset = None if value.tzinfo is None else value.utcoffset()
    text = f"{value.isoformat()}|{value.fold}|{value.tzinfo!s}|{offset!r}"
    return _framed(type(value).__name__, text.encode())


_ENCODERS: Final[dict[type, Callable[[Any, str, int], bytes]]] = {
    type(None): _plain("none", lambda _: b""),
    type(...): _plain("ellipsis", lambda _: b""),
    bool: _plain("bool", lambda value: b"1" if value else b"0"),
    int: _plain("int", lambda value: b"%x" % value if value >= 0 else b"-%x" % -value),
    float: _plain("float", lambda value: struct.pack(">d", value)),
    complex: _plain("complex", lambda value: struct.pack(">dd", value.real, value.imag)),
    str: _plain("str", lambda value: value.encode("utf-8", "surrogatepass")),
    bytes: _plain("bytes", lambda value: value),
    bytearray: _plain("bytearray", bytes),
    range: _plain("range", lambda value: repr(value).encode()),
    slice: lambda value, path, depth: _framed(
        "slice", *(_encode(part, path, depth) for part in (value.start, value.stop, value.step))
    ),
    list: _sequence("list"),
    tuple: _sequence("tuple"),
    set: _set("set"),
    frozenset: _set("frozenset"),
    dict: _encode_dict,
}

# By name, so that nobody pays for importing modules whose types are not in use.
_ENCODERS_BY_NAME: Final[dict[str, Callable[[Any, str, int], bytes]]] = {
    "decimal.Decimal": _plain("decimal", lambda value: repr(value.as_tuple()).encode()),
    "fractions.Fraction": _plain("fraction", lambda value: f"{value.numerator}/{value.denominator}".encode()),
    "datetime.datetime": _encode_time,
    "datetime.time": _encode_time,
    "datetime.date": _plain("date", lambda value: value.isoformat().encode()),
    "datetime.timedelta": _plain("timedelta", lambda value: repr(value).encode()),
    "uuid.UUID": _plain("uuid", lambda value: value.bytes),
}

__all__ = ["DIGEST_BYTES", "canonical_digest", "task_identity"]
