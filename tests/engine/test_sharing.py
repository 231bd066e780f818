"""Which calls are one node and run once, and which are two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from cascade import workflow as cs
from tests.support.running import counted


@cs.task
def pair(left: Any, right: Any) -> list[Any]:
    return [left, right]


@cs.task
def collect(*values: Any) -> list[Any]:
    return list(values)


@dataclass(frozen=True)
class Key:
    name: str
    size: int


def pure_task() -> tuple[cs.Task[Any, Any], list[Any]]:
    function, calls = counted(str)
    return cs.task(pure=True)(function), calls


def test_one_lazy_result_used_twice_runs_once() -> None:
    function, calls = counted(lambda: object())
    lazy: Any = cs.task(function)()
    left, right = cs.run(pair(lazy, [lazy]))
    assert len(calls) == 1
    assert right == [left]


def test_one_lazy_result_used_by_two_consumers_and_the_target_runs_once() -> None:
    function, calls = counted(lambda: object())
    lazy: Any = cs.task(function)()
    cs.run([pair(lazy, 1), pair(2, lazy), lazy])
    assert len(calls) == 1


def test_a_container_used_twice_is_built_once() -> None:
    container = [pair(1, 2)]
    left, right = cs.run(pair(container, container))
    assert left is right


def test_two_equal_calls_of_an_impure_task_run_twice() -> None:
    function, calls = counted(lambda x: x)
    task = cs.task(function)
    cs.run(pair(task(1), task(1)))
    assert calls == [(1,), (1,)]


def test_two_equal_calls_of_a_pure_task_run_once() -> None:
    task, calls = pure_task()
    assert cs.run(collect(task(1), task(1), [task(1)])) == ["1", "1", ["1"]]
    assert calls == [(1,)]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (1, 1.0),
        (1, True),
        (0.0, -0.0),
        ("1", 1),
        ([1], (1,)),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({1}, frozenset({1})),
        (b"x", "x"),
        (np.array([1, 2]), np.array([1, 3])),
        (np.array([1, 2]), np.array([1.0, 2.0])),
        (Key("a", 1), Key("a", 2)),
        (None, False),
    ],
    ids=lambda value: f"{type(value).__name__} {value!r}",
)
def test_calls_of_a_pure_task_with_different_arguments_are_not_merged(left: Any, right: Any) -> None:
    task, calls = pure_task()
    cs.run(pair(task(left), task(right)))
    assert len(calls) == 2


@pytest.mark.parametrize(
    "make",
    [
        lambda: [1, {"a": (2, 3)}],
        lambda: np.arange(5),
        lambda: Key("a", 1),
        lambda: {3, 1, 2},
        lambda: float("nan"),
    ],
)
def test_calls_of_a_pure_task_with_arguments_of_equal_content_are_merged(make: Any) -> None:
    task, calls = pure_task()
    cs.run(pair(task(make()), task(make())))
    assert len(calls) == 1


def test_a_pure_call_whose_argument_has_no_stable_hash_is_not_merged() -> None:
    task, calls = pure_task()
    thing = object()
    cs.run(pair(task(thing), task(thing)))
    assert len(calls) == 2


def test_calls_of_a_pure_task_are_merged_through_their_inputs() -> None:
    task, calls = pure_task()
    cs.run(pair(task(task(task(1))), task(task(task(1)))))
    assert len(calls) == 3


def test_calls_of_a_pure_task_on_two_calls_of_an_impure_one_are_not_merged() -> None:
    function, _ = counted(lambda: 1)
    impure = cs.task(function)
    task, calls = pure_task()
    cs.run(pair(task(impure()), task(impure())))
    assert len(calls) == 2


def test_calls_of_two_pure_tasks_are_not_merged() -> None:
    first, first_calls = pure_task()
    second, second_calls = pure_task()
    cs.run(pair(first(1), second(1)))
    assert (len(first_calls), len(second_calls)) == (1, 1)


def test_pure_calls_with_other_options_are_not_merged() -> None:
    task, calls = pure_task()
    cs.run(collect(task(1), task.with_retry(2)(1), task(1).run_if(True), task(1).named("other")))
    assert len(calls) == 4


def test_pure_calls_that_give_an_argument_in_different_ways_keep_their_arguments() -> None:
    @cs.task(pure=True)
    def show(a: int = 1, b: int = 2) -> tuple[int, int]:
        return a, b

    assert cs.run(collect(show(5), show(b=5), show(a=5), show())) == [(5, 2), (1, 5), (5, 2), (1, 2)]


def test_pure_calls_of_two_steps_both_run() -> None:
    task, calls = pure_task()

    @cs.task
    def loop(n: int, _value: Any = None) -> str:
        return "done" if n == 0 else loop(n - 1, task(1))

    cs.run(loop(3))
    assert len(calls) == 3
