"""Who of many that wait for capacities and limits may start: as by one queue that is walked from its head each time."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cascade.runtime.constraints.capacities import Capacities
from cascade.runtime.constraints.limits import Limits
from cascade.runtime.constraints.manager import ConstraintManager, Lease
from cascade.spec.constraints import Constraint

TOTALS = {"gpu": 2.0, "memory": 5.0}
TASKS = ("a", "b")


class OneQueue:
    """The rule in its simplest form."""

    def __init__(self) -> None:
        self.capacities = Capacities(TOTALS)
        self.limits = Limits()
        self.waiting: list[tuple[int, str, dict[str, float]]] = []
        self.running: dict[int, tuple[str, dict[str, float]]] = {}

    def walk(self) -> None:
        reserved: Counter[str] = Counter()
        for request in self.waiting.copy():
            number, task, amounts = request
            if self.limits.obstacle(task, 0.0) is not None:
                continue
            if self.capacities.fits(amounts, reserved):
                self.capacities.take(amounts)
                self.limits.started(task, 0.0)
                self.waiting.remove(request)
                self.running[number] = task, amounts
            else:
                reserved.update(amounts)

    def end(self, number: int) -> None:
        task, amounts = self.running.pop(number)
        self.capacities.give_back(amounts)
        self.limits.ended(task)


amounts = st.fixed_dictionaries(
    {}, optional={"gpu": st.sampled_from([0, 1, 2]), "memory": st.sampled_from([0, 1, 2, 5])}
)
constraints = st.builds(Constraint, st.sampled_from(["global", "task:a"]), concurrency=st.integers(1, 3)) | st.builds(
    Constraint, st.sampled_from(["global", "task:b"]), paused=st.just(True)
)
operations = st.lists(
    st.tuples(st.just("ask"), st.sampled_from(TASKS), amounts)
    | st.tuples(st.just("ask"), st.sampled_from(TASKS), amounts)
    | st.tuples(st.just("end"), st.integers(0, 9))
    | st.tuples(st.just("cancel"), st.integers(0, 9))
    | st.tuples(st.just("put"), constraints)
    | st.tuples(st.just("lift"), st.sampled_from(["global", "task:a", "task:b"]), st.booleans()),
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@given(operations)
def test_the_same_requests_start_as_from_one_queue(operations: list[tuple[Any, ...]]) -> None:
    async def program() -> None:
        manager, model = ConstraintManager(TOTALS), OneQueue()
        asked: dict[int, asyncio.Task[Lease]] = {}
        for number, (operation, *how) in enumerate(operations):
            match operation, how:
                case "ask", (task, wanted):
                    asked[number] = asyncio.create_task(manager.acquire(task, wanted))
                    model.waiting.append((number, task, wanted))
                case "end", (place,) if model.running:
                    ended = sorted(model.running)[place % len(model.running)]
                    manager.release(asked.pop(ended).result())
                    model.end(ended)
                case "cancel", (place,) if model.waiting:
                    gone = model.waiting.pop(place % len(model.waiting))[0]
                    asked.pop(gone).cancel()
                case "put", (constraint,):
                    manager.put(constraint)
                    model.limits.put(constraint, 0.0)
                case "lift", (scope, pause):
                    assert manager.remove(scope, pause=pause) == model.limits.remove(scope, pause=pause)
            model.walk()
            for _ in range(3):  # the manager wakes them by a callback
                await asyncio.sleep(0)
            assert {number for number, call in asked.items() if call.done()} == model.running.keys()
            assert manager.in_use() == model.capacities.in_use()
        for call in asked.values():
            call.cancel()
        await asyncio.gather(*asked.values(), return_exceptions=True)

    asyncio.run(program())


def test_work_grows_with_those_that_wait_and_not_with_their_square(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0
    obstacle = Limits.obstacle

    def counting(self: Limits, task: str, now: float) -> tuple[str, float] | None:
        nonlocal looks
        looks += 1
        return obstacle(self, task, now)

    monkeypatch.setattr(Limits, "obstacle", counting)
    many = 300

    async def program() -> None:
        manager = ConstraintManager({"gpu": 1.0})

        async def call() -> None:
            manager.release(await manager.acquire("a", {"gpu": 1}))

        await asyncio.gather(*(call() for _ in range(many)))

    asyncio.run(program())
    assert looks <= 6 * many


def test_who_waits_in_an_event_loop_that_was_closed_is_in_nobodys_way() -> None:
    manager = ConstraintManager({"gpu": 1.0})
    gone = asyncio.new_event_loop()

    async def hold_and_wait() -> tuple[Lease, list[asyncio.Task[Lease]]]:
        held = await manager.acquire("a", {"gpu": 1})
        waiting = [asyncio.create_task(manager.acquire("a", {"gpu": 1})) for _ in range(2)]
        await asyncio.sleep(0)
        return held, waiting

    held, waiting = gone.run_until_complete(hold_and_wait())
    gone.close()

    async def go_on() -> dict[str, float]:
        call = asyncio.ensure_future(manager.acquire("b", {"gpu": 1}))
        await asyncio.sleep(0)
        manager.release(held)
        await call
        return manager.in_use()

    assert asyncio.run(go_on()) == {"gpu": 1.0}
    assert not any(call.done() for call in waiting)
    for call in waiting:  # nobody will ever wake them, and the interpreter is not to say so
        call._log_destroy_pending = False  # type: ignore[attr-defined]
