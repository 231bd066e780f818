"""The canonical digest: equal exactly for values of the same types and contents; a refusal for all else."""

from __future__ import annotations

import datetime
import decimal
import enum
import fractions
import pathlib
import threading
import uuid
from collections import OrderedDict, defaultdict
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pytest

from cascade import workflow as cs
from cascade.graph.canonical import DIGEST_BYTES, canonical_digest

UTC = datetime.UTC
NEW_YEAR = datetime.datetime(2024, 1, 1)  # noqa: DTZ001 - without a zone on purpose


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Shade(enum.Enum):
    RED = 1


class Access(enum.Flag):
    READ = enum.auto()
    WRITE = enum.auto()


class Point(NamedTuple):
    x: int
    y: int


class OtherPoint(NamedTuple):
    x: int
    y: int


@dataclass
class Record:
    x: Any
    y: Any = 0


@dataclass
class OtherRecord:
    x: Any
    y: Any = 0


@dataclass
class Late:
    x: int
    later: Any = field(init=False)


@dataclass
class Annotated(list[int]):
    """A dataclass with contents that are no fields."""

    label: str = ""


class Labelled(Record):
    """A record with an attribute that is no field."""

    def __init__(self, x: Any, label: str) -> None:
        super().__init__(x)
        self.label = label


class Hashed:
    def __init__(self, content: Any, noise: Any = None) -> None:
        self.content = content
        self.noise = noise

    def __cascade_hash__(self) -> Any:
        return self.content


@cs.task
def step() -> None: ...


@cs.task(version=2)
def other_step() -> None: ...


def late(**values: Any) -> Late:
    record = Late(1)
    record.__dict__.update(values)
    return record


DIFFERENT: list[Any] = [
    # Numbers and texts.
    None, ..., True, False, 0, 1, -1, 10**30, -(10**30), 0.0, -0.0, 1.0, float("nan"), float("inf"), 1j, 1 + 0j,
    "", "1", "a", b"", b"1", b"a", bytearray(b"a"), "\ud800",
    decimal.Decimal("1.0"), decimal.Decimal("1.00"), decimal.Decimal("NaN"), fractions.Fraction(1, 2),
    # Containers.
    [], (), {}, set(), frozenset(), [1], (1,), {1}, frozenset({1}), [[1]], [[], []], [[[]]], [1, 2], [2, 1], [12],
    ["1", "2"], ["12"], [[1], 2], [1, [2]], range(3), range(4), slice(1, 2), slice(1, 2, 3),
    {"a": 1}, {"a": 1.0}, {"b": 1}, {"a": 1, "b": 2}, {"b": 2, "a": 1}, {1: "a"}, {True: "a"}, {"a": {"b": 1}},
    # Times.
    datetime.date(2024, 1, 1), NEW_YEAR, NEW_YEAR.replace(tzinfo=UTC), NEW_YEAR.replace(fold=1),
    NEW_YEAR.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=1))),
    datetime.time(1), datetime.timedelta(1), datetime.timedelta(0, 1),
    # Ids, paths, enums.
    uuid.UUID(int=1), uuid.UUID(int=2),
    pathlib.PurePosixPath("a"), pathlib.PureWindowsPath("a"), pathlib.PurePosixPath("b"),
    Colour.RED, Colour.BLUE, Shade.RED, Access.READ, Access.READ | Access.WRITE,
    # Records.
    Point(1, 2), OtherPoint(1, 2), Point(2, 1), Record(1), OtherRecord(1), Record(1, 1), Record([1]), Record((1,)),
    Record(Record(1)), late(later=None), late(later=1), Hashed(1), Hashed([1]),
    # Arrays.
    np.array([1, 2]), np.array([1, 3]), np.array([1.0, 2.0]), np.array([[1, 2]]), np.array([[1], [2]]),
    np.array([1, 2], "int32"), np.array([1, 2], ">i8"), np.array([]), np.array([], "int32"), np.zeros((0, 3)),
    np.zeros((3, 0)), np.array([1, "a"], dtype=object), np.array([1, "b"], dtype=object),
    np.array([(1, 2.0)], [("a", "i8"), ("b", "f8")]), np.array([(1, 2.0)], [("a", "i8"), ("c", "f8")]),
    np.int64(1), np.int32(1), np.float64(1), np.bool_(True), np.str_("a"),
    np.datetime64("2024-01-01"), np.datetime64("2024-01-01", "s"),
    # What is found by its name.
    int, str, Record, len, print, step, other_step,
]  # fmt: skip


def test_values_of_different_type_or_content_have_different_digests() -> None:
    seen: dict[bytes, Any] = {}
    for value in DIFFERENT:
        digest = canonical_digest(value)
        assert len(digest) == DIGEST_BYTES
        assert digest not in seen, f"{value!r} ({type(value)}) and {seen[digest]!r} ({type(seen[digest])}) are one"
        seen[digest] = value


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ({3, 1, 2}, {1, 2, 3}),
        ({"a", "b", "c", "d"}, {"d", "c", "b", "a"}),
        (frozenset("abc"), frozenset("cba")),
        ([1, {"a": (2.5, None)}], [1, {"a": (2.5, None)}]),
        (Record([1, 2]), Record([1, 2])),
        (np.arange(6).reshape(2, 3), np.arange(6).reshape(2, 3).copy()),
        (np.arange(10)[::2], np.array([0, 2, 4, 6, 8])),
        (np.asfortranarray(np.arange(6).reshape(2, 3)), np.arange(6).reshape(2, 3)),
        (Hashed(1, "noise"), Hashed(1, "other noise")),
        (float("nan"), float("nan")),
        (10**50, 10**49 * 10),
    ],
)
def test_values_of_equal_type_and_content_have_one_digest(left: Any, right: Any) -> None:
    assert canonical_digest(left) == canonical_digest(right)


def test_a_flag_without_members_is_a_value_like_any_other() -> None:
    digests = {canonical_digest(value) for value in (Access(0), Access.READ, Access.WRITE, ~Access(0))}
    assert len(digests) == 4


def test_a_field_that_is_missing_is_not_one_that_is_none() -> None:
    assert _digest_or_refusal(late()) != _digest_or_refusal(late(later=None))


def test_all_of_a_large_array_is_read() -> None:
    left, right = np.zeros(1_000_000), np.zeros(1_000_000)
    right[500_000] = 1
    assert canonical_digest(left) != canonical_digest(right)


def test_the_mask_of_a_masked_array_is_content() -> None:
    fill = np.ma.array([1, 2], mask=[False, False]).fill_value
    shown = np.ma.array([1, fill], mask=[False, False])
    hidden = np.ma.array([1, 2], mask=[False, True])
    assert _digest_or_refusal(shown) != _digest_or_refusal(hidden)


def test_attributes_of_a_record_that_are_no_fields_are_read_or_refused() -> None:
    assert _digest_or_refusal(Labelled(1, "a")) != _digest_or_refusal(Labelled(1, "b"))


def test_items_of_a_record_that_is_a_container_are_read_or_refused() -> None:
    empty, filled = Annotated("x"), Annotated("x")
    filled.append(1)
    assert _digest_or_refusal(empty) != _digest_or_refusal(filled)


def _digest_or_refusal(value: Any) -> object:
    """The digest, or something unequal to everything."""
    try:
        return canonical_digest(value)
    except cs.UnhashableValueError:
        return object()


def local_class(n: int) -> type:
    @dataclass
    class Local:
        x: int = n

    return Local


def test_classes_and_tasks_made_in_a_function_are_told_apart() -> None:
    first, second = local_class(1), local_class(1)
    assert canonical_digest(first(1)) != canonical_digest(second(1))
    assert canonical_digest(first(1)) == canonical_digest(first(1))
    tasks = [cs.task(lambda n=n: n) for n in range(2)]
    assert canonical_digest(tasks[0]) != canonical_digest(tasks[1])


class Opaque:
    def method(self) -> None: ...


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (object(), "value"),
        (Opaque(), "value"),
        (threading.Lock(), "value"),
        (lambda: 1, "value"),
        (iter([1]), "value"),
        (Opaque().method, "value"),
        ([1, [2, Opaque()]], "value[1][1]"),
        ({"a": {"b": Opaque()}}, "value['a']['b']"),
        ({Opaque(): 1}, "value key "),
        ((1, Record(x=[0, Opaque()])), "value[1].x[1]"),
        (Point(1, Opaque()), "value.y"),  # type: ignore[arg-type]
        ({Opaque()}, "value{"),
        (np.array([1, Opaque()], dtype=object), "value[1]"),
        (OrderedDict(a=1), "value"),
        (defaultdict(int), "value"),
    ],
    ids=lambda value: str(value)[:20] if isinstance(value, str) else type(value).__name__,
)
def test_what_has_no_stable_content_is_refused_with_its_path(value: Any, path: str) -> None:
    with pytest.raises(cs.UnhashableValueError, match=r"has no stable hash.*__cascade_hash__") as caught:
        canonical_digest(value)
    assert caught.value.path.startswith(path)
    assert str(caught.value).startswith(path)


def test_the_path_begins_with_the_given_name() -> None:
    with pytest.raises(cs.UnhashableValueError, match=r"^args\[0\]\[1\] is a "):
        canonical_digest([1, Opaque()], "args[0]")


def test_a_value_that_contains_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(cs.UnhashableValueError):
        canonical_digest(loop)


def test_values_nested_deeper_than_the_limit_are_refused_without_a_recursion_error() -> None:
    nested: Any = 1
    for _ in range(100_000):
        nested = [nested]
    with pytest.raises(cs.UnhashableValueError):
        canonical_digest(nested)
