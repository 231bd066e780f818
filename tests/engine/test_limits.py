"""Limits that are set, changed and lifted while runs go on: pauses, concurrency, rates."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from cascade import workflow as cs
from cascade.runtime.strategies.interpreter import SLICE_S
from cascade.spec.constraints import parse_rate
from cascade.testing import RecordingBus, run_in_virtual_time
from tests.support.running import busy, run_virtually

STARTED: list[float] = []


@pytest.fixture(autouse=True)
def started() -> list[float]:
    STARTED.clear()
    return STARTED


@cs.task
async def work(seconds: float = 0) -> float:
    STARTED.append(asyncio.get_running_loop().time())
    await asyncio.sleep(seconds)
    return seconds


@cs.task
async def other() -> float:
    return asyncio.get_running_loop().time()


@cs.task(mode="inline")
def count_up(n: int, seen: list[int]) -> str:
    seen.append(n)
    return "done" if n == 0 else count_up(n - 1, seen)


def run(engine: cs.Engine, *targets: Any) -> float:
    """The virtual seconds that the targets take together."""
    return run_virtually(list(targets), engine)[1]


def in_virtual_time(program: Coroutine[Any, Any, Any]) -> Any:
    return run_in_virtual_time(program)


def test_a_limit_of_concurrency_lets_so_many_run_at_once() -> None:
    engine = cs.Engine()
    engine.limit(concurrency=2)
    assert run(engine, *(work(1) for _ in range(6))) == pytest.approx(3)


def test_a_rate_below_one_a_second_is_kept() -> None:
    engine = cs.Engine()
    engine.limit(rate=0.5)
    run(engine, *(work() for _ in range(4)))
    assert pytest.approx([0, 2, 4, 6]) == STARTED


def test_a_rate_may_be_a_text() -> None:
    engine = cs.Engine()
    engine.limit(rate="30/m")
    run(engine, *(work() for _ in range(3)))
    assert pytest.approx([0, 2, 4]) == STARTED


def test_a_rate_is_kept_over_the_steps_of_a_loop() -> None:
    seen: list[int] = []
    engine = cs.Engine()
    engine.limit(rate=2)
    assert run(engine, count_up(4, seen)) == pytest.approx(2)
    assert seen == [4, 3, 2, 1, 0]


def test_a_call_that_was_held_up_by_another_limit_uses_nothing_of_the_rate() -> None:
    """Both limits at once: while the concurrency limit holds calls up, the rate must not be used up."""
    engine = cs.Engine()
    engine.limit(rate=1)
    engine.limit(scope="task:work", concurrency=1)
    run(engine, work(5), work(5))
    assert pytest.approx([0, 5]) == STARTED


def test_a_limit_holds_for_the_tasks_of_its_scope_only() -> None:
    engine = cs.Engine()
    engine.limit(scope="task:wor*", concurrency=1)
    assert run(engine, work(1), work(1), other(), other()) == pytest.approx(2)
    engine.limit(scope="task:unknown", concurrency=1)
    engine.unlimit("task:wor*")
    assert run(engine, work(1), work(1)) == pytest.approx(1)


def test_all_limits_that_cover_a_task_hold() -> None:
    engine = cs.Engine()
    engine.limit(concurrency=3)
    engine.limit(scope="task:work", concurrency=2)
    assert run(engine, *(work(1) for _ in range(6))) == pytest.approx(3)


def test_a_paused_run_starts_nothing_and_goes_on_when_it_is_resumed() -> None:
    async def program() -> tuple[list[float], Any]:
        engine = cs.Engine()
        engine.pause()
        running = asyncio.ensure_future(engine.run([work(), work()]))
        await asyncio.sleep(10)
        before = list(STARTED)
        engine.resume()
        await running
        return before, STARTED

    assert in_virtual_time(program()) == ([], [10, 10])


@pytest.mark.parametrize("when", ["before the loop", "inside the loop"])
def test_a_hot_loop_is_paused_and_resumed(when: str) -> None:
    seen: list[int] = []

    @cs.task(mode="inline")
    def loop(n: int) -> str:
        seen.append(n)
        busy(SLICE_S / 20)
        if n == 190 and when == "inside the loop":
            engine.pause()
        return "done" if n == 0 else loop(n - 1)

    engine = cs.Engine()

    async def program() -> list[int]:
        if when == "before the loop":
            engine.pause()
        running = asyncio.ensure_future(engine.run(loop(200)))
        await asyncio.sleep(10)
        stopped_at = list(seen)
        await asyncio.sleep(10)
        assert seen == stopped_at
        engine.resume()
        assert await running == "done"
        return stopped_at

    # A slice is 20 steps: a pause is seen at its end at the latest.
    assert len(in_virtual_time(program())) < 60
    assert seen == list(range(200, -1, -1))


def test_what_runs_goes_on_during_a_pause() -> None:
    async def program() -> float:
        engine = cs.Engine()
        running = asyncio.ensure_future(engine.run(work(3)))
        await asyncio.sleep(1)
        engine.pause()
        await running
        return asyncio.get_running_loop().time()

    assert in_virtual_time(program()) == pytest.approx(3)


def test_a_pause_of_a_scope_lets_the_others_run() -> None:
    async def program() -> list[float]:
        engine = cs.Engine()
        engine.pause("task:work")
        asyncio.get_running_loop().call_later(5, engine.resume, "task:work")
        return await engine.run([other(), work()])

    assert in_virtual_time(program()) == [0, 0]
    assert STARTED == [5]


def test_a_pause_or_limit_ends_by_itself_after_its_time() -> None:
    engine = cs.Engine()

    async def program() -> None:
        engine.pause(ttl_s=3)
        await engine.run(work())
        engine.limit(concurrency=1, ttl_s=2)
        await engine.run([work(5), work(5)])

    in_virtual_time(program())
    assert pytest.approx([3, 3, 5]) == STARTED


@pytest.mark.parametrize(
    "change",
    [
        lambda engine: engine.unlimit(),
        lambda engine: engine.limit(concurrency=5),
    ],
    ids=["lifted", "raised"],
)
def test_every_change_of_a_limit_wakes_those_who_wait(change: Any) -> None:
    async def program() -> None:
        engine = cs.Engine()
        engine.limit(concurrency=1)
        asyncio.get_running_loop().call_later(2, change, engine)
        await engine.run([work(10), work(10), work(10)])

    in_virtual_time(program())
    assert pytest.approx([0, 2, 2]) == STARTED


def test_a_new_rate_holds_at_once_for_those_who_wait() -> None:
    async def program() -> None:
        engine = cs.Engine()
        engine.limit(rate="1/h")
        asyncio.get_running_loop().call_later(10, lambda: engine.limit(rate=100))
        await engine.run([work(), work()])

    in_virtual_time(program())
    assert STARTED[1] < 12


def test_a_limit_that_is_set_while_tasks_run_counts_them() -> None:
    async def program() -> None:
        engine = cs.Engine()
        running = asyncio.ensure_future(engine.run([work(4), work(4)]))
        await asyncio.sleep(1)
        engine.limit(concurrency=2)
        await asyncio.gather(running, engine.run(work()))

    in_virtual_time(program())
    assert pytest.approx([0, 0, 4]) == STARTED


def test_a_limit_set_from_a_task_of_a_hot_loop_holds_soon() -> None:
    times: list[float] = []

    @cs.task(mode="inline")
    def loop(n: int) -> str:
        times.append(asyncio.get_running_loop().time())
        busy(SLICE_S / 20)
        if n == 190:
            engine.limit(rate=10)
        return "done" if n == 0 else loop(n - 1)

    engine = cs.Engine()
    run(engine, loop(200))
    assert times[-1] > 14, "steps that took their place in the rate"


def test_lifting_says_whether_there_was_a_limit() -> None:
    engine = cs.Engine()
    assert not engine.unlimit()
    engine.limit(concurrency=1)
    assert engine.unlimit()
    assert not engine.unlimit()


def test_a_pause_and_a_limit_of_one_scope_do_not_lift_each_other() -> None:
    async def program() -> None:
        engine = cs.Engine()
        engine.limit(concurrency=1)
        engine.pause()
        asyncio.get_running_loop().call_later(1, engine.resume)
        await engine.run([work(1), work(1)])

    in_virtual_time(program())
    assert pytest.approx([1, 2]) == STARTED


def test_a_call_that_is_held_up_says_what_it_waits_for() -> None:
    bus = RecordingBus(cs.TaskBlocked)
    engine = cs.Engine(bus=bus)
    engine.limit(scope="task:wor*", concurrency=1)
    run(engine, work(1), work(1))
    (blocked,) = bus.of(cs.TaskBlocked)
    assert "task:wor*" in blocked.reason
    assert "1 at once" in blocked.reason


@pytest.mark.parametrize(
    "limit",
    [
        {},
        {"concurrency": 0},
        {"concurrency": 1.5},
        {"concurrency": True},
        {"rate": 0},
        {"rate": -1},
        {"rate": float("inf")},
        {"rate": float("nan")},
        {"rate": "fast"},
        {"rate": "3/x"},
        {"rate": "/s"},
        {"rate": True},
        {"scope": "tasks"},
        {"scope": "task:"},
        {"concurrency": 1, "ttl_s": 0},
        {"concurrency": 1, "ttl_s": -1},
    ],
)
def test_a_limit_that_makes_no_sense_is_refused_with_a_reason(limit: Any) -> None:
    engine = cs.Engine()
    with pytest.raises(cs.ConstraintError, match=r"rate|concurrency|scope|ttl_s"):
        engine.limit(**limit)
    assert not engine.unlimit(), "a refused limit must not be in force"


@pytest.mark.parametrize(
    ("rate", "per_second"),
    [
        ("2/s", 2),
        ("30/m", 0.5),
        ("3600/h", 1),
        ("86400/d", 1),
        ("0.5/s", 0.5),
        (" 10 / m ", 1 / 6),
        (3, 3),
        (0.25, 0.25),
    ],
)
def test_rates_are_read_per_second(rate: Any, per_second: float) -> None:
    assert parse_rate(rate) == pytest.approx(per_second)
