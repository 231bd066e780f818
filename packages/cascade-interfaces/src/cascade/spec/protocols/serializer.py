"""`Serializer`: values to bytes and back."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Serializer(Protocol):
    """Turns values into bytes for a store or another process.

    Implementers:
        ``loads(dumps(value))`` equals the value and has its type. Bytes are stable across versions of the serializer
        (keep golden files). ``loads`` of any bytes whatsoever either returns a value or raises `CorruptDataError` (a
        `ValueError`), and never runs code that the bytes name.
    """

    def dumps(self, value: Any) -> bytes:
        """The bytes of a value.

        Raises:
            UnstorableValueError: The value, or something in it, cannot be stored; the message names the path to it.
        """
        ...

    def loads(self, data: bytes) -> Any:
        """The value of the bytes.

        Raises:
            CorruptDataError: These are no bytes of this serializer, or of a version it does not know.
        """
        ...


__all__ = ["Serializer"]
