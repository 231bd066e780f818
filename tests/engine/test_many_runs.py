"""Runs that go on at once on one engine do not see each other's state."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from cascade import workflow as cs
from cascade.testing import RecordingBus, run_in_virtual_time

RUNS = 100


@cs.task
def join(*parts: Any) -> tuple[Any, ...]:
    return parts


@cs.task
async def loop(n: int, me: int, seen: Any = None) -> tuple[int, int, Any]:
    await asyncio.sleep(0.01 * (me % 7))
    return (me, n, seen) if n == 0 else loop(n - 1, me, join(me, n))


def test_a_hundred_runs_at_once_keep_their_arguments_and_steps_apart() -> None:
    bus = RecordingBus(cs.RunEvent)
    engine = cs.Engine(bus=bus)

    async def program() -> list[Any]:
        return list(await asyncio.gather(*(engine.run(loop(me % 5, me)) for me in range(RUNS))))

    values = asyncio.run(program())
    assert values == [(me, 0, (me, 1) if me % 5 else None) for me in range(RUNS)]
    steps = Counter(event.steps for event in bus.of(cs.RunFinished))
    assert steps == Counter(me % 5 + 1 for me in range(RUNS))
    assert len({event.run_id for event in bus.of(cs.RunStarted)}) == RUNS


def test_a_hundred_runs_at_once_see_their_own_parameters() -> None:
    @cs.task
    async def show(name: str, number: int) -> tuple[str, int]:
        await asyncio.sleep(number % 3)
        return name, number

    target = show(cs.Param("name"), cs.Param("number", type=int))
    engine = cs.Engine()

    async def program() -> list[Any]:
        return await asyncio.gather(
            *(engine.run(target, {"name": f"run {me}", "number": str(me)}) for me in range(RUNS))
        )

    assert run_in_virtual_time(program()) == [(f"run {me}", me) for me in range(RUNS)]


def test_a_hundred_runs_at_once_open_their_own_resources() -> None:
    opened, closed = 0, 0

    @cs.resource
    def connection() -> Iterator[object]:
        nonlocal opened, closed
        opened += 1
        yield object()
        closed += 1

    @cs.task
    async def use(me: int, mine: object = cs.Inject(connection)) -> tuple[int, object]:
        await asyncio.sleep(me % 5)
        return me, mine

    @cs.task
    async def twice(me: int) -> tuple[Any, Any]:
        return join(use(me), use(me))

    engine = cs.Engine()

    async def program() -> list[Any]:
        return list(await asyncio.gather(*(engine.run(twice(me)) for me in range(RUNS))))

    values = run_in_virtual_time(program())
    assert [left[0] for left, _ in values] == list(range(RUNS))
    assert all(left[1] is right[1] for left, right in values), "two tasks of a run got two connections"
    assert len({id(left[1]) for left, _ in values}) == RUNS
    assert (opened, closed) == (RUNS, RUNS)


def test_one_run_that_fails_or_skips_does_not_touch_the_others() -> None:
    @cs.task
    async def work(me: int) -> Any:
        await asyncio.sleep(1)
        if me % 3 == 0:
            raise LookupError(me)
        return me

    engine = cs.Engine()

    async def program() -> list[Any]:
        targets = [work(me).run_if(me % 3 != 1) for me in range(RUNS)]
        return await asyncio.gather(*(engine.run(target) for target in targets), return_exceptions=True)

    for me, outcome in enumerate(run_in_virtual_time(program())):
        expected: Any = (LookupError, cs.DependencyMissingError, int)[me % 3]
        assert type(outcome) is expected
        assert outcome.args == (me,) if me % 3 == 0 else True


def test_runs_in_several_threads_share_an_engine() -> None:
    engine = cs.Engine()
    together = threading.Barrier(8)

    def live(me: int) -> list[Any]:
        together.wait(timeout=30)
        return [cs.run(loop(n % 4, me), engine=engine) for n in range(5)]

    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(live, range(8)))
    assert outcomes == [[(me, 0, (me, 1) if n % 4 else None) for n in range(5)] for me in range(8)]


def test_the_events_of_each_run_carry_its_id_and_are_in_order() -> None:
    bus = RecordingBus()
    engine = cs.Engine(bus=bus)

    async def program() -> None:
        await asyncio.gather(*(engine.run(loop(2, me)) for me in range(10)))

    run_in_virtual_time(program())
    by_run: defaultdict[str, list[cs.Event]] = defaultdict(list)
    for event in bus.events:
        by_run[event.run_id].append(event)
    assert len(by_run) == 10
    for events in by_run.values():
        assert [type(events[0]), type(events[-1])] == [cs.RunStarted, cs.RunFinished]
        assert len([event for event in events if isinstance(event, cs.TaskExecutionStarted)]) == 5


@pytest.mark.parametrize("kind", [cs.RunEvent, cs.Event])
def test_a_handle_gives_the_events_of_its_own_run_only(kind: type[cs.Event]) -> None:
    engine = cs.Engine()
    handles = [cs.start(loop(1, me), engine=engine, events=kind) for me in range(5)]
    for me, handle in enumerate(handles):
        events = list(handle.events())
        assert {event.run_id for event in events} == {handle.run_id}
        assert isinstance(events[0], cs.RunStarted)
        assert isinstance(events[-1], cs.RunFinished)
        assert handle.result(timeout_s=30) == (me, 0, (me, 1))
