"""`SerializerConformance`: the promises of `cascade.spec.protocols.Serializer`."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cascade.spec.errors import CorruptDataError, UnstorableValueError
from cascade.spec.protocols import Serializer

_LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)

PLAIN_VALUES: st.SearchStrategy[Any] = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
"""Numbers, texts, truth values and ``None``, in lists and dictionaries."""

# A serializer is a pure function by its contract, so one object may serve all examples; and the tests are inherited.
examples = settings(
    max_examples=50,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.target, Phase.shrink],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
)

executed: list[str] = []
"""What hostile bytes have had called."""


def hostile_call(name: str) -> str:
    """What hostile bytes name; it must never be called."""
    executed.append(name)
    return name


class _Hostile:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return hostile_call, ("pickle",)


HOSTILE: Sequence[bytes] = [
    *(pickle.dumps(_Hostile(), protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)),
    f'{{"py/reduce": [{{"py/function": "{__name__}.hostile_call"}}, {{"py/tuple": ["json"]}}]}}'.encode(),
    f"!!python/object/apply:{__name__}.hostile_call ['yaml']\n".encode(),
    f"__import__({__name__!r}, fromlist=['x']).hostile_call('eval')".encode(),
]
"""Bytes that make a careless reader call a function."""


def typed(value: Any) -> Any:
    """The value with its types spelled out, so that 1, 1.0 and True differ."""
    if isinstance(value, dict):
        return type(value), [(typed(key), typed(item)) for key, item in value.items()]
    if isinstance(value, (list, tuple)):
        return type(value), [typed(item) for item in value]
    return type(value), repr(value) if isinstance(value, float) else value


class SerializerConformance:
    """Give a fixture ``serializer`` that makes the serializer under test.

    Attributes:
        golden: Bytes that earlier versions of the serializer wrote, each with its value; keep them for ever.
    """

    golden: ClassVar[Sequence[tuple[bytes, Any]]] = ()

    @pytest.fixture
    def serializer(self) -> Serializer:
        """The serializer under test."""
        raise NotImplementedError("give the test class a fixture 'serializer' that returns the serializer under test")

    @examples
    @given(value=PLAIN_VALUES)
    def test_writes_bytes(self, serializer: Serializer, value: Any) -> None:
        """``dumps`` of plain data gives ``bytes``."""
        assert type(serializer.dumps(value)) is bytes

    @examples
    @given(value=PLAIN_VALUES)
    def test_a_value_comes_back_as_it_was(self, serializer: Serializer, value: Any) -> None:
        """``loads(dumps(value))`` equals the value and has its type, and so has everything in it."""
        assert typed(serializer.loads(serializer.dumps(value))) == typed(value)

    def test_what_comes_back_is_apart(self, serializer: Serializer) -> None:
        """Who changes a value that came back changes neither the original nor what comes back the next time."""
        value = {"rows": [1, 2]}
        data = serializer.dumps(value)
        serializer.loads(data)["rows"].append(3)
        assert value == {"rows": [1, 2]}
        assert serializer.loads(data) == {"rows": [1, 2]}

    def test_what_cannot_be_stored_is_refused(self, serializer: Serializer) -> None:
        """A value that cannot be stored is an `UnstorableValueError` that says where it stands."""
        with pytest.raises(UnstorableValueError) as caught:
            serializer.dumps({"rows": [1, (number for number in range(3))]})
        assert caught.value.path

    @examples
    @given(data=st.binary(max_size=64))
    def test_any_bytes_are_a_value_or_corrupt(self, serializer: Serializer, data: bytes) -> None:
        """``loads`` of any bytes gives a value or raises `CorruptDataError`, and nothing else."""
        self._read(serializer, data)

    @examples
    @given(value=PLAIN_VALUES, place=st.integers(0), change=st.integers(1, 255), is_cut=st.booleans())
    def test_damaged_bytes_are_a_value_or_corrupt(
        self, serializer: Serializer, value: Any, place: int, change: int, is_cut: bool
    ) -> None:
        """The same for bytes of the serializer itself of which one was changed, or the end is missing."""
        data = bytearray(serializer.dumps(value))
        place %= len(data)
        if is_cut:
            del data[place:]
        else:
            data[place] ^= change
        self._read(serializer, bytes(data))

    @pytest.mark.parametrize("data", HOSTILE, ids=range(len(HOSTILE)))
    def test_bytes_run_no_code(self, serializer: Serializer, data: bytes) -> None:
        """Reading bytes never calls what they name."""
        executed.clear()
        try:
            serializer.loads(data)
        except Exception:  # which one is the business of another promise
            pass
        assert executed == [], "reading bytes has called a function that they name"

    def test_serves_several_threads_at_once(self, serializer: Serializer) -> None:
        """Several threads may use one serializer at the same time."""

        def live(number: int) -> list[Any]:
            return [serializer.loads(serializer.dumps([number] * turn)) for turn in range(50)]

        with ThreadPoolExecutor(4) as threads:
            found = list(threads.map(live, range(4)))
        assert found == [[[number] * turn for turn in range(50)] for number in range(4)]

    def test_old_bytes_can_be_read(self, serializer: Serializer) -> None:
        """What earlier versions wrote is read as what it was."""
        if not self.golden:
            pytest.skip("no bytes of an earlier version are given: set 'golden'")
        for data, value in self.golden:
            assert typed(serializer.loads(data)) == typed(value)

    def _read(self, serializer: Serializer, data: bytes) -> None:
        try:
            serializer.loads(data)
        except CorruptDataError:
            pass
        except Exception as error:
            raise AssertionError(
                f"loads({data!r:.200}) raised {error!r}, where only CorruptDataError may be"
            ) from error


__all__ = ["PLAIN_VALUES", "SerializerConformance"]
