"""Whatever tasks ask for, no more is held than there is, and everybody gets it in the end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cascade import workflow as cs

from .profile import examples

pytestmark = pytest.mark.slow

TOTALS = {"gpu": 3, "licence": 2}

amounts = st.fixed_dictionaries({}, optional={"gpu": st.integers(0, 3), "licence": st.sampled_from((0, 0.5, 1, 2))})
waits = st.integers(0, 3)
attempts = st.sampled_from((1, 1, 2, 3))


@examples(300)
@given(wanted=st.lists(st.tuples(amounts, waits, attempts), min_size=1, max_size=10), limit=st.integers(0, 3))
def test_no_more_is_held_than_there_is(wanted: list[tuple[dict[str, float], int, int]], limit: int) -> None:
    held: dict[str, float] = dict.fromkeys(TOTALS, 0)
    running = most_running = 0
    tried: dict[int, int] = {}

    @cs.task
    async def work(number: int) -> int:
        nonlocal running, most_running
        mine, pauses, tries = wanted[number]
        for name, amount in mine.items():
            held[name] += amount
            assert held[name] <= TOTALS[name]
        running += 1
        most_running = max(most_running, running)
        for _ in range(pauses):
            await asyncio.sleep(0)
        running -= 1
        for name, amount in mine.items():
            held[name] -= amount
        tried[number] = tried.get(number, 0) + 1
        if tried[number] < tries:
            raise ConnectionError(number)
        return number

    calls: list[Any] = [
        work.with_constraints(**mine).with_retry(tries)(number) for number, (mine, _, tries) in enumerate(wanted)
    ]
    with cs.Engine(system_resources=TOTALS) as engine:
        if limit:
            engine.limit(scope="task:wor*", concurrency=limit)
        for _ in range(2):  # what the first run held must be free again
            tried.clear()
            assert cs.run(calls, engine=engine, timeout_s=20) == list(range(len(wanted)))
            assert tried == {number: tries for number, (_, _, tries) in enumerate(wanted)}
    assert not limit or most_running <= limit


@examples(200)
@given(
    wanted=st.lists(st.tuples(amounts, waits, st.booleans()), min_size=2, max_size=8),
    is_kept=st.booleans(),
)
def test_what_failed_or_cancelled_calls_held_is_free_again(
    wanted: list[tuple[dict[str, float], int, bool]], is_kept: bool
) -> None:
    @cs.task
    async def work(number: int) -> int:
        _, pauses, fails = wanted[number]
        for _ in range(pauses):
            await asyncio.sleep(0)
        if fails:
            raise ConnectionError(number)
        return number

    @cs.task(mode="inline")
    def item(number: int) -> int:
        return work.with_constraints(**wanted[number][0])(number)

    @cs.task
    async def everything() -> str:
        return "all"

    failing = [number for number, (_, _, fails) in enumerate(wanted) if fails]
    numbers = range(len(wanted))
    with cs.Engine(system_resources=TOTALS) as engine:
        mapped = item.map(numbers, on_error="continue" if is_kept else "raise")
        if failing and not is_kept:
            with pytest.raises(ConnectionError) as raised:
                cs.run(mapped, engine=engine, timeout_s=20)
            assert raised.value.args[0] in failing
        else:
            values: list[Any] = cs.run(mapped, engine=engine, timeout_s=20)
            failures = [value for value in values if isinstance(value, cs.Failure)]
            assert [failure.index for failure in failures] == failing
            assert [failure.error.args[0] for failure in failures] == failing
        whole = everything.with_constraints(**TOTALS)()
        assert cs.run(whole, engine=engine, timeout_s=20) == "all"
