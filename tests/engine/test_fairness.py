"""The event loop is never starved by a loop of short steps, nor one loop by another."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import pytest

from cascade import workflow as cs
from cascade.runtime.strategies.interpreter import SLICE_S
from tests.support.running import busy

STEP_S = SLICE_S / 20


@cs.task(mode="inline")
def spin(n: int, progress: dict[str, int], name: str = "steps") -> str:
    progress[name] = progress.get(name, 0) + 1
    busy(STEP_S)
    return "done" if n == 0 else spin(n - 1, progress, name)


@pytest.mark.slow
def test_another_coroutine_has_its_turn_after_a_few_steps_of_a_hot_loop() -> None:
    progress: dict[str, int] = {}
    seen_at: list[int] = []

    async def tick() -> None:
        while True:
            seen_at.append(progress.get("steps", 0))
            await asyncio.sleep(0)

    async def program() -> None:
        ticker = asyncio.ensure_future(tick())
        await cs.arun(spin(1_000, progress))
        ticker.cancel()

    asyncio.run(program())
    gaps = [after - before for before, after in pairwise(seen_at)]
    # A slice is 20 of these steps; a gap of two slices and more would be a slice that did not end.
    assert max(gaps) <= 40
    assert len(gaps) > 20


@pytest.mark.slow
def test_two_hot_loops_in_one_run_take_turns() -> None:
    progress: dict[str, int] = {"left": 0, "right": 0}
    largest = 0

    @cs.task(mode="inline")
    def race(n: int, mine: str, other: str) -> str:
        nonlocal largest
        progress[mine] += 1
        if n > 50:
            largest = max(largest, abs(progress[mine] - progress[other]))
        busy(STEP_S)
        return "done" if n == 0 else race(n - 1, mine, other)

    cs.run([race(400, "left", "right"), race(400, "right", "left")])
    assert largest <= 100


@pytest.mark.slow
def test_a_hot_loop_beside_waiting_tasks_does_not_keep_them_from_ending() -> None:
    progress: dict[str, int] = {}

    @cs.task
    async def brief() -> int:
        await asyncio.sleep(0)
        return progress["steps"]

    values: Any = cs.run([spin(1_000, progress), brief()])
    assert values[1] < 100


@pytest.mark.slow
def test_a_long_map_of_short_tasks_yields_as_well() -> None:
    ticks = 0

    @cs.task(mode="inline")
    def work(_n: int) -> None:
        busy(STEP_S)

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0)

    async def program() -> None:
        ticker = asyncio.ensure_future(tick())
        await cs.arun(work.map(range(500)))
        ticker.cancel()

    asyncio.run(program())
    assert ticks > 10
