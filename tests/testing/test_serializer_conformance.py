"""The serializers keep the promises of serializers, and the kit finds each serializer that does not."""

from __future__ import annotations

import json
import pickle
import threading
from typing import Any

import pytest

from cascade.adapters.serializers.data import DataSerializer
from cascade.adapters.serializers.pickled import PickleSerializer
from cascade.spec.errors import CorruptDataError, UnstorableValueError
from cascade.spec.protocols import Serializer
from cascade.testing import SerializerConformance
from tests.support.kits import failed_promises, promises


class TestDataSerializer(SerializerConformance):
    golden = [(b'{"format":"cascade-data","version":1,"value":{"$":"tuple","v":[1,2.0,true]}}', (1, 2.0, True))]

    @pytest.fixture
    def serializer(self) -> Serializer:
        return DataSerializer()


class TestPickleSerializer(SerializerConformance):
    @pytest.fixture
    def serializer(self) -> Serializer:
        return PickleSerializer(key="a key that is only used here")


class GoldenKit(SerializerConformance):
    golden = [(b'{"v": 1}', 1)]


class Json:
    """A serializer without faults, as a base for those that have one."""

    def dumps(self, value: Any) -> bytes:
        try:
            return json.dumps({"v": value}, allow_nan=True).encode()
        except (TypeError, ValueError) as error:
            raise UnstorableValueError("value", f"is not for JSON: {error}") from error

    def loads(self, data: bytes) -> Any:
        try:
            return json.loads(data)["v"]
        except Exception as error:
            raise CorruptDataError(f"no JSON: {error}") from error


class ByteArrays(Json):
    def dumps(self, value: Any) -> Any:
        return bytearray(super().dumps(value))


class FloatsOnly(Json):
    def loads(self, data: bytes) -> Any:
        super().loads(data)
        return json.loads(data, parse_int=float)["v"]


class Remembering(Json):
    def __init__(self) -> None:
        self.known: dict[bytes, Any] = {}

    def dumps(self, value: Any) -> bytes:
        data = super().dumps(value)
        self.known[data] = value
        return data

    def loads(self, data: bytes) -> Any:
        return self.known[data] if data in self.known else super().loads(data)


class Lenient(Json):
    def dumps(self, value: Any) -> bytes:
        return json.dumps({"v": value}, default=repr).encode()


class Frank(Json):
    def loads(self, data: bytes) -> Any:
        return json.loads(data.decode(errors="replace"))["v"] if data[:1] != b"{" else super().loads(data)


class FrankAboutItsOwn(Json):
    def loads(self, data: bytes) -> Any:
        is_its_own = data.startswith(b'{"v": ')
        return json.loads(data.decode(errors="replace"))["v"] if is_its_own else super().loads(data)


class Trusting(Json):
    def loads(self, data: bytes) -> Any:
        try:
            return super().loads(data)
        except CorruptDataError:
            try:
                return pickle.loads(data)
            except Exception as error:
                raise CorruptDataError("neither JSON nor a pickle") from error


class OneAtATime(Json):
    def dumps(self, value: Any) -> bytes:
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("this serializer belongs to another thread")
        return super().dumps(value)


class Modern(Json):
    def dumps(self, value: Any) -> bytes:
        return b"2" + super().dumps(value)

    def loads(self, data: bytes) -> Any:
        if data[:1] != b"2":
            raise CorruptDataError("version 1 is no longer supported")
        return super().loads(data[1:])


BROKEN: list[tuple[type[Json], set[str]]] = [
    (Json, set()),
    (ByteArrays, {"test_writes_bytes"}),
    (FloatsOnly, {"test_a_value_comes_back_as_it_was", "test_old_bytes_can_be_read"}),
    (Remembering, {"test_what_comes_back_is_apart"}),
    (Lenient, {"test_what_cannot_be_stored_is_refused"}),
    (Trusting, {"test_bytes_run_no_code"}),
    (OneAtATime, {"test_serves_several_threads_at_once"}),
    (Modern, {"test_old_bytes_can_be_read"}),
    (Frank, {"test_any_bytes_are_a_value_or_corrupt", "test_damaged_bytes_are_a_value_or_corrupt"}),
    (FrankAboutItsOwn, {"test_damaged_bytes_are_a_value_or_corrupt"}),
]


@pytest.mark.parametrize(("kind", "broken"), BROKEN, ids=[kind.__name__ for kind, _ in BROKEN])
def test_a_broken_serializer_fails_exactly_the_promise_that_it_breaks(kind: type[Json], broken: set[str]) -> None:
    assert failed_promises(GoldenKit, {"serializer": kind}) == broken


def test_every_promise_of_serializers_is_tried_on_a_broken_one() -> None:
    assert set().union(*(broken for _, broken in BROKEN)) == {name for name, _ in promises(SerializerConformance)}
