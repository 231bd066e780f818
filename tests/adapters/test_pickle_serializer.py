"""`PickleSerializer`: nothing is unpickled that was not signed with the key."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cascade.adapters.serializers.pickled import PickleSerializer
from cascade.spec.errors import CorruptDataError, UnstorableValueError
from cascade.spec.protocols import Serializer

KEY = b"0123456789abcdef"

loaded: list[str] = []


class Harmful:
    def __reduce__(self) -> Any:
        return loaded.append, ("harm",)


def test_signed_values_come_back() -> None:
    serializer = PickleSerializer(key=KEY)
    assert isinstance(serializer, Serializer)
    assert PickleSerializer(key=KEY.decode()).loads(serializer.dumps({1: [2, {3}]})) == {1: [2, {3}]}


@pytest.mark.parametrize(
    "data",
    [
        pickle.dumps(Harmful()),
        b"",
        PickleSerializer(key=b"another key of 16 bytes").dumps(Harmful()),
        PickleSerializer(key=KEY).dumps(1)[:49] + pickle.dumps(Harmful()),
        b"cascade-pickle 2\n" + PickleSerializer(key=KEY).dumps(Harmful())[17:],
    ],
)
def test_unsigned_bytes_are_refused_before_they_are_unpickled(data: bytes) -> None:
    loaded.clear()
    with pytest.raises(CorruptDataError):
        PickleSerializer(key=KEY).loads(data)
    assert loaded == []


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_changed_byte_anywhere_is_found(place: int, change: int) -> None:
    data = bytearray(PickleSerializer(key=KEY).dumps(["some", "value"]))
    data[place % len(data)] ^= change
    with pytest.raises(CorruptDataError):
        PickleSerializer(key=KEY).loads(bytes(data))


def test_what_pickle_does_not_take_is_refused() -> None:
    with pytest.raises(UnstorableValueError, match="value cannot be pickled: "):
        PickleSerializer(key=KEY).dumps(lambda: 1)


def test_a_class_that_is_gone_is_corrupt_data(monkeypatch: pytest.MonkeyPatch) -> None:
    data = PickleSerializer(key=KEY).dumps(KEY_HOLDER)
    monkeypatch.delattr(Gone, "__setstate__")
    with pytest.raises(CorruptDataError, match="AttributeError"):
        PickleSerializer(key=KEY).loads(data)


class Gone:
    def __reduce__(self) -> Any:
        return getattr, (Gone, "__setstate__")

    def __setstate__(self, state: Any) -> None: ...


KEY_HOLDER = Gone()


def test_a_short_key_is_refused_and_no_key_is_shown() -> None:
    with pytest.raises(ValueError, match="needs at least 16 bytes, not 5; make one with"):
        PickleSerializer(key="short")
    assert "0123" not in repr(PickleSerializer(key=KEY))
