"""Right programs: calls. They run, and mypy and pyright accept every line (see test_checkers.py)."""

from __future__ import annotations

import asyncio
import functools
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar, assert_type

from cascade import workflow as cs

A = TypeVar("A")
B = TypeVar("B")
Number = TypeVar("Number", int, float)


@cs.task
def add(a: int, b: int = 1) -> int:
    return a + b


@cs.task
def text(number: int, *, width: int = 0) -> str:
    return str(number).rjust(width)


@cs.task
async def later(value: int) -> int:
    await asyncio.sleep(0)
    return value


@cs.task
def nothing() -> None:
    return None


@cs.task
def total(numbers: Sequence[int], weights: Mapping[str, int] | None = None, *more: int) -> int:
    return sum(numbers) + sum((weights or {}).values()) + sum(more)


def test_nested_calls_keywords_and_defaults() -> None:
    assert_type(add(1, 2), int)
    assert_type(text(add(add(1), b=add(2)), width=4), str)
    assert cs.run(text(add(add(1), b=add(2)), width=4)) == "   5"


def test_async_task_is_typed_as_its_value_and_not_as_a_coroutine() -> None:
    assert_type(later(1), int)
    assert cs.run(add(later(1), later(2))) == 3


@cs.task
def countdown(n: int) -> str:
    return "done" if n <= 0 else countdown(n - 1)


@cs.task
async def countdown_async(n: int) -> str:
    if n <= 0:
        return "done"
    await asyncio.sleep(0)
    return countdown_async(n - 1)


@cs.task
def even(n: int) -> bool:
    return True if n == 0 else odd(n - 1)


@cs.task
def odd(n: int) -> bool:
    if n == 0:
        return False
    return even.with_retry(2)(n - 1)


@cs.task
def factorial(n: int) -> int:
    return 1 if n == 0 else multiply(n, factorial(n - 1))


@cs.task(pure=True)
def multiply(a: int, b: int) -> int:
    return a * b


def test_tail_calls_and_other_recursion() -> None:
    assert_type(countdown(3), str)
    assert_type(countdown_async(3), str)
    assert cs.run((countdown(3), countdown_async(3), even(5), factorial(5))) == ("done", "done", False, 120)


@dataclass(frozen=True)
class Point:
    x: int
    y: int


class Pair(NamedTuple):
    left: int
    right: str


@cs.task
def norm(point: Point) -> int:
    return abs(point.x) + abs(point.y)


@cs.task
def describe(pair: Pair, options: dict[str, list[int]]) -> str:
    return f"{pair.left} {pair.right} {options}"


def test_containers_and_records_may_hold_calls() -> None:
    assert cs.run(total([add(1), 2, later(3)], {"a": add(1, 1), "b": 2}, add(0), 5)) == 17
    assert cs.run(norm(Point(add(1), 3))) == 5
    assert cs.run(describe(Pair(add(1), text(2)), {"n": [add(1), 2]})) == "2 2 {'n': [2, 2]}"


@cs.task
def settings() -> dict[str, list[int]]:
    return {"sizes": [1, 2, 3]}


@cs.task
def halves() -> tuple[int, str]:
    return 1, "one"


def test_item_of_a_lazy_result_is_typed_as_the_item() -> None:
    assert_type(settings()["sizes"], list[int])
    assert_type(settings()["sizes"][0], int)
    assert_type(halves()[1], str)
    assert cs.run(add(settings()["sizes"][2], halves()[0])) == 4


def test_task_that_returns_nothing() -> None:
    nothing()
    assert cs.run(nothing()) is None


@cs.task(name="pure sum", pure=True, version=2)
def named_sum(a: int, b: int) -> int:
    return a + b


@cs.task(mode="thread")
def threaded(a: int) -> str:
    return str(a)


@cs.task(name="async with options")
async def async_with_options(a: int) -> str:
    return str(a)


def choose_mode() -> cs.Task[[int], int]:
    @cs.task(mode="inline")
    def inline(a: int) -> int:
        return -a

    return inline


def test_options_keep_the_signature() -> None:
    assert_type(named_sum(1, b=2), int)
    assert_type(threaded(1), str)
    assert_type(async_with_options(1), str)
    assert cs.run((named_sum(1, b=2), threaded(1), async_with_options(1), choose_mode()(1))) == (3, "1", "1", -1)


class Account:
    def __init__(self, balance: int) -> None:
        self.balance = balance

    @cs.task
    def after_interest(self, percent: int) -> int:
        return self.balance * (100 + percent) // 100

    @cs.task
    async def label(self, prefix: str = "") -> str:
        return f"{prefix}{self.balance}"

    @cs.task(pure=True)
    def doubled(self) -> int:
        return 2 * self.balance

    @staticmethod
    @cs.task
    def parse(raw: str) -> int:
        return int(raw)

    @cs.task
    @classmethod
    def currency(cls, digits: int) -> str:
        return f"{cls.__name__}{digits}"


def test_methods_lose_their_first_parameter() -> None:
    account = Account(100)
    assert_type(account.after_interest(10), int)
    assert_type(Account.after_interest(account, percent=10), int)
    assert_type(account.label(prefix="balance "), str)
    assert_type(account.doubled(), int)
    assert_type(account.after_interest.with_retry(2)(10), int)
    assert_type(account.after_interest.map(percent=[1, 2]), list[int])
    assert cs.run(add(account.after_interest(10), account.doubled())) == 310
    assert cs.run(Account.after_interest(account, percent=10)) == 110
    assert cs.run(account.after_interest.map(percent=[10, 20])) == [110, 120]


def test_static_methods_through_the_class_and_class_methods_through_an_instance() -> None:
    # The other way round is in limits.py.
    assert_type(Account.parse("1"), int)
    assert_type(Account(1).currency(2), str)
    assert cs.run((Account.parse("1"), Account(1).currency(2))) == (1, "Account2")


class Box(Generic[A]):
    def __init__(self, content: A) -> None:
        self.content = content

    @cs.task
    def get(self) -> A:
        return self.content


def test_method_of_a_generic_class() -> None:
    assert_type(Box(3).get(), int)
    assert cs.run(Box("a").get()) == "a"


@cs.task
def both(a: A, b: B) -> tuple[A, B]:
    return a, b


@cs.task
def swap(pair: tuple[A, B]) -> tuple[B, A]:
    return pair[1], pair[0]


@cs.task
def without_none(values: Sequence[A | None]) -> list[A]:
    return [value for value in values if value is not None]


@cs.task
def larger(a: Number, b: Number) -> Number:
    return max(a, b)


# Under mypy a sync task whose return type is a bare TypeVar needs a mode: see limits.py.
@cs.task(mode="inline")
def first(values: Sequence[A]) -> A:
    return values[0]


@cs.task(mode="inline")
def same(value: A) -> A:
    return value


def test_generic_tasks() -> None:
    assert_type(both(1, "a"), tuple[int, str])
    assert_type(swap(both(1, "a")), tuple[str, int])
    assert_type(without_none([1, None, 2]), list[int])
    assert_type(first(["a", "b"]), str)
    assert_type(first([first([[1]])]), list[int])
    assert_type(first.with_retry(2)([1.5]), float)
    assert_type(add(same(1), first([same(2)])), int)
    assert cs.run(swap(both(1, "a"))) == ("a", 1)
    assert cs.run(add(same(1), first([same(2)]))) == 3


def plain_add(a: int, b: int) -> int:
    return a + b


def unary(fn: Callable[[int], int]) -> Callable[[int], int]:
    """Tells the checker the types of a lambda."""
    return fn


class Greeter:
    async def __call__(self, name: str) -> str:
        return f"hello, {name}"


def test_partials_builtins_classes_lambdas_and_callable_objects() -> None:
    add_one = cs.task(functools.partial(plain_add, 1))
    size = cs.task(len)
    shout = cs.task(str.upper)
    point = cs.task(Point)
    greet = cs.task(Greeter())
    increment = cs.task(unary(lambda n: n + 1))
    plus = cs.task(operator.concat)
    assert_type(add_one(2), int)
    assert_type(size([1, 2]), int)
    assert_type(shout("a"), str)
    assert_type(point(1, y=2), Point)
    assert_type(greet("Ada"), str)
    assert_type(increment(1), int)
    assert cs.run((add_one(2), size([add(1), 2]), shout("a"), norm(point(1, y=2)))) == (3, 2, "A", 3)
    assert cs.run((greet("Ada"), increment(1), plus("a", "b"))) == ("hello, Ada", 2, "ab")


def apply_twice(task: cs.Task[[int], int], start: int) -> int:
    """Typed as its value, as a call of a task is."""
    return task(task(start))


def name_of(task: cs.Task[..., Any]) -> str:
    return task.name


def test_tasks_are_values_with_a_type_of_their_own() -> None:
    one_more: cs.Task[[int], int] = choose_mode()
    anything: cs.Task[..., object] = add
    assert cs.run(apply_twice(one_more, 1)) == 1
    assert cs.run(apply_twice(later, 1)) == 1
    assert name_of(add) == "add"
    assert name_of(later) == "later"
    assert cs.run(anything(1, 2)) == 3
