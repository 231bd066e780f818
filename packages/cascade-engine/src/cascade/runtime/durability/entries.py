"""What the engine writes into the entries of a step: one byte that says what it is, and then the thing itself.

    v<value>           a node or an item has ended with a value
    s<reason> <name>   a node has run, and what it returned was skipped
    c<step> <call>     a node or an item stands at a step of a loop of its own
    t<template id>     under the empty name: the structure of the graph that the nodes of the scope belong to

An entry of another structure is not used: then the program has changed, and the step is run from its beginning.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from cascade.spec.errors import CorruptDataError
from cascade.spec.events import SkipReason
from cascade.spec.state import EntryKey

VALUE: Final = b"v"
SKIP: Final = b"s"
CALL: Final = b"c"
TEMPLATE: Final = b"t"

_REASONS: Final[dict[str, SkipReason]] = {
    "ConditionFalse": "ConditionFalse",
    "UpstreamSkipped_Data": "UpstreamSkipped_Data",
    "UpstreamSkipped_Sequence": "UpstreamSkipped_Sequence",
}


class Entry(NamedTuple):
    """An entry that was read.

    Attributes:
        kind: `VALUE`, `SKIP`, `CALL` or `TEMPLATE`.
        data: The value, the name of the skipped call, the call, or the template id.
        step: Of a `CALL`.
        reason: Of a `SKIP`.
    """

    kind: bytes
    data: bytes
    step: int = 0
    reason: SkipReason = "ConditionFalse"


def value_entry(data: bytes) -> bytes:
    """A node has ended with a value."""
    return VALUE + data


def skip_entry(reason: SkipReason, name: str) -> bytes:
    """A node has run, and what it returned was skipped."""
    return SKIP + f"{reason} {name}".encode("utf-8", "backslashreplace")


def call_entry(step: int, data: bytes) -> bytes:
    """A node or an item stands at a step of a loop of its own."""
    return CALL + f"{step} ".encode() + data


def template_entry(template_id: str) -> bytes:
    """The structure of the graph that the nodes of a scope belong to."""
    return TEMPLATE + template_id.encode()


def read_entry(key: EntryKey, data: bytes) -> Entry:
    """The entry of the bytes.

    Raises:
        CorruptDataError: They are none.
    """
    kind, rest = data[:1], data[1:]
    try:
        if kind in (VALUE, TEMPLATE):
            return Entry(kind, rest)
        if kind == CALL:
            step, _, call = rest.partition(b" ")
            return Entry(kind, call, step=int(step))
        if kind == SKIP:
            reason, _, name = rest.partition(b" ")
            return Entry(kind, name, reason=_REASONS[reason.decode()])
    except (ValueError, KeyError):
        pass
    raise CorruptDataError(f"what is stored of {key.scope}{key.name} cannot be read: {data[:40]!r}")


__all__ = [
    "CALL",
    "SKIP",
    "TEMPLATE",
    "VALUE",
    "Entry",
    "call_entry",
    "read_entry",
    "skip_entry",
    "template_entry",
    "value_entry",
]
