"""`DataSerializer`: what comes back is what went in, with its type; the rest is refused with the path to it."""

from __future__ import annotations

import datetime
import decimal
import json
import pathlib
import uuid
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cascade.adapters.serializers.codec import DEPTH_LIMIT
from cascade.adapters.serializers.data import DataSerializer
from cascade.adapters.serializers.types import TypeRegistry
from cascade.spec.errors import CascadeError, CorruptDataError, UnstorableValueError
from cascade.spec.protocols import Serializer
from tests.adapters.records import Access, Box, Colour, Derived, Frozen, Level, Order, Point, Tree, same

HERE = pathlib.Path(__file__).parent
UTC = datetime.UTC


def make_serializer() -> DataSerializer:
    registry = TypeRegistry()
    for cls in (Access, Box, Colour, Derived, Frozen, Level, Order, Point, Tree):
        registry.register(cls)
    return DataSerializer(registry)


def round_trip(value: Any) -> Any:
    serializer = make_serializer()
    return serializer.loads(serializer.dumps(value))


SURROGATES = st.text(st.characters(codec=None, categories=None), max_size=5)
ZONES = st.one_of(
    st.none(),
    st.just(UTC),
    st.builds(datetime.timezone, st.integers(-1439, 1439).map(lambda minutes: datetime.timedelta(minutes=minutes))),
    st.sampled_from(["Europe/Berlin", "America/St_Johns"]).map(ZoneInfo),
)
HASHABLE_LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=2**62, max_value=2**70),
    st.floats(),
    st.complex_numbers(),
    SURROGATES,
    st.binary(max_size=5),
    st.datetimes(timezones=ZONES),
    st.times(timezones=st.none() | st.just(UTC)),
    st.dates(),
    st.timedeltas(),
    st.decimals(allow_nan=False),
    st.fractions(),
    st.uuids(),
    st.sampled_from([*Colour, *Level, *Access, Access(0), Access.READ | Access.WRITE, ...]),
    st.builds(pathlib.PurePosixPath, st.sampled_from(["", "a", "/a/b", "../c"])),
    st.builds(Point, st.floats(), st.floats()),
    st.builds(Frozen, st.text(max_size=3), st.sampled_from(Level)),
    st.builds(range, st.integers(), st.integers(), st.integers(1, 3)),
)
LEAVES = st.one_of(
    HASHABLE_LEAVES,
    st.binary(max_size=5).map(bytearray),
    st.builds(Derived, st.integers()),
    st.lists(st.integers(-100, 100), max_size=4).map(lambda items: np.array(items, dtype="int16")),
    st.floats(width=32).map(np.float32),
)


def containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    keys = st.one_of(HASHABLE_LEAVES, st.text(max_size=3), st.tuples(HASHABLE_LEAVES))
    return st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.lists(inner, max_size=3).map(deque),
        st.dictionaries(st.text(max_size=3), inner, max_size=3),
        st.dictionaries(keys, inner, max_size=3),
        st.dictionaries(keys, inner, max_size=3).map(OrderedDict),
        st.sets(HASHABLE_LEAVES, max_size=3),
        st.frozensets(HASHABLE_LEAVES, max_size=3),
        st.builds(Order, st.lists(inner, max_size=2), st.sampled_from(Colour)),
        st.builds(Box, inner),
        st.builds(slice, inner, inner, inner),
    )


VALUES = st.recursive(LEAVES, containers, max_leaves=8)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(VALUES)
def test_every_storable_value_comes_back_as_it_was(value: Any) -> None:
    serializer = make_serializer()
    data = serializer.dumps(value)
    assert same(serializer.loads(data), value)
    assert serializer.dumps(serializer.loads(data)) == data


SINGLE: list[Any] = [
    None,
    -0.0,
    float("nan"),
    2**63,
    -(2**63) - 1,
    10**5_000,
    complex(float("inf"), -0.0),
    "\ud83d\ude00",
    "😀",
    "",
    {"$": 1},
    {"\udc80": 1},
    {1: "a", "1": "b", None: "c"},
    {"b": 1, "a": 2},
    (1, [2, (3,)]),
    frozenset({frozenset(), (1,)}),
    decimal.Decimal("-0E+5"),
    decimal.Decimal("sNaN12"),
    Fraction(-1, 3),
    uuid.UUID(int=7),
    pathlib.Path("a/../b"),
    pathlib.PureWindowsPath(r"c:\x"),
    datetime.datetime(2024, 10, 27, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin")),
    datetime.time(1, 2, 3, 4, tzinfo=datetime.timezone(datetime.timedelta(hours=1), "X")),
    datetime.timezone(datetime.timedelta(microseconds=-1)),
    deque([1, 2], maxlen=2),
    Counter("abca"),
    defaultdict(list, {1: [2]}),
    defaultdict(None, {}),
    np.arange(6.0).reshape(2, 3)[:, ::2],
    np.zeros((0, 3), dtype=">i2"),
    np.array(5),
    np.array([(1, "ab")], dtype=[("a", "i4"), ("b", "U3")]),
    np.array(["2020-01-01", "NaT"], dtype="datetime64[ns]"),
    np.float64(0.1),
    np.bool_(True),
    np.str_("a\0"),
    np.bytes_(b"a\0"),
    np.timedelta64(5, "s"),
    np.array([True, False]),
    Tree([Tree([], Point(1, 2)), Tree([])]),
]


@pytest.mark.parametrize("value", SINGLE, ids=lambda value: type(value).__name__)
def test_special_values_come_back_as_they_were(value: Any) -> None:
    assert same(round_trip(value), value)


def test_it_is_a_serializer() -> None:
    assert isinstance(DataSerializer(), Serializer)


def test_members_of_a_set_are_written_in_an_order_that_does_not_depend_on_hashes() -> None:
    serializer = DataSerializer()
    assert serializer.dumps({"a", "b", "c"}) == serializer.dumps({"c", "b", "a"})


def test_the_constructor_of_a_dataclass_is_not_run_again() -> None:
    came_back = round_trip(Derived(1))
    assert (came_back.given, came_back.total, came_back.constructed) == (2, 20, 1)


def test_a_field_that_was_never_set_stays_unset() -> None:
    derived = Derived(1)
    del derived.total
    assert not hasattr(round_trip(derived), "total")


def test_a_new_field_takes_its_default_and_a_lost_one_is_an_error() -> None:
    serializer = make_serializer()
    data = serializer.dumps(Order([1]))
    assert serializer.loads(_without_colour(data)) == Order([1])
    with pytest.raises(CorruptDataError, match=r"records:Order has no field 'price'"):
        serializer.loads(data.replace(b'"items"', b'"items":[1],"price"'))
    with pytest.raises(CorruptDataError, match=r"has a field 'items', which the data lack"):
        serializer.loads(data.replace(b'"items":[1],', b""))


def _without_colour(data: bytes) -> bytes:
    document = json.loads(data)
    del document["value"]["v"]["colour"]
    return json.dumps(document).encode()


def test_what_is_read_from_an_array_can_be_written_to() -> None:
    came_back = round_trip(np.arange(3))
    came_back[0] = 7
    assert came_back.flags.owndata


class Subclassed(list[int]):
    pass


def local_class() -> Any:
    from dataclasses import dataclass

    @dataclass
    class Local:
        x: int

    return Local(1)


REFUSED: list[tuple[Callable[[], Any], str, str]] = [
    (lambda: [1, {"when": (1, print)}], "value[1]['when'][1]", "is a builtins.builtin_function_or_method"),
    (lambda: Order([0, {1: object()}]), "value.items[1][1]", "is a builtins.object"),
    (lambda: {(1, print): 2}, "value key (1, <built-in function print>)[1]", "cannot be stored"),
    (lambda: {frozenset([print])}, "value{…}{…}", "cannot be stored"),
    (lambda: Point(1, print), "value.y", "cannot be stored"),  # type: ignore[arg-type]
    (lambda: [Subclassed()], "value[0]", "test_data_serializer.Subclassed, which cannot be stored"),
    (lambda: [ValueError("no")], "value[0]", "is a builtins.ValueError"),
    (lambda: (local_class(),), "value[0]", "does not lead back to the class; define it at the top level"),
    (lambda: defaultdict(lambda: 1), "value", "is a defaultdict of"),
    (lambda: np.array([None]), "value", "is an array of object"),
    (lambda: np.array([(None,)], dtype=[("a", "O")]), "value", "has objects among its fields"),
    (lambda: datetime.datetime(2024, 1, 1, tzinfo=_Zone()), "value.tzinfo", "_Zone"),
]


class _Zone(datetime.tzinfo):
    def utcoffset(self, _moment: datetime.datetime | None) -> datetime.timedelta:
        return datetime.timedelta()

    dst = utcoffset

    def tzname(self, _moment: datetime.datetime | None) -> str:
        return "here"


@pytest.mark.parametrize(("make", "path", "words"), REFUSED)
def test_what_cannot_be_stored_is_refused_with_its_path(make: Callable[[], Any], path: str, words: str) -> None:
    with pytest.raises(UnstorableValueError) as caught:
        make_serializer().dumps(make())
    assert caught.value.path == path
    assert words in str(caught.value)
    assert isinstance(caught.value, CascadeError)
    assert isinstance(caught.value, TypeError)


def test_the_path_begins_as_the_caller_says() -> None:
    with pytest.raises(UnstorableValueError, match=r"^args\[0\]\.items\[3\] is a builtins\.object") as caught:
        make_serializer().dumps(Order([0, 1, 2, object()]), path="args[0]")
    assert caught.value.path == "args[0].items[3]"


def test_a_class_that_is_not_registered_is_refused_when_it_is_written() -> None:
    with pytest.raises(
        UnstorableValueError, match=r"value\[0\] is a tests\.adapters\.records:Point, which is not regist"
    ):
        DataSerializer().dumps([Point(1)])


def nested(levels: int, wrap: Callable[[Any], Any]) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = wrap(value)
    return value


WRAPS: list[Callable[[Any], Any]] = [
    lambda inner: [inner],
    lambda inner: (inner,),
    lambda inner: {1: inner},
    lambda inner: Box(inner),
]


@pytest.mark.parametrize("wrap", WRAPS)
def test_nesting_works_up_to_the_limit(wrap: Callable[[Any], Any]) -> None:
    value = nested(DEPTH_LIMIT, wrap)
    serializer = make_serializer()
    assert serializer.dumps(serializer.loads(serializer.dumps(value))) == serializer.dumps(value)


@pytest.mark.parametrize("wrap", WRAPS)
@pytest.mark.parametrize("levels", [DEPTH_LIMIT + 1, 500, 5_000])
def test_deeper_nesting_is_refused_clearly(levels: int, wrap: Callable[[Any], Any]) -> None:
    value = nested(levels, wrap)
    with pytest.raises(UnstorableValueError, match="nested deeper than 200 levels, or contains itself") as caught:
        make_serializer().dumps(value)
    assert len(str(caught.value)) < 600
    # A deep value of Python's own is freed without recursion, one of dataclasses is not: take it apart.
    while isinstance(value, Box):
        value = value.content


def test_a_value_that_contains_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(UnstorableValueError, match="contains itself"):
        DataSerializer().dumps(endless)


CORRUPT = [
    (b"", "no cascade-data at all"),
    (b"\xff", "no cascade-data at all"),
    (b"null", "no cascade-data"),
    (b'{"format":"cascade-data","version":1}', "no cascade-data"),
    (b'{"format":"cascade-data","version":true,"value":1}', "True is no version"),
    (b'{"format":"cascade-data","version":2,"value":1}', "version 2, and this version of Cascade reads .* up to 1"),
    (b'{"format":"cascade-data","version":1,"value":NaN}', "NaN is no number"),
    (b"[" * 100_000, "nested too deeply"),
    (b'{"a":' * 100_000, "nested too deeply"),
]


@pytest.mark.parametrize(("data", "words"), CORRUPT, ids=lambda value: repr(value)[:30])
def test_foreign_bytes_are_corrupt_data(data: bytes, words: str) -> None:
    with pytest.raises(CorruptDataError, match=words):
        make_serializer().loads(data)


NODES = [
    '{"$":"no such tag"}',
    '{"$":["list"]}',
    '{"$":null}',
    '{"$":"tuple"}',
    '{"$":"set","v":[[]]}',
    '{"$":"dict","v":[1]}',
    '{"$":"dict","v":[[],1]}',
    '{"$":"int","v":"x"}',
    '{"$":"int","v":7}',
    '{"$":"float","v":"1"}',
    '{"$":"bytes","v":"===="}',
    '{"$":"date","v":"2024-13-01"}',
    '{"$":"datetime","v":"2024-01-01","fold":0,"tz":1}',
    '{"$":"zone","v":"../../etc/passwd"}',
    '{"$":"decimal","v":"x"}',
    '{"$":"fraction","numerator":1,"denominator":0}',
    '{"$":"range","start":0,"stop":1,"step":0}',
    '{"$":"deque","maxlen":-1,"v":[]}',
    '{"$":"defaultdict","factory":"eval","v":[]}',
    '{"$":"array","dtype":"O","shape":[1],"v":"AAAAAAAAAAA="}',
    '{"$":"array","dtype":"<i8","shape":[1000000000000],"v":""}',
    '{"$":"array","dtype":"<i8","shape":[-1],"v":""}',
    '{"$":"array","dtype":"no dtype","shape":[],"v":""}',
    '{"$":"scalar","dtype":"O","v":"AAAAAAAAAAA="}',
    '{"$":"enum","type":"tests.adapters.records:Colour","name":"BLUE"}',
    '{"$":"enum","type":"tests.adapters.records:Point","name":"x"}',
    '{"$":"dataclass","type":"tests.adapters.records:Colour","v":{}}',
    '{"$":"dataclass","type":"os:system","v":{}}',
    '{"$":"namedtuple","type":"tests.adapters.records:Point","v":{"x":1,"z":1}}',
    '{"$":"flag","type":"tests.adapters.records:Access","v":64}',
]


@pytest.mark.parametrize("node", NODES)
def test_malformed_nodes_are_corrupt_data(node: str) -> None:
    with pytest.raises(CorruptDataError, match="the stored data cannot be read: "):
        make_serializer().loads(b'{"format":"cascade-data","version":1,"value":' + node.encode() + b"}")


def test_a_class_that_is_not_registered_is_not_looked_for() -> None:
    with pytest.raises(CorruptDataError, match="the class 'subprocess:Popen' is not registered here"):
        DataSerializer().loads(
            b'{"format":"cascade-data","version":1,"value":{"$":"dataclass","type":"subprocess:Popen","v":{}}}'
        )


@settings(deadline=None)
@given(st.binary())
def test_any_bytes_are_corrupt_data_or_a_value(data: bytes) -> None:
    try:
        make_serializer().loads(data)
    except CorruptDataError:
        pass


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(VALUES, st.data())
def test_damaged_bytes_are_corrupt_data_or_a_value(value: Any, draw: st.DataObject) -> None:
    serializer = make_serializer()
    data = bytearray(serializer.dumps(value))
    for _ in range(draw.draw(st.integers(1, 3))):
        place = draw.draw(st.integers(0, len(data) - 1))
        data[place : place + draw.draw(st.integers(0, 3))] = draw.draw(st.binary(max_size=3))
    try:
        serializer.loads(bytes(data))
    except CorruptDataError:
        pass


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["$", "v", "type", "a"]), inner, max_size=3)
    ),
    max_leaves=6,
)
TAGS = (
    "dict int float str tuple set bytes datetime time timedelta timezone zone decimal array scalar enum flag model"
).split()


@settings(deadline=None)
@given(st.sampled_from(TAGS), JSON, JSON, st.sampled_from(["type", "dtype", "tz", "fold", "offset", "name", "text"]))
def test_any_node_of_a_known_tag_is_corrupt_data_or_a_value(tag: str, content: Any, other: Any, name: str) -> None:
    node = {"$": tag, "v": content, name: other}
    try:
        make_serializer().loads(json.dumps({"format": "cascade-data", "version": 1, "value": node}).encode())
    except CorruptDataError:
        pass


GOLDEN: dict[str, Any] = {
    "plain": [
        None,
        True,
        1,
        -1,
        1.0,
        -0.0,
        "text ü 😀",
        2**70,
        float("inf"),
        1 + 2j,
        b"\x00\xff",
        bytearray(b"a"),
        ...,
    ],
    "containers": ((1, 2), {1: "a"}, {"$": 0}, {1}, frozenset({2}), range(1, 9, 2), slice(None, 3), deque([1], 4)),
    "collections": [Counter("aab"), OrderedDict(b=1, a=2), defaultdict(int, {"x": 1})],
    "surrogate": "\ud800",
    "times": (
        datetime.datetime(2024, 10, 27, 2, 30, 1, 5, fold=1, tzinfo=ZoneInfo("Europe/Berlin")),
        datetime.datetime(2024, 1, 1, tzinfo=UTC),
        datetime.time(1, 2),
        datetime.date(2024, 2, 29),
        datetime.timedelta(days=-1, microseconds=3),
        datetime.timezone(datetime.timedelta(hours=1), "X"),
    ),
    "numbers": (decimal.Decimal("1.10"), Fraction(1, 3), uuid.UUID(int=1)),
    "paths": (pathlib.PurePosixPath("a/b"), pathlib.PureWindowsPath("c:/d")),
    "records": (Order([Point(1.0)], Colour.GREEN), Frozen("f", Level.HIGH), Derived(1), Access.READ | Access.WRITE),
    "arrays": (np.arange(3, dtype="<i4"), np.array([[1.5]], dtype="<f8"), np.float32(2), np.str_("s")),
}


def test_version_1_can_still_be_read() -> None:
    data = (HERE / "golden" / "data_version_1.json").read_bytes()
    assert same(make_serializer().loads(data), GOLDEN)


def test_version_1_is_what_is_written() -> None:
    assert make_serializer().dumps(GOLDEN) + b"\n" == (HERE / "golden" / "data_version_1.json").read_bytes()
