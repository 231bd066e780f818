"""`as_completed`: values as they come, with back-pressure, failures and an early end."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from cascade import workflow as cs


@cs.task
def square(x: int) -> int:
    return x * x


@cs.task
def three() -> list[int]:
    return [1, 2, 3]


@cs.task
def positive(x: int, by: int = 1) -> int:
    if x < 0:
        raise ValueError(f"{x} is negative")
    return x * by


def test_each_value_comes_with_its_place() -> None:
    assert sorted(cs.as_completed(square.map([3, 4, 5]))) == [(0, 9), (1, 16), (2, 25)]


def test_any_calls_can_be_given_not_only_a_map() -> None:
    calls = [square(2), square(square(2)), positive(7)]
    assert sorted(cs.as_completed(calls)) == [(0, 4), (1, 16), (2, 7)]


def test_the_inputs_of_a_map_may_be_calls_and_broadcast_calls() -> None:
    mapped = positive.map(x=three(), by=cs.literal(square(10)))
    assert sorted(cs.as_completed(mapped)) == [(0, 100), (1, 200), (2, 300)]


def test_values_come_in_the_order_of_completion() -> None:
    gates = [threading.Event() for _ in range(3)]

    @cs.task(mode="thread")
    def wait(place: int) -> int:
        assert gates[place].wait(10)
        return place

    order = [2, 0, 1]
    gates[order[0]].set()
    seen = []
    for completed in cs.as_completed(wait.map(range(3))):
        seen.append(completed.place)
        if len(seen) < 3:
            gates[order[len(seen)]].set()
    assert seen == order


def test_the_input_is_not_drawn_ahead_of_a_slow_consumer() -> None:
    drawn = 0

    def endless() -> Iterator[int]:
        nonlocal drawn
        for drawn in itertools.count(1):
            yield square(drawn)

    values = iter(cs.as_completed(endless(), max_in_flight=4))
    first = [next(values).value for _ in range(10)]
    assert set(first) <= {x * x for x in range(1, 100)}
    assert drawn < 200, "the window and the room for waiting values, and no more"
    values.close()  # type: ignore[attr-defined]


def test_leaving_the_iteration_cancels_the_run() -> None:
    engine = cs.Engine()
    ended = threading.Event()
    statuses: list[str] = []

    def finished(event: cs.RunFinished) -> None:
        statuses.append(event.status)
        ended.set()

    engine.subscribe(cs.RunFinished, finished)
    for _ in cs.as_completed((square(x) for x in itertools.count()), engine=engine):
        break
    assert ended.wait(10)
    assert statuses == ["Cancelled"]


def test_a_failure_is_raised_in_the_iteration() -> None:
    with pytest.raises(ValueError, match="-1 is negative") as caught:
        list(cs.as_completed(positive.map([1, -1, 2])))
    assert "in task 'positive'" in caught.value.__notes__[0]


def test_failures_that_are_kept_come_as_values_with_their_place() -> None:
    values = dict(cs.as_completed(positive.map([1, -1, 2], on_error="continue")))
    assert (values[0], values[2]) == (1, 2)
    failure: Any = values[1]
    assert isinstance(failure, cs.Failure)
    assert (failure.index, str(failure.error)) == (1, "-1 is negative")


def test_it_can_be_iterated_in_an_event_loop() -> None:
    async def numbers() -> AsyncIterator[int]:
        for number in range(4):
            yield number

    async def main() -> list[Any]:
        return sorted([completed async for completed in cs.as_completed(square.map(numbers()))])

    assert asyncio.run(main()) == [(0, 0), (1, 1), (2, 4), (3, 9)]


def test_iterables_of_different_lengths_are_an_error() -> None:
    with pytest.raises(cs.MapLengthError):
        list(cs.as_completed(positive.map([1, 2, 3], [1])))


def test_it_is_iterated_once() -> None:
    values = cs.as_completed(square.map([1]))
    assert list(values) == [(0, 1)]
    with pytest.raises(RuntimeError, match="can be iterated once"):
        list(values)


@pytest.mark.parametrize("calls", [square(1), 5, square])
def test_what_is_no_iterable_of_calls_is_refused(calls: Any) -> None:
    with pytest.raises(cs.TaskDefinitionError, match="takes a map or an iterable of calls"):
        cs.as_completed(calls)


def test_parameters_reach_the_calls() -> None:
    calls = [square(cs.Param("n", type=int))]
    assert list(cs.as_completed(calls, params={"n": "6"})) == [(0, 36)]


def test_the_end_of_a_run_is_told_to_nobody_if_the_consumers_event_loop_is_closed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    begun, released = threading.Event(), threading.Event()

    @cs.task(mode="thread")
    def wait(x: int) -> int:
        begun.set()
        assert released.wait(10)
        return x

    async def consume() -> None:
        async for _ in cs.as_completed(wait.map([1])):
            raise AssertionError("there is no value yet")

    async def give_up() -> None:
        consumer = asyncio.create_task(consume())
        await asyncio.to_thread(begun.wait, 10)
        consumer.cancel()
        await asyncio.wait([consumer])

    asyncio.run(give_up())
    released.set()
    for thread in threading.enumerate():
        if thread.name == "cascade run":
            thread.join(10)
    assert caplog.text == ""
