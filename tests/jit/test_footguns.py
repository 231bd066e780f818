"""Ways in which a cached plan could be wrong; the silent ones first.

Each program is run interpreted and compiled, and value, errors and the sequence of calls with their arguments must be
the same. Tasks are inline, so that their steps can be compiled from the second on.
"""

from __future__ import annotations

from collections import namedtuple
from dataclasses import dataclass
from typing import Any

import pytest

from cascade import workflow as cs
from cascade.spec.lazy_types import LazyResult
from tests.jit.support import Calls, same_both_ways

inline = cs.task(mode="inline")


@dataclass(frozen=True)
class Box:
    content: Any


Pair = namedtuple("Pair", "left right")


class Proxy:
    """Stands for an object that is not there, as the proxies of web frameworks do: not even its class can be asked."""

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        raise LookupError("there is nothing behind it")


class Disguised:
    """Says that it is a lazy result, as a mock of one does."""

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return LazyResult


class DisguisedList(list[Any]):
    """A list that says that it is a lazy result."""

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return LazyResult


def logged(calls: Calls, name: str) -> Any:
    """A task that notes its arguments and returns the sum of those that are numbers."""

    def work(*args: Any, **kwargs: Any) -> int:
        calls.append((name, args, kwargs))
        return sum(value for value in (*args, *kwargs.values()) if isinstance(value, int))

    return cs.task(mode="inline", name=name)(work)


def test_nested_literals_change_from_step_to_step() -> None:
    def program(calls: Calls) -> Any:
        shift = logged(calls, "shift")

        @inline
        def loop(n: int, total: int) -> int:
            calls.append(("loop", n, total))
            return total if n == 0 else loop(n - 1, shift(shift(n, 10 * n), total))

        return loop(12, 0)

    same_both_ways(program)


def test_a_literal_in_one_step_and_a_call_in_the_next() -> None:
    def program(calls: Calls) -> Any:
        work = logged(calls, "work")

        @inline
        def loop(n: int, x: Any) -> Any:
            calls.append(("loop", n, x))
            if n == 0:
                return x
            return loop(n - 1, work(n) if n % 2 else n)

        return loop(12, 0)

    same_both_ways(program)


def test_sharing_comes_and_goes() -> None:
    def program(calls: Calls) -> Any:
        work = logged(calls, "work")

        @inline
        def loop(n: int, x: int, y: int) -> int:
            calls.append(("loop", n, x, y))
            if n == 0:
                return x + y
            one, two = work(n), work(n)
            return loop(n - 1, one, one if n % 3 else two)

        return loop(18, 0, 0)

    _, calls = same_both_ways(program)
    assert sum(call[0] == "work" for call in calls) == 24


def test_sharing_deep_in_the_graph_comes_and_goes() -> None:
    def program(calls: Calls) -> Any:
        leaf, left, right = logged(calls, "leaf"), logged(calls, "left"), logged(calls, "right")

        @inline
        def loop(n: int, x: int, y: int) -> int:
            if n == 0:
                return x + y
            first = leaf(n)
            second = first if n % 2 else leaf(n)
            return loop(n - 1, left(first), right(second))

        return loop(16, 0, 0)

    same_both_ways(program)


def test_positional_and_keyword_arguments_alternate() -> None:
    def program(calls: Calls) -> Any:
        @inline
        def loop(n: int, k: int = 7) -> int:
            calls.append((n, k))
            if n == 0:
                return k
            forms = [lambda: loop(n - 1), lambda: loop(n=n - 1), lambda: loop(n - 1, k=2), lambda: loop(k=3, n=n - 1)]
            return forms[n % 4]()

        return loop(24)

    same_both_ways(program)


def test_keyword_arguments_in_another_order() -> None:
    def program(calls: Calls) -> Any:
        @inline
        def loop(n: int, a: int = 0, b: int = 0) -> tuple[int, int]:
            calls.append((n, a, b))
            if n == 0:
                return a, b
            return loop(n - 1, a=n, b=-n) if n % 3 else loop(n - 1, b=-n, a=n)

        return loop(18)

    same_both_ways(program)


def test_tasks_of_one_name_are_not_mixed() -> None:
    def program(calls: Calls) -> Any:
        def make(sign: int) -> Any:
            @inline
            def work(n: int) -> int:
                calls.append((sign, n))
                return sign * n

            return work

        plus, minus = make(1), make(-1)

        @inline
        def loop(n: int, x: int) -> int:
            return x if n == 0 else loop(n - 1, (plus if n % 2 else minus)(n))

        return loop(12, 0)

    same_both_ways(program)


def test_mutual_recursion_runs_the_right_function() -> None:
    def program(calls: Calls) -> Any:
        work = logged(calls, "work")

        @inline
        def ping(n: int, x: int = 0) -> str:
            calls.append(("ping", n, x))
            return "ping" if n <= 0 else pong(n - 1)

        @inline
        def pong(n: int) -> str:
            calls.append(("pong", n))
            return "pong" if n <= 0 else ping(n - 1, work(work(n)))

        return ping(25)

    same_both_ways(program)


def test_a_list_without_calls_and_a_list_with_calls() -> None:
    def program(calls: Calls) -> Any:
        work = logged(calls, "work")

        @inline
        def loop(n: int, items: list[Any]) -> Any:
            calls.append((n, items))
            if n == 0:
                return items
            return loop(n - 1, [work(n), n] if n % 2 else [n, n])

        return loop(12, [])

    same_both_ways(program)


@pytest.mark.parametrize("wrap", [list, tuple, Box, lambda x: Pair(*x), lambda x: dict([x])])
def test_containers_with_calls_inside(wrap: Any) -> None:
    def program(calls: Calls) -> Any:
        work = logged(calls, "work")

        @inline
        def loop(n: int, items: Any) -> Any:
            calls.append((n, items))
            return items if n == 0 else loop(n - 1, wrap((work(n), work(n + 1))))

        return loop(8, None)

    same_both_ways(program)


def test_the_length_of_a_list_of_calls_changes() -> None:
    def program(calls: Calls) -> Any:
        work = logged(calls, "work")

        @inline
        def loop(n: int, items: list[int]) -> Any:
            return items if n == 0 else loop(n - 1, [work(k) for k in range(n % 4)])

        return loop(16, [])

    same_both_ways(program)


def test_a_literal_wrapper_is_taken_off_in_every_step() -> None:
    def program(calls: Calls) -> Any:
        @inline
        def loop(n: int, x: Any) -> Any:
            calls.append((n, x))
            return x if n == 0 else loop(n - 1, cs.literal([n]) if n % 2 else [n])

        return loop(12, None)

    same_both_ways(program)


@pytest.mark.parametrize("kind", [list, tuple, lambda members: {"k": members[0]}], ids=["list", "tuple", "dict"])
def test_a_container_is_passed_on_itself_where_one_of_literal_wrappers_stood(kind: Any) -> None:
    def program(calls: Calls) -> Any:
        kept = kind([1])

        @inline
        def loop(n: int, x: Any) -> Any:
            calls.append((n, x, x is kept))
            return x if n == 0 else loop(n - 1, kind([cs.literal([n])]) if n > 6 else kept)

        return loop(12, None)

    _, calls = same_both_ways(program)
    assert calls[-1][2]


def test_options_of_one_call_are_not_forgotten_nor_kept() -> None:
    def program(calls: Calls) -> Any:
        attempts: dict[int, int] = {}

        @inline
        def flaky(n: int) -> int:
            attempts[n] = attempts.get(n, 0) + 1
            calls.append(("flaky", n, attempts[n]))
            if n == 5 and attempts[n] < 3:
                raise ValueError("not yet")
            return n

        @inline
        def loop(n: int, x: int) -> int:
            return x if n == 0 else loop(n - 1, flaky.with_retry(3)(n) if n == 5 else flaky(n))

        return loop(12, 0)

    same_both_ways(program)


def test_a_condition_alternates() -> None:
    def program(calls: Calls) -> Any:
        work = logged(calls, "work")

        @inline
        def loop(n: int, x: int = -1) -> int:
            calls.append(("loop", n, x))
            return x if n == 0 else loop(n - 1, work.run_if(n % 2 == 0)(n))

        return loop(12)

    same_both_ways(program)


def test_a_task_of_the_step_becomes_a_variant_with_a_policy() -> None:
    def program(calls: Calls) -> Any:
        failures = iter([True, False])

        @inline
        def loop(n: int) -> int:
            calls.append((n,))
            if n == 3 and next(failures):
                raise ValueError("once")
            return n if n == 0 else (loop.with_retry(2) if n == 4 else loop)(n - 1)

        return loop(10)

    same_both_ways(program)


def test_an_inner_node_returns_a_call_now_and_then() -> None:
    def program(calls: Calls) -> Any:
        deep = logged(calls, "deep")

        @inline
        def inner(n: int) -> int:
            calls.append(("inner", n))
            return deep(n, 100) if n % 5 == 0 else n

        @inline
        def loop(n: int, x: int, y: int) -> int:
            calls.append(("loop", n, x, y))
            return x if n == 0 else loop(n - 1, inner(n), inner(n + 1))

        return loop(40, 0, 0)

    same_both_ways(program, is_parallel=True)


def test_an_inner_node_that_always_returns_a_call() -> None:
    def program(calls: Calls) -> Any:
        deep = logged(calls, "deep")

        @inline
        def inner(n: int) -> Any:
            calls.append(("inner", n))
            return deep(n)

        @inline
        def loop(n: int, x: int) -> int:
            return x if n == 0 else loop(n - 1, inner(n))

        return loop(60, 0)

    same_both_ways(program)


def test_a_step_that_fails_names_itself_and_repeats_nothing() -> None:
    def program(calls: Calls) -> Any:
        before = logged(calls, "before")

        @inline
        def fails(n: int, x: int) -> int:
            calls.append(("fails", n, x))
            if n == 4:
                raise ValueError(f"at {n}")
            return n

        @inline
        def loop(n: int, x: int) -> int:
            calls.append(("loop", n, x))
            return loop(n - 1, fails(n, before(n)))

        return loop(20, 0)

    (kind, words, notes), calls = same_both_ways(program)
    assert (kind, words) == (ValueError, "at 4")
    assert notes == ["Cascade: in task 'fails', step 18"]
    assert calls.count(("before", (4,), {})) == 1


def test_the_root_of_a_step_fails() -> None:
    def program(calls: Calls) -> Any:
        @inline
        def loop(n: int) -> int:
            return loop(n - 1) if n > 3 else 1 // 0

        return loop(20)

    (kind, _, notes), _ = same_both_ways(program)
    assert kind is ZeroDivisionError
    assert notes == ["Cascade: in task 'loop', step 18"]


def test_stop_iteration_is_an_error() -> None:
    def program(calls: Calls) -> Any:
        @inline
        def loop(n: int) -> int:
            return loop(n - 1) if n > 3 else next(iter([]))

        return loop(20)

    (kind, words, _), _ = same_both_ways(program)
    assert kind is cs.TaskStopIterationError
    assert words == "task 'loop' raised StopIteration"


def test_a_wrong_call_in_the_middle_of_a_loop() -> None:
    def program(calls: Calls) -> Any:
        @inline
        def loop(n: int) -> Any:
            return loop(n - 1) if n > 3 else untyped(n, n, n)

        untyped: Any = loop

        return loop(20)

    (kind, words, _), _ = same_both_ways(program)
    assert kind is cs.ArgumentMismatchError
    assert "task 'loop': too many positional arguments" in words


@pytest.mark.parametrize("last", [[], {}, (), None, [1], {"a": 1}, Box(1)], ids=repr)
def test_the_value_of_the_loop_may_be_a_container(last: Any) -> None:
    def program(calls: Calls) -> Any:
        @inline
        def loop(n: int) -> Any:
            return loop(n - 1) if n else last

        return loop(10)

    same_both_ways(program)


@pytest.mark.parametrize("kind", [Proxy, Disguised, DisguisedList])
def test_the_class_of_a_value_is_not_what_the_value_says(kind: Any) -> None:
    value = kind()

    def program(calls: Calls) -> Any:
        work = cs.task(mode="inline")(lambda x: x)
        routes = {True: "nothing", False: value}

        @inline
        def loop(n: int, x: Any = None, y: Any = None) -> Any:
            calls.append((n, type(x), type(y)))
            return cs.Router(n < 0, routes) if n == 0 else loop(n - 1, work(value), value)

        @inline
        def outer(n: int, x: Any = None) -> Any:
            calls.append((n, type(x)))
            return x if n == 0 else outer(n - 1, loop(5))

        return outer(5)

    assert same_both_ways(program)[0][0] is kind


def test_the_loop_ends_in_a_container_of_calls() -> None:
    def program(calls: Calls) -> Any:
        work = logged(calls, "work")

        @inline
        def loop(n: int) -> Any:
            return loop(n - 1) if n else {"a": work(1), "b": [work(2)]}

        return loop(10)

    assert same_both_ways(program)[0] == (dict, {"a": 1, "b": [2]})


def test_pure_calls_are_merged_by_their_values() -> None:
    def program(calls: Calls) -> Any:
        @cs.task(pure=True, mode="inline")
        def work(n: int) -> int:
            calls.append(("work", n))
            return n

        @inline
        def loop(n: int, x: int, y: int) -> int:
            return x + y if n == 0 else loop(n - 1, work(n % 3), work(n % 2))

        return loop(12, 0, 0)

    same_both_ways(program)


def test_an_item_of_a_call_is_taken_anew_in_every_step() -> None:
    def program(calls: Calls) -> Any:
        @inline
        def pair(n: int) -> tuple[int, int]:
            return n, -n

        @inline
        def loop(n: int, x: int) -> int:
            calls.append((n, x))
            return x if n == 0 else loop(n - 1, pair(n)[n % 2])

        return loop(12, 0)

    same_both_ways(program)


def test_an_item_that_is_missing_is_the_users_error() -> None:
    def program(calls: Calls) -> Any:
        @inline
        def numbers(n: int) -> list[int]:
            return list(range(n))

        @inline
        def loop(n: int, x: int) -> int:
            return loop(n - 1, numbers(n)[3])

        return loop(10, 0)

    assert same_both_ways(program)[0][0] is IndexError


def test_a_loop_inside_a_node_and_inside_an_item() -> None:
    def program(calls: Calls) -> Any:
        add = logged(calls, "add")

        @inline
        def down(n: int, total: int = 0) -> int:
            return total if n == 0 else down(n - 1, total + n)

        @inline
        def outer(n: int, x: int = 0, y: Any = None) -> Any:
            return (x, y) if n == 0 else outer(n - 1, add(down(n), down(n + 1)), down.map([n, n + 1]))

        return outer(8)

    same_both_ways(program, is_parallel=True)


def test_deep_recursion_that_is_no_tail_call() -> None:
    def program(calls: Calls) -> Any:
        add = logged(calls, "add")

        @inline
        def fib(n: int) -> int:
            calls.append(("fib", n))
            return n if n < 2 else add(fib(n - 1), fib(n - 2))

        return fib(10)

    assert same_both_ways(program, is_parallel=True)[0] == (int, 55)


def test_a_call_that_was_made_before_and_is_used_again() -> None:
    def program(calls: Calls) -> Any:
        work = logged(calls, "work")
        once = work(42)

        @inline
        def loop(n: int, x: int) -> int:
            calls.append((n, x))
            return x if n == 0 else loop(n - 1, once)

        return loop(8, 0)

    _, calls = same_both_ways(program)
    assert sum(call[0] == "work" for call in calls) == 8, "once in each step"
