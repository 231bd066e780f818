"""`DataSerializer`: values as JSON, with their types, and without any code.

The format is *closed*: what can be written is a list in `cascade.adapters.serializers.plain`, ``arrays`` and
``records``, and bytes can ask for nothing else. It is *typed and lossless*: 1, 1.0 and True, a list and a tuple, a time
with and without its zone come back as what they were. It is *versioned*: every document says which version it is, and a
reader reads all versions up to its own (golden files hold this).

    {"format":"cascade-data","version":1,"value":{"$":"tuple","v":[1,2.0]}}

Limits: an object that occurs twice comes back as two equal objects; nesting is bounded (see ``codec``); classes are
found by name in a `TypeRegistry` only; functions, exceptions, open files and connections cannot be stored.
"""

from __future__ import annotations

import json
from typing import Any, Final, NoReturn

from cascade.adapters.serializers.arrays import ARRAY, SCALAR, find_array
from cascade.adapters.serializers.codec import Codec, Reader, Writer
from cascade.adapters.serializers.plain import BY_TAG, find_plain
from cascade.adapters.serializers.records import BY_KIND, find_record
from cascade.adapters.serializers.refusals import Malformed, Refused
from cascade.adapters.serializers.types import TypeRegistry
from cascade.spec.errors import CorruptDataError, UnstorableValueError

FORMAT: Final = "cascade-data"
VERSION: Final = 1

CODECS: Final[dict[str, Codec]] = BY_TAG | {codec.tag: codec for codec in (ARRAY, SCALAR, *BY_KIND.values())}
"""All codecs by their tags."""


class DataSerializer:
    """The serializer that is used by default.

    Args:
        registry: The classes that values may be made of; by default a new registry, to be fed by `register` or by the
            annotations of tasks.

    Attributes:
        registry: As given or made.

    Example:
        >>> serializer = DataSerializer()
        >>> serializer.loads(serializer.dumps({"when": (1, 2.0)}))
        {'when': (1, 2.0)}
    """

    def __init__(self, registry: TypeRegistry | None = None) -> None:
        self.registry = TypeRegistry() if registry is None else registry

    def dumps(self, value: Any, path: str = "value") -> bytes:
        """The bytes of a value.

        Args:
            value: Plain data, NumPy arrays, and values of registered classes.
            path: What the value is called in an error.

        Raises:
            UnstorableValueError: Something in the value cannot be stored; the message names the path to it.
        """
        try:
            node = Writer(find_codec, self.registry).write(value)
            document = {"format": FORMAT, "version": VERSION, "value": node}
            return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
        except Refused as refused:
            raise UnstorableValueError(refused.path(path), refused.problem) from None
        except RecursionError:
            raise UnstorableValueError(path, "is nested too deeply for the stack that is left here") from None

    def loads(self, data: bytes) -> Any:
        """The value of the bytes. Runs no code that they name.

        Raises:
            CorruptDataError: They were not written by this serializer, are damaged, of a newer version, or name a class
                that is not registered.
        """
        try:
            document = json.loads(bytes(data).decode(), parse_constant=_refuse_constant)
            self._check(document)
            return Reader(CODECS, self.registry).read(document["value"])
        except CorruptDataError:
            raise
        except Malformed as problem:
            raise CorruptDataError(f"the stored data cannot be read: {problem}") from None
        except RecursionError:
            raise CorruptDataError("the stored data cannot be read: they are nested too deeply") from None
        except Exception as error:
            # Whatever was made of the bytes refused them: a date of month 13, a set with a list in it, …
            raise CorruptDataError(
                f"the stored data cannot be read: they are damaged, or no {FORMAT} at all ({type(error).__name__}: "
                f"{error!s:.200})"
            ) from error

    def _check(self, document: Any) -> None:
        if type(document) is not dict or document.get("format") != FORMAT or "value" not in document:
            raise Malformed(f"they are no {FORMAT}")
        version = document.get("version")
        if type(version) is not int or version < 1:
            raise Malformed(f"{version!r:.60} is no version")
        if version > VERSION:
            raise Malformed(
                f"they are of version {version}, and this version of Cascade reads versions up to {VERSION}; use the "
                "version that wrote them, or a later one"
            )


def find_codec(kind: type) -> Codec | None:
    """The codec of a type, if its values can be stored."""
    return find_plain(kind) or find_array(kind) or find_record(kind)


def _refuse_constant(name: str) -> NoReturn:
    raise Malformed(f"{name} is no number here")


__all__ = ["CODECS", "FORMAT", "VERSION", "DataSerializer", "find_codec"]
