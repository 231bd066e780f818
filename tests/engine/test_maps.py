"""Maps: a task for every item of its input, in order, through a window that never holds the input."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from cascade import workflow as cs
from cascade.adapters.executors.local import LocalExecutor
from cascade.testing import RecordingBus, ScriptedExecutor
from tests.support.running import run_virtually


@cs.task(mode="inline")
def scale(x: int, by: int = 10) -> int:
    return x * by


@cs.task(mode="inline")
def numbers(n: int) -> list[int]:
    return list(range(n))


@cs.task(mode="inline")
def total(values: list[int]) -> int:
    return sum(values)


@cs.task
async def check(n: int, bad: int = 3) -> int:
    await asyncio.sleep(n)
    if n == bad:
        raise LookupError(f"item {n}")
    return n


def test_results_stand_in_the_order_of_the_input() -> None:
    @cs.task
    async def backwards(n: int) -> int:
        await asyncio.sleep(10 - n)
        return n

    assert run_virtually(backwards.map(range(10)))[0] == list(range(10))


@pytest.mark.parametrize(
    "mapped",
    [
        scale.map([1, 2, 3]),
        scale.map(x=[1, 2, 3]),
        scale.map((1, 2, 3), by=(10, 10, 10)),
        scale.map([1, 2, 3], cs.literal(10)),
        scale.map(x=iter([1, 2, 3]), by=cs.literal(10)),
        scale.map(range(1, 4)),
        scale.map({1: "a", 2: "b", 3: "c"}),
        scale.map([scale(1, 1), 2, scale(3, 1)]),
        scale.map(x=scale.map([1, 2, 3], by=cs.literal(1))),
        scale.map([1, 2, 3], by=cs.literal(scale(5, 2))),
    ],
    ids=itertools.count(),
)
def test_items_come_from_any_iterable_and_literals_are_the_same_for_all(mapped: Any) -> None:
    assert cs.run(mapped) == [10, 20, 30]


def test_a_lazy_iterable_is_mapped_when_it_is_there() -> None:
    assert cs.run(total(scale.map(numbers(4)))) == 60


def test_an_empty_input_gives_an_empty_list() -> None:
    assert cs.run(scale.map([])) == []
    assert cs.run(total(scale.map(iter(())))) == 0


def test_a_broadcast_list_reaches_every_item_as_the_same_object() -> None:
    shared = [1, 2]

    @cs.task(mode="inline")
    def keep(_n: int, values: list[int]) -> Any:
        return cs.literal(values)

    assert all(values is shared for values in cs.run(keep.map(range(3), cs.literal(shared))))


def test_lazy_results_inside_items_are_evaluated() -> None:
    assert cs.run(total.map([[scale(1), 2], (3, scale(4))])) == [12, 43]


def test_a_map_of_a_method_has_its_instance_in_every_item() -> None:
    class Scaler:
        factor = 7

        @cs.task(mode="inline")
        def scale(self, x: int) -> int:
            return self.factor * x

    assert cs.run(Scaler().scale.map([1, 2])) == [7, 14]


def test_async_generators_are_drawn_from() -> None:
    async def produce() -> AsyncIterator[int]:
        for n in range(4):
            await asyncio.sleep(1)
            yield n

    value, elapsed_s = run_virtually(scale.map(produce(), by=cs.literal(2)))
    assert value == [0, 2, 4, 6]
    assert elapsed_s == pytest.approx(4)


class Window:
    """Counts how many items were drawn from an input and how many are under way."""

    def __init__(self) -> None:
        self.drawn = 0
        self.done = 0
        self.widest = 0

    def items(self, count: int | None = None) -> Iterator[int]:
        for n in itertools.count() if count is None else range(count):
            self.drawn += 1
            self.widest = max(self.widest, self.drawn - self.done)
            yield n

    def task(self) -> Any:
        @cs.task
        async def work(n: int) -> int:
            await asyncio.sleep(1)
            self.done += 1
            if n == 50:
                raise StopAsyncIteration("enough")
            return n

        return work


def test_an_endless_input_is_drawn_only_as_the_window_moves() -> None:
    window = Window()
    with pytest.raises(StopAsyncIteration, match="enough"):
        run_virtually(window.task().map(window.items(), max_in_flight=3))
    assert window.widest == 3
    assert window.drawn < 60


def test_the_window_is_twice_the_concurrency_of_the_executor_by_default() -> None:
    window = Window()
    engine = cs.Engine(executor=ScriptedExecutor(concurrency=4))
    run_virtually(window.task().map(window.items(40)), engine)
    assert window.widest == 8


def test_items_of_a_map_hold_no_place_of_the_window_after_their_end() -> None:
    window = Window()
    run_virtually(window.task().map(window.items(30), max_in_flight=1))
    assert (window.widest, window.drawn) == (1, 30)


def test_inputs_of_different_known_lengths_are_refused_before_anything_runs() -> None:
    with pytest.raises(cs.MapLengthError, match=r"'scale'.*x has 3, by has 2.*literal\(\)"):
        cs.run(scale.map([1, 2, 3], by=[1, 2]))


def test_inputs_whose_lengths_turn_out_different_are_an_error() -> None:
    with pytest.raises(cs.MapLengthError, match="by ended after 2 items"):
        cs.run(scale.map(iter([1, 2, 3]), by=iter([1, 2])))


def test_an_input_that_is_not_iterable_is_an_error_that_names_the_parameter() -> None:
    with pytest.raises(
        cs.MapInputError, match=r"'scale': map\(by=…\) got 5, which is not iterable; wrap it in literal"
    ):
        cs.run(scale.map([1, 2], by=5))


def test_a_map_without_any_iterable_is_refused_at_once() -> None:
    with pytest.raises(cs.TaskDefinitionError, match="at least one iterable"):
        scale.map(cs.literal(1))
    with pytest.raises(cs.TaskDefinitionError, match="at least one iterable"):
        scale.map()


@pytest.mark.parametrize("options", [{"max_in_flight": 0}, {"on_error": "ignore"}])
def test_an_option_out_of_range_is_refused_at_once(options: Any) -> None:
    with pytest.raises(cs.TaskDefinitionError, match=next(iter(options))):
        scale.map([1], **options)


def test_an_input_that_raises_ends_the_run_with_its_exception() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise LookupError("the source is gone")

    with pytest.raises(LookupError, match="the source is gone"):
        cs.run(scale.map(broken()))


def test_failures_are_values_if_the_map_is_to_continue() -> None:
    values, _ = run_virtually(check.map([1, 3, 2, 3, 0], on_error="continue"))
    assert [value for value in values if isinstance(value, int)] == [1, 2, 0]
    failures = [value for value in values if isinstance(value, cs.Failure)]
    assert [failure.index for failure in failures] == [1, 3]
    assert [(type(failure.error), str(failure.error)) for failure in failures] == [(LookupError, "item 3")] * 2
    assert not failures[0], "a failure is false, so that `[v for v in values if v]` reads well"


def test_a_failure_deep_inside_an_item_is_its_value_and_stops_what_the_item_had_under_way() -> None:
    log: list[str] = []

    @cs.task
    async def slow() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            log.append("cancelled")

    @cs.task
    async def item(n: int) -> Any:
        return [slow(), check(3)] if n == 1 else scale(n)

    values, _ = run_virtually(item.map(range(3), on_error="continue"))
    assert [values[0], values[2]] == [0, 20]
    assert isinstance(values[1], cs.Failure)
    assert log == ["cancelled"]


def test_the_innermost_map_that_continues_keeps_the_failure() -> None:
    @cs.task
    async def row(n: int) -> Any:
        return check.map([n, 3], on_error="continue")

    values: list[Any] = run_virtually(row.map([1, 2], on_error="continue"))[0]
    assert [value[0] for value in values] == [1, 2]
    assert all(isinstance(value[1], cs.Failure) for value in values)


def test_policies_of_the_task_hold_for_every_item() -> None:
    attempts: list[int] = []

    @cs.task
    async def flaky(n: int) -> int:
        attempts.append(n)
        if attempts.count(n) < 2:
            raise ConnectionError(n)
        return n

    assert run_virtually(flaky.with_retry(2).map(range(4)))[0] == [0, 1, 2, 3]
    assert sorted(attempts) == [0, 0, 1, 1, 2, 2, 3, 3]


def test_a_map_holds_no_place_in_the_executor() -> None:
    """Maps in maps, deeper than the executor has threads."""

    @cs.task(mode="thread")
    def leaf(n: int) -> int:
        return n

    @cs.task(mode="thread")
    def branch(depth: int) -> Any:
        return leaf.map(range(2)) if depth == 0 else branch.map([depth - 1, depth - 1])

    engine = cs.Engine(executor=LocalExecutor(threads=1))
    assert cs.run(branch(3), engine=engine) == [[[[0, 1]] * 2] * 2] * 2


def test_each_item_has_a_node_id_of_its_own() -> None:
    bus = RecordingBus(cs.TaskExecutionStarted)
    cs.run([scale.map([1, 2]), scale(3)], engine=cs.Engine(bus=bus))
    assert len({event.node_id for event in bus.of(cs.TaskExecutionStarted)}) == 3
