"""The codecs of NumPy arrays and scalars. NumPy is imported when bytes say that it is needed, and never for writing.

The bytes of an array are written as they lie in memory in C order, with the type of its elements; Fortran order comes
back as C order. Arrays of objects, masked arrays and other subclasses are refused. Types of elements that have another
name on another machine (``longlong``) come back under the one that the machine that reads has for their size.
"""

from __future__ import annotations

import sys
from importlib import import_module
from math import prod
from typing import Any, Final

from cascade.adapters.serializers.codec import CONTENT, Codec, Reader, Writer, expect, from_base64, to_base64
from cascade.adapters.serializers.refusals import Malformed, Refused

_STORABLE: Final = "biufcmMSUV"
"""Kinds of elements whose bytes are the whole value."""


def _write_array(value: Any, writer: Writer) -> dict[str, Any]:
    return {
        "dtype": _write_dtype(value.dtype, writer),
        "shape": [int(length) for length in value.shape],
        CONTENT: to_base64(value.tobytes()),
    }


def _read_array(node: dict[str, Any], reader: Reader) -> Any:
    return _make(node["dtype"], [expect(length, int) for length in expect(node["shape"], list)], node, reader)


def _write_scalar(value: Any, writer: Writer) -> dict[str, Any]:
    # Texts and bytes are subclasses of Python's, and are written as those: NumPy itself drops the zeros at their end.
    if isinstance(value, str):
        return {"text": writer.write(str.__str__(value))}
    if isinstance(value, bytes):
        return {"bytes": writer.write(bytes.__bytes__(value))}
    return {"dtype": _write_dtype(value.dtype, writer), CONTENT: to_base64(value.tobytes())}


def _read_scalar(node: dict[str, Any], reader: Reader) -> Any:
    numpy = import_module("numpy")
    if "text" in node:
        return numpy.str_(expect(reader.read(node["text"]), str))
    if "bytes" in node:
        return numpy.bytes_(expect(reader.read(node["bytes"]), bytes))
    return _make(node["dtype"], [], node, reader)[()]


def _write_dtype(dtype: Any, writer: Writer) -> Any:
    numpy = sys.modules["numpy"]
    if dtype.names is None:
        if dtype.kind not in _STORABLE or numpy.dtype(dtype.str) != dtype:
            raise Refused(
                f"is an array of {dtype}, whose elements cannot be stored; convert it with astype(…), or to a list"
            )
        return dtype.str
    if dtype.hasobject:
        raise Refused(f"is an array of {dtype}, which has objects among its fields; convert it to a list")
    return writer.write(import_module("numpy.lib.format").dtype_to_descr(dtype))


def _read_dtype(node: Any, reader: Reader) -> Any:
    numpy = import_module("numpy")
    if isinstance(node, str):
        dtype = numpy.dtype(node)
    else:
        dtype = import_module("numpy.lib.format").descr_to_dtype(reader.read(node))
    if dtype.hasobject or dtype.kind not in _STORABLE:
        raise Malformed(f"there are no arrays of {dtype}")
    return dtype


def _make(dtype_node: Any, shape: list[int], node: dict[str, Any], reader: Reader) -> Any:
    numpy = import_module("numpy")
    dtype = _read_dtype(dtype_node, reader)
    data = from_base64(node[CONTENT])
    # Looked at before NumPy reserves anything: the shape may claim any size.
    if min(shape, default=0) < 0 or prod(shape) * dtype.itemsize != len(data):
        raise Malformed(f"{len(data)} bytes are no array of shape {shape!r:.60}")
    return numpy.ndarray(shape, dtype, bytearray(data)).copy()


ARRAY: Final = Codec("array", _write_array, _read_array)
SCALAR: Final = Codec("scalar", _write_scalar, _read_scalar)


def find_array(kind: type) -> Codec | None:
    """The codec of a type of NumPy, if it is one."""
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return None
    if kind is numpy.ndarray:
        return ARRAY
    return SCALAR if issubclass(kind, numpy.generic) and kind.__module__ == "numpy" else None


__all__ = ["ARRAY", "SCALAR", "find_array"]
