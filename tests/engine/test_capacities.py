"""Capacities: what tasks hold while they run; all or nothing, first come first served."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cascade import workflow as cs
from cascade.testing import RecordingBus, run_in_virtual_time
from tests.support.running import run_virtually

STARTED: list[tuple[str, float]] = []


@pytest.fixture(autouse=True)
def started() -> list[tuple[str, float]]:
    STARTED.clear()
    return STARTED


@cs.task
async def work(name: str, seconds: float = 1, *_inputs: Any) -> Any:
    now = asyncio.get_running_loop().time()
    STARTED.append((name, now))
    await asyncio.sleep(seconds)
    return name


@cs.task
async def amount(value: float) -> float:
    return value


def engine(**capacities: float) -> cs.Engine:
    return cs.Engine(system_resources=capacities)


def test_calls_wait_until_what_they_need_is_free() -> None:
    target = [work(name).with_constraints(gpu=1) for name in "abcde"]
    value, elapsed_s = run_virtually(target, engine(gpu=2))
    assert value == ["a", "b", "c", "d", "e"]
    assert elapsed_s == pytest.approx(3)
    assert [moment for _, moment in STARTED] == pytest.approx([0, 0, 1, 1, 2])


def test_calls_that_need_nothing_do_not_wait() -> None:
    target = [work("a").with_constraints(gpu=1), work("b").with_constraints(gpu=1), work("c"), work("d")]
    run_virtually(target, engine(gpu=1))
    assert dict(STARTED) == {"a": 0, "c": 0, "d": 0, "b": 1}


def test_amounts_of_several_capacities_are_taken_together_or_not_at_all() -> None:
    """b waits for both; while it does, it must not hold the memory that it could have."""
    a = work("a").with_constraints(gpu=1)
    b = work("b").with_constraints(gpu=1, memory=4)
    c = work("c").with_constraints(disk=1)
    run_virtually([a, b, c], engine(gpu=1, memory=4, disk=1))
    assert dict(STARTED) == {"a": 0, "c": 0, "b": pytest.approx(1)}


def test_fractions_and_nothing_are_amounts() -> None:
    target = [work(name).with_constraints(gpu=0.5) for name in "ab"] + [work("c").with_constraints(gpu=0)]
    assert run_virtually(target, engine(gpu=1))[1] == pytest.approx(1)


def test_a_large_request_is_not_overtaken_for_ever_by_small_ones() -> None:
    """Two small ones of 2 s, shifted by 1 s, would always leave one place taken."""

    @cs.task
    async def small(n: int) -> Any:
        await asyncio.sleep(1)
        return "done" if n == 0 else work_small(n)

    @cs.task
    async def work_small(n: int) -> Any:
        return small(n - 1).with_constraints(gpu=1)

    async def program() -> list[Any]:
        shared = engine(gpu=2)
        loops = [asyncio.ensure_future(shared.run(small(50).with_constraints(gpu=1)))]
        await asyncio.sleep(0.5)
        loops.append(asyncio.ensure_future(shared.run(small(50).with_constraints(gpu=1))))
        await asyncio.sleep(0.1)
        await shared.run(work("large").with_constraints(gpu=2))
        return await asyncio.gather(*loops)

    run_in_virtual_time(program())
    assert dict(STARTED)["large"] < 5


def test_a_request_for_other_things_passes_one_that_waits() -> None:
    target = [
        work("holder", 5).with_constraints(gpu=1),
        work("waiting").with_constraints(gpu=1),
        work("passing").with_constraints(memory=1),
    ]
    run_virtually(target, engine(gpu=1, memory=1))
    assert dict(STARTED)["passing"] == 0


def test_nothing_is_held_during_the_pause_before_a_retry() -> None:
    attempts: list[float] = []

    @cs.task
    async def flaky() -> Any:
        attempts.append(asyncio.get_running_loop().time())
        await asyncio.sleep(1)
        if len(attempts) == 1:
            raise ConnectionError
        return "done"

    target = [flaky.with_retry(2, delay_s=10)().with_constraints(gpu=1), work("b", 5).with_constraints(gpu=1)]
    run_virtually(target, engine(gpu=1))
    assert dict(STARTED) == {"b": pytest.approx(1)}
    assert attempts == pytest.approx([0, 11])


def test_what_a_failed_call_held_is_free_again() -> None:
    @cs.task
    async def fail() -> Any:
        raise LookupError

    shared = engine(gpu=1)
    for _ in range(3):
        with pytest.raises(LookupError):
            run_virtually(fail().with_constraints(gpu=1), shared)
    assert run_virtually(work("a").with_constraints(gpu=1), shared)[0] == "a"


@pytest.mark.parametrize("window", [None, 1, 50])
def test_a_map_over_a_capacity_of_one_does_not_deadlock(window: int | None) -> None:
    mapped = work.with_constraints(gpu=1).map([str(n) for n in range(6)], max_in_flight=window)
    value, elapsed_s = run_virtually(mapped, engine(gpu=1))
    assert value == [str(n) for n in range(6)]
    assert elapsed_s == pytest.approx(6)


def test_a_node_holds_nothing_while_the_loop_that_it_returned_goes_on() -> None:
    """Otherwise a recursion over a capacity of one would wait for itself."""

    @cs.task
    async def loop(n: int) -> Any:
        return "done" if n == 0 else again(n - 1)

    def again(n: int) -> Any:
        return loop(n).with_constraints(gpu=1)

    assert run_virtually([again(5), again(5)], engine(gpu=1))[0] == ["done", "done"]


def test_runs_share_the_capacities_of_their_engine() -> None:
    async def program() -> float:
        shared = engine(gpu=1)
        targets = [work(name).with_constraints(gpu=1) for name in "abc"]
        await asyncio.gather(*(shared.run(target) for target in targets))
        return asyncio.get_running_loop().time()

    assert run_in_virtual_time(program()) == pytest.approx(3)


def test_an_amount_may_be_computed() -> None:
    target = [work(name).with_constraints(gpu=amount(2)) for name in "ab"]
    assert run_virtually(target, engine(gpu=2))[1] == pytest.approx(2)


@pytest.mark.parametrize(
    ("constraints", "words"),
    [
        ({"gpu": 3}, "'work' asks for gpu=3, but the engine has 2 in all"),
        ({"tpu": 1}, "'work' asks for tpu=1, but the engine's system_resources are 'gpu'"),
    ],
)
def test_a_demand_that_can_never_be_met_is_an_error_before_anything_runs(constraints: Any, words: str) -> None:
    with pytest.raises(cs.CapacityError, match=words):
        run_virtually([work("a"), work("b").with_constraints(**constraints)], engine(gpu=2))
    assert STARTED == []


@pytest.mark.parametrize("value", [3, -1, "many", True])
def test_a_computed_demand_that_can_never_be_met_is_an_error_of_its_call(value: Any) -> None:
    with pytest.raises(cs.CapacityError, match="'work' asks for gpu="):
        run_virtually(work("b").with_constraints(gpu=amount(value)), engine(gpu=2))
    assert STARTED == []


@pytest.mark.parametrize("value", [-1, "two", True, float("nan")])
def test_an_amount_that_makes_no_sense_is_refused_at_once(value: Any) -> None:
    with pytest.raises(cs.TaskDefinitionError, match="gpu"):
        work.with_constraints(gpu=value)
    with pytest.raises(cs.CapacityError, match=r"system_resources\['gpu'\]"):
        engine(gpu=value)


def test_a_call_that_must_wait_is_announced_once_with_the_reason_and_has_not_started() -> None:
    bus = RecordingBus(cs.TaskBlocked, cs.TaskExecutionStarted)
    shared = cs.Engine(bus=bus, system_resources={"gpu": 1})
    run_virtually([work(name).named(name).with_constraints(gpu=1) for name in "abc"], shared)
    assert [(event.task, event.reason) for event in bus.of(cs.TaskBlocked)] == [
        ("b", "gpu=1 not free"),
        ("c", "gpu=1 not free"),
    ]
    order = [(type(event).__name__, event.task) for event in bus.of(cs.TaskEvent)]
    assert order.index(("TaskBlocked", "b")) < order.index(("TaskExecutionStarted", "b"))


def test_constraints_of_task_and_call_add_up_and_the_call_wins() -> None:
    task = work.with_constraints(gpu=2, memory=1)
    target = [task("a").with_constraints(gpu=1), task("b").with_constraints(gpu=1)]
    assert run_virtually(target, engine(gpu=2, memory=2))[1] == pytest.approx(1)
