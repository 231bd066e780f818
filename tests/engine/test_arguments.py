"""What a task gets: values in the place of lazy results, wherever they stood, and everything else untouched."""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict, deque
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pytest

from cascade import workflow as cs


@cs.task
def one() -> int:
    return 1


@cs.task
def text(value: str = "x") -> str:
    return value


@cs.task
def add(a: int, b: int = 100) -> int:
    return a + b


@cs.task(mode="inline")
def same(value: Any) -> Any:
    return cs.literal(value)


def received(value: Any) -> Any:
    """What a task gets for this argument."""
    return cs.run(same(value))


class Point(NamedTuple):
    x: int
    y: int = 0


@dataclass
class Plain:
    a: int
    b: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Frozen:
    a: int
    b: str = "b"


@dataclass(slots=True)
class Slotted:
    a: int
    b: str = "b"


@dataclass(frozen=True, slots=True)
class FrozenSlotted:
    a: int


@dataclass
class Derived:
    """A field that ``__init__`` does not take, and one that is missing."""

    a: int
    twice: list[int] = field(init=False, default_factory=lambda: [1, 2])
    later: int = field(init=False)


class Stack(list[int]):
    def __init__(self, *values: int, label: str = "") -> None:
        super().__init__(values)
        self.label = label


@dataclass
class Annotated(list[int]):
    label: str


class Pair(tuple[int, ...]):
    """A subclass of tuple that is no named tuple."""

    __slots__ = ()


class Bag(set[int]):
    pass


class Table(dict[str, int]):
    pass


def test_a_lazy_result_is_passed_by_position_and_by_name() -> None:
    assert cs.run(add(one(), 5)) == 6
    assert cs.run(add(5, b=one())) == 6
    assert cs.run(add(b=5, a=one())) == 6
    assert cs.run(add(one())) == 101


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ([one(), 2, one()], [1, 2, 1]),
        ((one(), 2), (1, 2)),
        ({"a": one(), "b": 2}, {"a": 1, "b": 2}),
        ({text("key"): 1, text("other"): one()}, {"key": 1, "other": 1}),
        ({one(), 2}, {1, 2}),
        (frozenset({one(), 2}), frozenset({1, 2})),
        (Point(one(), 2), Point(1, 2)),
        (Plain(one(), [one(), 3]), Plain(1, [1, 3])),
        (Frozen(one()), Frozen(1)),
        (Slotted(one(), b="c"), Slotted(1, "c")),
        (FrozenSlotted(one()), FrozenSlotted(1)),
        (OrderedDict(b=one(), a=2), OrderedDict(b=1, a=2)),
        (Counter(x=one()), Counter(x=1)),
        (Bag({one()}), Bag({1})),
        (Table(x=one()), Table(x=1)),
        (Pair((one(), 2)), Pair((1, 2))),
        ([{"a": (Plain(one()), {text("k"): [one()]})}], [{"a": (Plain(1), {"k": [1]})}]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_lazy_results_are_found_in_containers_and_records(argument: Any, expected: Any) -> None:
    got = received(argument)
    assert got == expected
    assert type(got) is type(expected)


def test_a_defaultdict_keeps_its_factory() -> None:
    got = received(defaultdict(list, a=[one()]))
    assert got == {"a": [1]}
    assert got["new"] == []


def test_a_subclass_of_list_keeps_its_attributes() -> None:
    got = received(Stack(one(), 2, label="mine"))
    assert (type(got), list(got), got.label) == (Stack, [1, 2], "mine")


def test_the_order_of_an_ordered_dict_is_kept() -> None:
    assert list(received(OrderedDict([("z", one()), ("a", 2), ("m", one())]))) == ["z", "a", "m"]


def test_a_dataclass_with_fields_outside_its_init_keeps_them() -> None:
    record = Derived(one())
    record.twice = [one(), 5]
    got = received(record)
    assert (got.a, got.twice) == (1, [1, 5])
    assert not hasattr(got, "later")


def test_lazy_results_are_found_in_the_items_of_a_dataclass_that_is_a_container() -> None:
    record = Annotated("label")
    record.append(one())
    got = received(record)
    assert (got.label, list(got)) == ("label", [1])


def test_the_container_of_the_caller_is_not_changed() -> None:
    record = Plain(one(), [one()])
    stack = Stack(one(), label="mine")
    received([record, stack])
    assert isinstance(stack[0], type(one()))
    assert isinstance(record.a, type(one()))


@pytest.mark.parametrize(
    "container",
    [
        [1, [2, {"a": (3,)}]],
        (1, 2),
        {"a": [1]},
        {1, 2},
        Point(1, 2),
        Plain(1),
        Stack(1),
        defaultdict(int, a=1),
        deque([1]),
        bytearray(b"x"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_container_without_lazy_results_arrives_as_the_very_object(container: Any) -> None:
    assert received(container) is container


def test_the_part_of_a_container_without_lazy_results_arrives_as_the_very_object() -> None:
    inner = [1, 2, 3]
    assert received([one(), inner])[1] is inner


def test_a_literal_is_not_looked_into() -> None:
    lazy = one()
    got = received(cs.literal([lazy]))
    assert got[0] is lazy


def test_a_container_that_contains_itself_is_passed_on() -> None:
    loop: list[Any] = [1]
    loop.append(loop)
    assert received(loop) is loop


def test_a_lazy_result_that_is_an_argument_of_itself_is_an_error_that_names_the_cycle() -> None:
    container: list[Any] = []
    outer = same(add(1, same(container)))
    container.append(outer)
    with pytest.raises(cs.CycleError, match="same -> add -> same") as caught:
        cs.run(outer)
    assert caught.value.cycle[0] == caught.value.cycle[-1]


def test_an_item_of_a_lazy_result_is_lazy_too() -> None:
    @cs.task
    def table() -> dict[str, list[int]]:
        return {"row": [10, 20, 30]}

    rows = table()
    assert cs.run(add(rows["row"][1], rows["row"][0])) == 30
    assert cs.run(add(rows["row"][one()], 0)) == 20


def test_a_default_that_is_lazy_is_evaluated() -> None:
    default = add(1, 2)

    @cs.task
    def with_default(a: int, b: int = default) -> int:
        return a * b

    assert cs.run(with_default(5)) == 15
    assert cs.run(with_default(5, 2)) == 10
    assert cs.run(with_default(5, b=one())) == 5


@pytest.mark.parametrize("target", [[one(), 2], {"a": one()}, (one(), [one()]), Plain(one()), 7, "text", None, [1, 2]])
def test_the_target_of_a_run_may_be_any_container(target: Any) -> None:
    expected: Any = {
        "list": [1, 2],
        "dict": {"a": 1},
        "tuple": (1, [1]),
        "Plain": Plain(1),
        "int": 7,
        "str": "text",
        "NoneType": None,
    }[type(target).__name__]
    assert cs.run(target) == expected


def test_sync_functions_that_return_an_awaitable_are_awaited() -> None:
    async def later() -> int:
        return 5

    @cs.task
    def wrapper() -> Any:
        return later()

    assert cs.run(add(wrapper(), 1)) == 6
