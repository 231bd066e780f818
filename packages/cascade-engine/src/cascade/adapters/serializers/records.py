"""The codecs of classes that users define: dataclasses, named tuples, enums, pydantic models.

Only classes of the `TypeRegistry` are read. A record is made **without calling its constructor**: neither ``__init__``
nor ``__post_init__`` nor a validator runs. That is a choice. The fields hold what the constructor made of its
arguments, so to run it again could change them (a hash of a hash), and bytes should run as little code as possible. In
return, what a constructor keeps outside the fields is not stored, and an old record is not validated by new rules.

A field that the class has got since the bytes were written takes its default; one that it has lost, or a new one
without a default, makes the bytes unreadable.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Final

from cascade.adapters.serializers.codec import CONTENT, Codec, Reader, Writer, expect
from cascade.adapters.serializers.refusals import Malformed, Refused
from cascade.adapters.serializers.types import RecordKind, kind_of

_UNSET: Final = object()


def _write_dataclass(value: Any, writer: Writer) -> dict[str, Any]:
    content: dict[str, Any] = {}
    name = writer.registry.name_of(type(value))
    for field in dataclasses.fields(value):
        held = getattr(value, field.name, _UNSET)
        if held is not _UNSET:
            content[field.name] = writer.write(held, f".{field.name}")
        elif field.init:
            raise Refused(f"is a {name} without a value for its field {field.name!r}")
    return {"type": name, CONTENT: content}


def _read_dataclass(node: dict[str, Any], reader: Reader) -> Any:
    kind = _class_of(node, reader, RecordKind.DATACLASS)
    content = dict(expect(node[CONTENT], dict))
    record: Any = object.__new__(kind)
    for field in dataclasses.fields(kind):
        if field.name in content:
            value = reader.read(content.pop(field.name))
        elif field.default is not dataclasses.MISSING:
            value = field.default
        elif field.default_factory is not dataclasses.MISSING:
            value = field.default_factory()
        elif field.init:
            raise Malformed(f"the class {node['type']} has a field {field.name!r}, which the data lack")
        else:
            continue
        object.__setattr__(record, field.name, value)
    _expect_nothing_left(content, node)
    return record


def _write_named_tuple(value: Any, writer: Writer) -> dict[str, Any]:
    names = type(value)._fields
    content = {name: writer.write(item, f".{name}") for name, item in zip(names, value, strict=True)}
    return {"type": writer.registry.name_of(type(value)), CONTENT: content}


def _read_named_tuple(node: dict[str, Any], reader: Reader) -> Any:
    kind: Any = _class_of(node, reader, RecordKind.NAMED_TUPLE)
    content = dict(expect(node[CONTENT], dict))
    values = []
    for name in kind._fields:
        if name in content:
            values.append(reader.read(content.pop(name)))
        elif name in kind._field_defaults:
            values.append(kind._field_defaults[name])
        else:
            raise Malformed(f"the class {node['type']} has a field {name!r}, which the data lack")
    _expect_nothing_left(content, node)
    return tuple.__new__(kind, values)


def _write_enum(value: Any, writer: Writer) -> dict[str, Any]:
    return {"type": writer.registry.name_of(type(value)), "name": value.name}


def _read_enum(node: dict[str, Any], reader: Reader) -> Any:
    kind: Any = _class_of(node, reader, RecordKind.ENUM)
    member = kind.__members__.get(expect(node["name"], str))
    if member is None:
        raise Malformed(f"the enum {node['type']} has no member {node['name']!r:.60}")
    return member


def _write_flag(value: Any, writer: Writer) -> dict[str, Any]:
    # By value: a combination of flags has no name.
    return {"type": writer.registry.name_of(type(value)), CONTENT: writer.write(value.value)}


def _read_flag(node: dict[str, Any], reader: Reader) -> Any:
    return _class_of(node, reader, RecordKind.FLAG)(expect(reader.read(node[CONTENT]), int))


def _write_model(value: Any, writer: Writer) -> dict[str, Any]:
    # What pydantic gives to pickle: the fields as they are, which of them were set, extra and private attributes.
    # model_dump() would turn a model inside into a dict, and model_validate() would run validators a second time.
    state = dict(value.__getstate__())
    fields = {name: writer.write(item, f".{name}") for name, item in state.pop("__dict__").items()}
    rest = {name: writer.write(item, f".{name}") for name, item in state.items()}
    return {"type": writer.registry.name_of(type(value)), CONTENT: fields, "state": rest}


def _read_model(node: dict[str, Any], reader: Reader) -> Any:
    kind: Any = _class_of(node, reader, RecordKind.MODEL)
    fields = {name: reader.read(item) for name, item in expect(node[CONTENT], dict).items()}
    rest = {name: reader.read(item) for name, item in expect(node["state"], dict).items()}
    model = kind.__new__(kind)
    model.__setstate__({**rest, "__dict__": fields})
    return model


def _class_of(node: dict[str, Any], reader: Reader, wanted: RecordKind) -> type:
    kind = reader.registry.find(expect(node["type"], str))
    if kind is None:
        raise Malformed(
            f"the class {node['type']!r:.200} is not registered here; annotate a task with it, or register it at the "
            "serializer's TypeRegistry"
        )
    if kind_of(kind) is not wanted:
        raise Malformed(f"the class {node['type']} is no {wanted.value}")
    return kind


def _expect_nothing_left(content: dict[str, Any], node: dict[str, Any]) -> None:
    if content:
        raise Malformed(f"the class {node['type']} has no field {min(content)!r:.60}")


BY_KIND: Final[dict[RecordKind, Codec]] = {
    RecordKind.DATACLASS: Codec("dataclass", _write_dataclass, _read_dataclass),
    RecordKind.NAMED_TUPLE: Codec("namedtuple", _write_named_tuple, _read_named_tuple),
    RecordKind.ENUM: Codec("enum", _write_enum, _read_enum),
    RecordKind.FLAG: Codec("flag", _write_flag, _read_flag),
    RecordKind.MODEL: Codec("model", _write_model, _read_model),
}


def find_record(kind: type) -> Codec | None:
    """The codec of a class that a user has defined, if it is of a kind that can be stored."""
    record = kind_of(kind)
    return None if record is None else BY_KIND[record]


__all__ = ["BY_KIND", "find_record"]
