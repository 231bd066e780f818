"""`Writer` and `Reader`: from values to the nodes of a JSON document, and back.

A node is what the JSON module knows: null, booleans, numbers, strings, arrays, and objects. Four of these say what they
are by themselves: null, booleans, whole numbers up to 64 bits, finite floats, and text (a float is never written
without a point or an exponent, so 1 and 1.0 stay apart). A JSON array is a list, a JSON object without the key ``"$"``
is a dict whose keys are text. Everything else is an object whose ``"$"`` is the *tag* of a `Codec`::

    (1, 2.0, {"a": b"b"})    {"$": "tuple", "v": [1, 2.0, {"a": {"$": "bytes", "v": "Yg=="}}]}

The tags are a closed list, and none of them stands for code. Both ways recurse, and both are bounded by `DEPTH_LIMIT`.
What is shared inside a value is written as often as it occurs; what contains itself meets the limit.
"""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64
from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final

from cascade.adapters.serializers.refusals import Malformed, Refused, Step
from cascade.adapters.serializers.types import TypeRegistry

TAG: Final = "$"
CONTENT: Final = "v"

DEPTH_LIMIT: Final = 200
"""Containers inside each other; the same bound as that of cache keys."""

_SMALL: Final = 2**63


@dataclass(frozen=True, slots=True)
class Codec:
    """How values of some types are written and read.

    Attributes:
        tag: The tag of its nodes.
        write: From a value to the fields of the node, the tag left out.
        read: From the node to a value. May raise anything: the bytes are corrupt then.
    """

    tag: str
    write: Callable[[Any, Writer], dict[str, Any]]
    read: Callable[[dict[str, Any], Reader], Any]


Finder = Callable[[type], Codec | None]


class Writer:
    """Writes one value.

    Args:
        find: Finds the codec of a type.
        registry: Names the classes.
    """

    __slots__ = ("_depth", "_find", "registry")

    def __init__(self, find: Finder, registry: TypeRegistry) -> None:
        self._find = find
        self._depth = 0
        self.registry = registry

    def write(self, value: Any, step: Step = "") -> Any:
        """The node of a value.

        Raises:
            Refused: The value, or something in it, cannot be written.
        """
        kind = type(value)
        if value is None or kind is bool:
            return value
        if kind is str:
            return value if is_text(value) else {TAG: "str", CONTENT: to_base64(value.encode("utf-8", "surrogatepass"))}
        if kind is int:
            return value if -_SMALL <= value < _SMALL else {TAG: "int", CONTENT: hex(value)}
        if kind is float:
            return value if isfinite(value) else {TAG: "float", CONTENT: repr(value)}
        self._depth += 1
        try:
            if self._depth > DEPTH_LIMIT:
                raise Refused(f"is nested deeper than {DEPTH_LIMIT} levels, or contains itself; make it flatter")
            if kind is list:
                return [self.write(item, index) for index, item in enumerate(value)]
            codec = self._find(kind)
            if codec is None:
                raise Refused(
                    f"is a {kind.__module__}.{kind.__qualname__}, which cannot be stored; use plain data (numbers, "
                    "text, bytes, dates, paths, builtin containers, NumPy arrays), dataclasses, named tuples, enums or "
                    "pydantic models"
                )
            node = codec.write(value, self)
            return node if codec.tag == "" else {TAG: codec.tag, **node}
        except Refused as refused:
            refused.steps.append(step)
            raise
        finally:
            self._depth -= 1


class Reader:
    """Reads one value.

    Args:
        codecs: All codecs by their tags.
        registry: The only source of classes.
    """

    __slots__ = ("_codecs", "_depth", "registry")

    def __init__(self, codecs: dict[str, Codec], registry: TypeRegistry) -> None:
        self._codecs = codecs
        self._depth = 0
        self.registry = registry

    def read(self, node: Any) -> Any:
        """The value of a node.

        Raises:
            Malformed: It is none.
            Exception: Whatever a malformed node leads to.
        """
        if not isinstance(node, (list, dict)):
            return node
        self._depth += 1
        try:
            if self._depth > DEPTH_LIMIT:
                raise Malformed(f"a value is nested deeper than {DEPTH_LIMIT} levels")
            if isinstance(node, list):
                return [self.read(item) for item in node]
            if TAG not in node:
                return {key: self.read(item) for key, item in node.items()}
            tag = node[TAG]
            codec = self._codecs.get(tag) if type(tag) is str else None
            if codec is None:
                raise Malformed(f"the tag {tag!r:.60} is not known")
            return codec.read(node, self)
        finally:
            self._depth -= 1

    def read_list(self, node: Any) -> list[Any]:
        """The values of an array."""
        return [self.read(item) for item in expect(node, list)]


def expect(node: Any, kind: type) -> Any:
    """The node, if it is of this very type.

    Raises:
        Malformed: It is not.
    """
    if type(node) is not kind:
        raise Malformed(f"{node!r:.60} stands where a {kind.__name__} was expected")
    return node


def is_text(value: str) -> bool:
    """Whether a string can be written as it is. Surrogates cannot: JSON would join two of them to one character."""
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def to_base64(data: bytes | bytearray) -> str:
    """Bytes as text."""
    return b2a_base64(data, newline=False).decode("ascii")


def from_base64(node: Any) -> bytes:
    """Bytes from text; raises `ValueError` unless it is exactly what `to_base64` gives."""
    return a2b_base64(expect(node, str), strict_mode=True)


__all__ = [
    "CONTENT",
    "DEPTH_LIMIT",
    "TAG",
    "Codec",
    "Finder",
    "Reader",
    "Writer",
    "expect",
    "from_base64",
    "is_text",
    "to_base64",
]
