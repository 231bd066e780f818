"""The codecs of the builtin containers and of common types of the standard library.

A type has a codec under its own name only: a subclass may hold more than its base shows, so it is not written as one.
Modules that a value needs are imported when such a value is met, so that nobody pays for `decimal` without a Decimal.
"""

from __future__ import annotations

import json
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any, Final

from cascade.adapters.serializers.codec import (
    CONTENT,
    TAG,
    Codec,
    Reader,
    Writer,
    expect,
    from_base64,
    is_text,
    to_base64,
)
from cascade.adapters.serializers.refusals import Malformed, Refused

_FACTORIES: Final[dict[str, Any]] = {
    kind.__name__: kind for kind in (list, dict, set, tuple, frozenset, int, float, bool, str, bytes)
}
"""What a ``defaultdict`` may make its values with."""


def _items(value: Iterable[Any], writer: Writer) -> dict[str, Any]:
    return {CONTENT: [writer.write(item, index) for index, item in enumerate(value)]}


def _members(value: Iterable[Any], writer: Writer) -> dict[str, Any]:
    """The members of a set, in an order that does not depend on their hashes."""
    return {CONTENT: sorted((writer.write(item, "{…}") for item in value), key=_text_of)}


def _text_of(node: Any) -> str:
    return json.dumps(node, sort_keys=True)


def _pairs(value: dict[Any, Any], writer: Writer) -> dict[str, Any]:
    content: list[Any] = []
    for key, item in value.items():
        content.append(writer.write(key, (key, True)))
        content.append(writer.write(item, (key,)))
    return {CONTENT: content}


def _write_dict(value: dict[Any, Any], writer: Writer) -> dict[str, Any]:
    if all(type(key) is str and is_text(key) for key in value) and TAG not in value:
        return {key: writer.write(item, (key,)) for key, item in value.items()}
    return {TAG: "dict", **_pairs(value, writer)}


def _read_pairs(node: dict[str, Any], reader: Reader) -> dict[Any, Any]:
    content = reader.read_list(node[CONTENT])
    return dict(zip(content[::2], content[1::2], strict=True))


def _write_deque(value: deque[Any], writer: Writer) -> dict[str, Any]:
    return {"maxlen": value.maxlen, **_items(value, writer)}


def _read_deque(node: dict[str, Any], reader: Reader) -> deque[Any]:
    return deque(reader.read_list(node[CONTENT]), node["maxlen"])


def _write_defaultdict(value: defaultdict[Any, Any], writer: Writer) -> dict[str, Any]:
    factory: Any = value.default_factory
    name = None if factory is None else getattr(factory, "__name__", "")
    if name is not None and _FACTORIES.get(name) is not factory:
        raise Refused(
            f"is a defaultdict of {factory!r:.60}, and a function cannot be stored; use a builtin type or a dict"
        )
    return {"factory": name, **_pairs(value, writer)}


def _read_defaultdict(node: dict[str, Any], reader: Reader) -> defaultdict[Any, Any]:
    name = node["factory"]
    return defaultdict(None if name is None else _FACTORIES[name], _read_pairs(node, reader))


def _read_int(node: dict[str, Any], _reader: Reader) -> int:
    return int(expect(node[CONTENT], str), 16)  # not decimal: Python bounds that, and it takes the square of the length


def _read_float(node: dict[str, Any], _reader: Reader) -> float:
    text = expect(node[CONTENT], str)
    if text not in ("nan", "inf", "-inf"):
        raise Malformed(f"{text!r:.60} is no float")
    return float(text)


def _read_complex(node: dict[str, Any], reader: Reader) -> complex:
    return complex(expect(reader.read(node["real"]), float), expect(reader.read(node["imag"]), float))


def _parts(*names: str) -> Callable[[Any, Writer], dict[str, Any]]:
    """Writes some attributes."""
    return lambda value, writer: {name: writer.write(getattr(value, name), f".{name}") for name in names}


def _as(convert: Callable[[Any], str]) -> Callable[[Any, Writer], dict[str, Any]]:
    """Writes a text that says everything."""
    return lambda value, writer: {CONTENT: writer.write(convert(value))}


def _from(module: str, name: str) -> Callable[[dict[str, Any], Reader], Any]:
    """Reads a text by the constructor of a class that is only imported now."""

    def read(node: dict[str, Any], reader: Reader) -> Any:
        make = getattr(import_module(module), name)
        return make(expect(reader.read(node[CONTENT]), str))

    return read


def _write_moment(value: Any, writer: Writer) -> dict[str, Any]:
    """A datetime or a time: what the clock shows, and its time zone beside it."""
    return {
        CONTENT: value.replace(tzinfo=None).isoformat(),
        "fold": value.fold,
        "tz": writer.write(value.tzinfo, ".tzinfo"),
    }


def _read_moment(name: str) -> Callable[[dict[str, Any], Reader], Any]:
    def read(node: dict[str, Any], reader: Reader) -> Any:
        import datetime

        zone = reader.read(node["tz"])
        if zone is not None and not isinstance(zone, datetime.tzinfo):
            raise Malformed(f"{zone!r:.60} is no time zone")
        naive = getattr(datetime, name).fromisoformat(expect(node[CONTENT], str))
        return naive.replace(tzinfo=zone, fold=node["fold"])

    return read


def _read_date(node: dict[str, Any], _reader: Reader) -> Any:
    import datetime

    return datetime.date.fromisoformat(expect(node[CONTENT], str))


def _read_timedelta(node: dict[str, Any], _reader: Reader) -> Any:
    import datetime

    return datetime.timedelta(*(expect(node[part], int) for part in ("days", "seconds", "microseconds")))


def _write_timezone(value: Any, writer: Writer) -> dict[str, Any]:
    offset, *names = value.__getinitargs__()
    return {"offset": writer.write(offset), "names": writer.write(names)}


def _read_timezone(node: dict[str, Any], reader: Reader) -> Any:
    import datetime

    return datetime.timezone(reader.read(node["offset"]), *reader.read_list(node["names"]))


def _write_zone(value: Any, _writer: Writer) -> dict[str, Any]:
    if value.key is None:
        raise Refused("is a time zone without a name, made from a file; use ZoneInfo(name)")
    return {CONTENT: value.key}


def _read_range(node: dict[str, Any], reader: Reader) -> range:
    return range(*(expect(reader.read(node[part]), int) for part in ("start", "stop", "step")))


def _read_slice(node: dict[str, Any], reader: Reader) -> slice:
    return slice(*(reader.read(node[part]) for part in ("start", "stop", "step")))


def _read_fraction(node: dict[str, Any], reader: Reader) -> Any:
    from fractions import Fraction

    return Fraction(*(expect(reader.read(node[part]), int) for part in ("numerator", "denominator")))


_DICT: Final = Codec("", _write_dict, _read_pairs)

BY_TYPE: Final[dict[type, Codec]] = {
    tuple: Codec("tuple", _items, lambda node, reader: tuple(reader.read_list(node[CONTENT]))),
    dict: _DICT,
    set: Codec("set", _members, lambda node, reader: set(reader.read_list(node[CONTENT]))),
    frozenset: Codec("frozenset", _members, lambda node, reader: frozenset(reader.read_list(node[CONTENT]))),
    bytes: Codec("bytes", lambda value, _: {CONTENT: to_base64(value)}, lambda node, _: from_base64(node[CONTENT])),
    bytearray: Codec(
        "bytearray",
        lambda value, _: {CONTENT: to_base64(value)},
        lambda node, _: bytearray(from_base64(node[CONTENT])),
    ),
    complex: Codec("complex", _parts("real", "imag"), _read_complex),
    range: Codec("range", _parts("start", "stop", "step"), _read_range),
    slice: Codec("slice", _parts("start", "stop", "step"), _read_slice),
    type(...): Codec("ellipsis", lambda _value, _writer: {}, lambda _node, _reader: ...),
    deque: Codec("deque", _write_deque, _read_deque),
    OrderedDict: Codec("OrderedDict", _pairs, lambda node, reader: OrderedDict(_read_pairs(node, reader))),
    Counter: Codec("Counter", _pairs, lambda node, reader: Counter(_read_pairs(node, reader))),
    defaultdict: Codec("defaultdict", _write_defaultdict, _read_defaultdict),
}
"""The codecs of types that are there anyway."""

_PATHS: Final = ("PurePosixPath", "PureWindowsPath", "PosixPath", "WindowsPath")

BY_NAME: Final[dict[tuple[str, str], Codec]] = {
    ("datetime", "datetime"): Codec("datetime", _write_moment, _read_moment("datetime")),
    ("datetime", "time"): Codec("time", _write_moment, _read_moment("time")),
    ("datetime", "date"): Codec("date", _as(lambda value: value.isoformat()), _read_date),
    ("datetime", "timedelta"): Codec("timedelta", _parts("days", "seconds", "microseconds"), _read_timedelta),
    ("datetime", "timezone"): Codec("timezone", _write_timezone, _read_timezone),
    ("zoneinfo", "ZoneInfo"): Codec("zone", _write_zone, _from("zoneinfo", "ZoneInfo")),
    ("decimal", "Decimal"): Codec("decimal", _as(str), _from("decimal", "Decimal")),
    ("fractions", "Fraction"): Codec("fraction", _parts("numerator", "denominator"), _read_fraction),
    ("uuid", "UUID"): Codec("uuid", _as(str), _from("uuid", "UUID")),
    **{("pathlib", name): Codec(name, _as(str), _from("pathlib", name)) for name in _PATHS},
}
"""The codecs of types whose module may not be loaded; the module is the package of the type's own."""

BY_TAG: Final[dict[str, Codec]] = {
    "dict": _DICT,
    "int": Codec("int", lambda value, _: {CONTENT: hex(value)}, _read_int),
    "float": Codec("float", lambda value, _: {CONTENT: repr(value)}, _read_float),
    "str": Codec(
        "str",
        lambda value, _: {CONTENT: to_base64(value.encode("utf-8", "surrogatepass"))},
        lambda node, _: from_base64(node[CONTENT]).decode("utf-8", "surrogatepass"),
    ),
    **{codec.tag: codec for codec in (*BY_TYPE.values(), *BY_NAME.values()) if codec.tag},
}
"""All of them by their tags; the first three write what JSON has no form for (see `Writer.write`)."""


def find_plain(kind: type) -> Codec | None:
    """The codec of a type of this module, if it is one."""
    codec = BY_TYPE.get(kind)
    if codec is None:
        # In newer versions of Python, paths come from a module of the package.
        codec = BY_NAME.get((kind.__module__.partition(".")[0], kind.__qualname__))
    return codec


__all__ = ["BY_TAG", "find_plain"]
