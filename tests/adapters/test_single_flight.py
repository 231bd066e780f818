"""Equal calls at the same time run once: in one run, in two runs, in two threads; whatever becomes of the first."""

from __future__ import annotations

import asyncio
import functools
import random
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from cascade import workflow as cs
from cascade.adapters.executors.local import LocalExecutor
from cascade.runtime.single_flight import FLIGHTS, Flight, Landed, Lead, SingleFlight
from cascade.testing import RecordingBus

LONG_S = 30.0
"""A test that takes so long hangs."""


@pytest.fixture(autouse=True)
def nothing_is_left_under_way() -> Iterator[None]:
    yield
    assert len(FLIGHTS) == 0


# --- The table by itself ----------------------------------------------------------------------------------------------


def nobody() -> list[Flight]:
    return []


def in_loop(program: Callable[[SingleFlight], Coroutine[Any, Any, None]]) -> None:
    async def limited() -> None:
        table = SingleFlight()
        async with asyncio.timeout(LONG_S):
            await program(table)
        assert len(table) == 0

    asyncio.run(limited())


async def turn() -> None:
    """Let all who are ready have their turn."""
    for _ in range(3):
        await asyncio.sleep(0)


async def lead(table: SingleFlight, place: str, above: Callable[[], list[Flight]] = nobody) -> Lead:
    claimed = await table.claim(place, above)
    assert isinstance(claimed, Lead)
    return claimed


async def value(claim: Awaitable[Lead | Landed]) -> Any:
    claimed = await claim
    assert isinstance(claimed, Landed)
    return claimed.value


def test_the_first_leads_and_the_others_get_its_value() -> None:
    async def program(table: SingleFlight) -> None:
        first = await lead(table, "a")
        others = [asyncio.ensure_future(value(table.claim("a", nobody))) for _ in range(3)]
        await turn()
        assert not any(other.done() for other in others)
        first.land(None)
        assert await asyncio.gather(*others) == [None] * 3
        (await lead(table, "a")).land(1)

    in_loop(program)


def test_places_do_not_wait_for_each_other() -> None:
    async def program(table: SingleFlight) -> None:
        first, second = await lead(table, "a"), await lead(table, "b")
        first.land(1)
        second.land(1)

    in_loop(program)


def test_an_abandoned_lead_goes_to_the_one_that_waits_longest() -> None:
    async def program(table: SingleFlight) -> None:
        first = await lead(table, "a")
        second = asyncio.ensure_future(lead(table, "a"))
        third = asyncio.ensure_future(value(table.claim("a", nobody)))
        await turn()
        first.abandon()
        first.land("too late")
        (await second).land(2)
        assert await third == 2

    in_loop(program)


def test_who_is_cancelled_waits_no_longer() -> None:
    async def program(table: SingleFlight) -> None:
        first = await lead(table, "a")
        second = asyncio.ensure_future(lead(table, "a"))
        third = asyncio.ensure_future(lead(table, "a"))
        await turn()
        second.cancel()
        await turn()
        first.abandon()
        (await third).land(3)
        assert second.cancelled()

    in_loop(program)


def test_a_lead_that_comes_together_with_a_cancellation_passes_on() -> None:
    async def program(table: SingleFlight) -> None:
        first = await lead(table, "a")
        second = asyncio.ensure_future(lead(table, "a"))
        third = asyncio.ensure_future(lead(table, "a"))
        await turn()
        first.abandon()
        second.cancel()
        (await third).land(3)
        assert second.cancelled()

    in_loop(program)


def test_waiters_of_an_event_loop_that_is_gone_are_passed_over() -> None:
    table = SingleFlight()
    loop = asyncio.new_event_loop()

    async def program() -> Lead:
        return await lead(table, "a")

    first = loop.run_until_complete(program())
    lost = loop.create_task(value(table.claim("a", nobody)))
    loop.run_until_complete(turn())
    lost._log_destroy_pending = False  # type: ignore[attr-defined]
    loop.close()
    first.abandon()
    assert len(table) == 0


def test_a_call_does_not_wait_for_what_it_runs_for() -> None:
    async def program(table: SingleFlight) -> None:
        outer = await lead(table, "a")
        inner = await lead(table, "a", lambda: [outer.flight])
        inner.land("nobody hears it")
        waiter = asyncio.ensure_future(value(table.claim("a", nobody)))
        await turn()
        outer.land(1)
        assert await waiter == 1

    in_loop(program)


def test_two_calls_do_not_wait_for_each_other() -> None:
    """What runs for a waits for b, and what runs for c waits for a; so what runs for b waits for neither a nor c."""

    async def program(table: SingleFlight) -> None:
        a, b, c = [await lead(table, place) for place in "abc"]
        for_a = asyncio.ensure_future(value(table.claim("b", lambda: [a.flight])))
        for_c = asyncio.ensure_future(value(table.claim("a", lambda: [c.flight])))
        await turn()
        beside = [await lead(table, place, lambda: [b.flight]) for place in "ac"]
        b.land("b")
        assert await for_a == "b"
        # Now nothing waits for b any more, so what runs for b may wait.
        again = await lead(table, "b")
        for_b = asyncio.ensure_future(value(table.claim("a", lambda: [again.flight])))
        await turn()
        a.land("a")
        assert [await for_b, await for_c] == ["a", "a"]
        for one in (again, c, *beside):
            one.abandon()

    in_loop(program)


@pytest.mark.slow
def test_one_of_many_threads_leads_at_a_time() -> None:
    table, guard, running, rounds = SingleFlight(), threading.Lock(), Counter[str](), Counter[str]()
    start = threading.Barrier(8)

    async def program(draw: random.Random) -> None:
        async with asyncio.timeout(LONG_S):
            for _ in range(200):
                place = draw.choice("ab")
                claimed = await table.claim(place, nobody)
                if isinstance(claimed, Landed):
                    continue
                with guard:
                    running[place] += 1
                    assert running[place] == 1
                await asyncio.sleep(0)
                with guard:
                    running[place] -= 1
                    rounds[place] += 1
                if draw.random() < 0.5:
                    claimed.land(1)
                else:
                    claimed.abandon()

    def work(seed: int) -> None:
        start.wait()
        asyncio.run(program(random.Random(seed)))

    errors = in_threads([functools.partial(work, seed) for seed in range(8)])
    assert errors == []
    assert len(table) == 0
    assert sum(rounds.values()) <= 1_600


def in_threads(jobs: list[Callable[[], Any]]) -> list[BaseException]:
    """Run each in a thread of its own; what they raised."""
    errors: list[BaseException] = []

    def guarded(job: Callable[[], Any]) -> None:
        try:
            job()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(job,), daemon=True) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG_S)
        assert not thread.is_alive()
    return errors


# --- Calls in runs ----------------------------------------------------------------------------------------------------


def waiting() -> int:
    """How many calls wait for others."""
    return sum(len(flight.waiters) for flight in list(FLIGHTS._flights.values()))


async def until(is_so: Callable[[], bool]) -> None:
    """Let others have their turn until something is so that only other threads and loops can tell of."""
    while not is_so():  # noqa: ASYNC110
        await asyncio.sleep(0)


class Gate:
    """What a task does until as many others wait for it as the test says; counts how often it is run.

    Attributes:
        waiters: How many others are to wait before the first call goes on.
        failures: How many calls fail.
        calls: The arguments of the calls.
    """

    def __init__(self, waiters: int, failures: int = 0) -> None:
        self.waiters = waiters
        self.failures = failures
        self.calls: list[Any] = []
        self.entered = threading.Event()

    def began(self, x: Any) -> int:
        self.calls.append(x)
        self.entered.set()
        return len(self.calls)

    def wait(self, number: int) -> None:
        while number == 1 and waiting() < self.waiters:
            time.sleep(0)  # gives the other threads their turn
        self._end(number)

    async def wait_async(self, number: int) -> None:
        await until(lambda: number != 1 or waiting() >= self.waiters)
        self._end(number)

    def _end(self, number: int) -> None:
        if number <= self.failures:
            raise ConnectionError(f"call {number} failed")


def make_tasks(gate: Gate) -> dict[str, cs.Task[..., Any]]:
    async def asynchronous(x: Any) -> Any:
        await gate.wait_async(gate.began(x))
        return [x]

    def threaded(x: Any) -> Any:
        gate.wait(gate.began(x))
        return [x]

    @cs.task
    async def inner(x: Any, number: int) -> Any:
        await gate.wait_async(number)
        return [x]

    def tail_calling(x: Any) -> Any:
        return inner(x, gate.began(x))

    return {
        "async": cs.task(asynchronous),
        "thread": cs.task(mode="thread")(threaded),
        "tail call": cs.task(tail_calling),
    }


KINDS = ["async", "thread", "tail call"]
Runner = Callable[[Callable[[], Any], int], list[Any]]


def in_one_run(make: Callable[[], Any], count: int) -> list[Any]:
    return list(cs.run([make() for _ in range(count)], timeout_s=LONG_S))


def in_runs_of_one_loop(make: Callable[[], Any], count: int) -> list[Any]:
    engine = cs.Engine()

    async def program() -> list[Any]:
        return list(await asyncio.gather(*(engine.run(make(), timeout_s=LONG_S) for _ in range(count))))

    with engine:
        return asyncio.run(program())


def in_threads_of_one_engine(make: Callable[[], Any], count: int) -> list[Any]:
    values: list[Any] = []
    with cs.Engine() as engine:
        run = lambda: values.append(cs.run(make(), engine=engine, timeout_s=LONG_S))  # noqa: E731
        errors = in_threads([run] * count)
    if errors:
        raise errors[0]
    return values


def in_engines_of_many_threads(make: Callable[[], Any], count: int) -> list[Any]:
    values: list[Any] = []

    def run() -> None:
        with cs.Engine() as engine:
            values.append(cs.run(make(), engine=engine, timeout_s=LONG_S))

    errors = in_threads([run] * count)
    if errors:
        raise errors[0]
    return values


RUNNERS = [in_one_run, in_runs_of_one_loop, in_threads_of_one_engine, in_engines_of_many_threads]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("runner", RUNNERS)
def test_equal_calls_at_the_same_time_run_once(runner: Runner, kind: str) -> None:
    gate = Gate(waiters=2)
    kept = make_tasks(gate)[kind].with_cache(cs.MemoryCache())
    assert runner(lambda: kept(7), 3) == [[7]] * 3
    assert gate.calls == [7]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("runner", RUNNERS[:3])
def test_equal_caches_share_flights(runner: Runner, kind: str, tmp_path: Path) -> None:
    gate = Gate(waiters=1)
    task = make_tasks(gate)[kind]
    assert runner(lambda: task.with_cache(cs.FileTarget(tmp_path / "one.json"))(7), 2) == [[7]] * 2
    assert gate.calls == [7]


def test_calls_of_different_caches_or_arguments_do_not_wait() -> None:
    gate = Gate(waiters=0)
    task = make_tasks(gate)["async"]
    first, second = cs.MemoryCache(), cs.MemoryCache()
    cs.run([task.with_cache(first)(1), task.with_cache(second)(1), task.with_cache(first)(2)], timeout_s=LONG_S)
    assert gate.calls == [1, 1, 2]


def test_who_waits_is_told_of_a_hit() -> None:
    bus = RecordingBus(cs.CacheHit)
    gate = Gate(waiters=2)
    kept = make_tasks(gate)["async"].with_cache(cs.MemoryCache())
    with cs.Engine(bus=bus) as engine:
        cs.run([kept(7) for _ in range(3)], engine=engine, timeout_s=LONG_S)
    assert len(bus.of(cs.CacheHit)) == 2


def test_the_cache_is_asked_once_for_all_who_wait() -> None:
    loads = []

    class Counting(cs.MemoryCache):
        async def load(self, key: str) -> Any:
            loads.append(key)
            await until(lambda: waiting() >= 2)
            return ("kept",)

    kept = make_tasks(Gate(0))["async"].with_cache(Counting())
    assert in_one_run(lambda: kept(7), 3) == ["kept"] * 3
    assert len(loads) == 1


def outcomes(make: Callable[[], Any], count: int) -> list[Any]:
    """What becomes of as many runs, each in an event loop of its own."""
    found: list[Any] = []

    def run() -> None:
        try:
            found.append(cs.run(make(), timeout_s=LONG_S))
        except ConnectionError as error:
            found.append(str(error))

    assert in_threads([run] * count) == []
    return sorted(found, key=str)


@pytest.mark.parametrize("kind", KINDS)
def test_when_the_first_fails_another_tries_for_itself(kind: str) -> None:
    gate = Gate(waiters=2, failures=1)
    kept = make_tasks(gate)[kind].with_cache(cs.MemoryCache())
    assert outcomes(lambda: kept(7), 3) == [[7], [7], "call 1 failed"]
    assert gate.calls == [7, 7]


@pytest.mark.parametrize("kind", KINDS)
def test_when_all_fail_each_has_a_failure_of_its_own(kind: str) -> None:
    gate = Gate(waiters=2, failures=3)
    kept = make_tasks(gate)[kind].with_cache(cs.MemoryCache())
    assert outcomes(lambda: kept(7), 3) == ["call 1 failed", "call 2 failed", "call 3 failed"]


@pytest.mark.parametrize("kind", KINDS)
def test_items_of_a_map_take_over_from_an_item_that_failed(kind: str) -> None:
    gate = Gate(waiters=2, failures=1)
    kept = make_tasks(gate)[kind].with_cache(cs.MemoryCache())
    values = cs.run(kept.map([7, 7, 7], on_error="continue"), timeout_s=LONG_S)
    assert [value if isinstance(value, list) else str(value.error) for value in values] == ["call 1 failed", [7], [7]]
    assert gate.calls == [7, 7]


def test_items_of_a_map_take_over_from_an_item_whose_other_call_failed() -> None:
    """The leading call of item 0 is cancelled, because its sibling fails, and item 1 runs it."""
    gate = Gate(waiters=10)  # for ever: the first call does not end by itself
    kept = make_tasks(gate)["async"].with_cache(cs.MemoryCache())

    @cs.task
    async def fail_when_waited_for(item: int) -> None:
        await until(lambda: waiting() >= 1)
        raise ConnectionError("down")

    @cs.task
    def join(*parts: Any) -> Any:
        return parts

    @cs.task
    async def work(item: int) -> Any:
        if item == 0:
            return join(kept(7), fail_when_waited_for(item))
        await until(lambda: bool(gate.calls))
        return kept(7)

    first, second = cs.run(work.map([0, 1], on_error="continue"), timeout_s=LONG_S)
    assert isinstance(first, cs.Failure)
    assert (second, gate.calls) == ([7], [7, 7])


@pytest.mark.parametrize("kind", ["async", "tail call"])
def test_when_the_run_of_the_first_is_cancelled_another_runs_the_call(kind: str) -> None:
    gate = Gate(waiters=10)  # for ever
    kept = make_tasks(gate)[kind].with_cache(cs.MemoryCache())

    async def program() -> Any:
        with cs.Engine() as engine:
            first = asyncio.create_task(engine.run(kept(7)))
            await until(lambda: bool(gate.calls))
            second = asyncio.create_task(engine.run(kept(7)))
            await until(lambda: waiting() > 0)
            first.cancel()
            async with asyncio.timeout(LONG_S):
                assert await second == [7]
            assert first.cancelled()

    asyncio.run(program())
    assert gate.calls == [7, 7]


def test_a_cancelled_call_in_a_thread_has_ended_before_another_begins() -> None:
    order: list[str] = []
    release = threading.Event()

    @cs.task(mode="thread")
    def slow() -> str:
        order.append("begin")
        release.wait(LONG_S)
        order.append("end")
        return "done"

    kept = slow.with_cache(cs.MemoryCache())

    async def program() -> None:
        with cs.Engine() as engine:
            first = asyncio.create_task(engine.run(kept()))
            await until(lambda: bool(order))
            second = asyncio.create_task(engine.run(kept()))
            await until(lambda: waiting() > 0)
            first.cancel()
            for _ in range(20):
                await asyncio.sleep(0)
            order.append("released")
            release.set()
            assert await second == "done"

    asyncio.run(program())
    assert order == ["begin", "released", "end", "begin", "end"]


def test_a_run_that_waits_can_be_cancelled() -> None:
    gate = Gate(waiters=2)
    kept = make_tasks(gate)["async"].with_cache(cs.MemoryCache())

    async def program() -> None:
        with cs.Engine() as engine:
            runs = [asyncio.create_task(engine.run(kept(7), timeout_s=LONG_S)) for _ in range(2)]
            await until(lambda: waiting() > 0)
            waiter = runs.pop()
            waiter.cancel()
            gate.waiters = 0
            assert await runs[0] == [7]
            await asyncio.wait([waiter])
            assert waiter.cancelled()

    asyncio.run(program())


def test_a_value_that_cannot_be_stored_is_an_error_for_all(tmp_path: Path) -> None:
    gate = Gate(waiters=2)

    @cs.task
    async def opaque(x: int) -> Any:
        await gate.wait_async(gate.began(x))
        return object()

    errors: list[BaseException] = []
    with cs.SqliteCache(tmp_path / "cache.db") as cache:
        kept = opaque.with_cache(cache)
        errors = in_threads([lambda: cs.run(kept(7), timeout_s=LONG_S)] * 3)
    assert [type(error) for error in errors] == [cs.UnstorableValueError] * 3
    assert gate.calls == [7, 7, 7]


# --- Nothing waits for itself -----------------------------------------------------------------------------------------


def test_a_loop_that_calls_itself_with_the_same_arguments_goes_on() -> None:
    looks = []

    @cs.task
    def wait_for(job: str) -> Any:
        looks.append(job)
        return "done" if len(looks) == 3 else kept(job)

    kept = wait_for.with_cache(cs.MemoryCache())
    assert cs.run([kept("a"), kept("a")], timeout_s=LONG_S) == ["done", "done"]
    assert looks == ["a", "a", "a"]


def test_two_runs_that_need_each_others_calls_both_go_on() -> None:
    """ping calls pong and pong calls ping; one run begins with each, and both are under way before either goes on."""
    cache = cs.MemoryCache()
    both = {"ping": asyncio.Event(), "pong": asyncio.Event()}
    calls: Counter[str] = Counter()

    async def step(me: str, other: str) -> bool:
        calls[me] += 1
        both[me].set()
        await both[other].wait()
        return calls[me] + calls[other] >= 6

    @cs.task
    async def ping() -> Any:
        return "end" if await step("ping", "pong") else kept_pong()

    @cs.task
    async def pong() -> Any:
        return "end" if await step("pong", "ping") else kept_ping()

    kept_ping, kept_pong = ping.with_cache(cache), pong.with_cache(cache)

    async def program() -> list[Any]:
        with cs.Engine() as engine:
            runs = (engine.run(kept_ping(), timeout_s=LONG_S), engine.run(kept_pong(), timeout_s=LONG_S))
            return list(await asyncio.gather(*runs))

    assert asyncio.run(program()) == ["end", "end"]


@pytest.mark.parametrize("mode", ["thread", "auto"])
def test_a_task_that_starts_a_run_of_the_same_call_goes_on(mode: Any) -> None:
    depth = []

    def again(x: int) -> str:
        depth.append(x)
        return "end" if len(depth) == 3 else cs.run(kept(x), timeout_s=LONG_S)

    kept: Any = cs.Task(again, mode=mode).with_cache(cs.MemoryCache())
    assert cs.run(kept(1), timeout_s=LONG_S) == "end"


def test_a_run_inside_a_call_for_a_cached_call_goes_on() -> None:
    calls = []

    @cs.task(mode="thread")
    def inside(x: int) -> str:
        return cs.run(kept(x), timeout_s=LONG_S)

    @cs.task
    def outer(x: int) -> str:
        calls.append(x)
        return "end" if len(calls) == 2 else inside(x)

    kept = outer.with_cache(cs.MemoryCache())
    assert cs.run(kept(1), timeout_s=LONG_S) == "end"


def test_who_waits_takes_no_place_in_the_executor() -> None:
    """One place: the first call gives it back and needs it again for what it has returned, while the others wait."""

    @cs.task(mode="thread")
    def first(x: int) -> Any:
        return second(x)

    @cs.task(mode="thread")
    def second(x: int) -> int:
        while waiting() < 3:
            time.sleep(0)
        return 2 * x

    kept = first.with_cache(cs.MemoryCache())
    with cs.Engine(executor=LocalExecutor(1)) as engine:
        assert cs.run([kept(7) for _ in range(4)], engine=engine, timeout_s=LONG_S) == [14] * 4


@pytest.mark.parametrize("kind", KINDS)
def test_who_waits_holds_no_capacity(kind: str) -> None:
    gate = Gate(waiters=2)
    kept = make_tasks(gate)[kind].with_cache(cs.MemoryCache()).with_constraints(gpu=1)
    with cs.Engine(system_resources={"gpu": 1}) as engine:
        values = cs.run([kept(7) for _ in range(3)], engine=engine, timeout_s=LONG_S)
    assert values == [[7]] * 3
    assert gate.calls == [7]


def test_a_limit_of_one_call_at_a_time_does_not_stop_equal_calls() -> None:
    gate = Gate(waiters=2)
    kept = make_tasks(gate)["tail call"].with_cache(cs.MemoryCache())
    with cs.Engine() as engine:
        engine.limit(concurrency=1)
        assert cs.run([kept(7) for _ in range(3)], engine=engine, timeout_s=LONG_S) == [[7]] * 3


def test_when_the_first_is_skipped_after_all_the_others_find_out_for_themselves() -> None:
    calls: list[int] = []

    @cs.task
    async def is_right() -> bool:
        await until(lambda: len(calls) > 1 or waiting() >= 1)
        return False

    @cs.task
    def never() -> None: ...

    @cs.task
    def first() -> Any:
        calls.append(1)
        return never.run_if(is_right())()

    @cs.task
    def use(left: Any = "skipped", right: Any = "skipped") -> Any:
        return left, right

    kept = first.with_cache(cs.MemoryCache())
    assert cs.run(use(kept(), kept()), timeout_s=LONG_S) == ("skipped", "skipped")
    assert calls == [1, 1]


@pytest.mark.slow
def test_a_deep_recursion_of_cached_calls_ends() -> None:
    @cs.task
    def depth(n: int) -> int:
        return 0 if n == 0 else increase(kept(n - 1))

    @cs.task
    def increase(n: int) -> int:
        return n + 1

    kept = depth.with_cache(cs.MemoryCache(max_entries=10_000))
    assert cs.run(kept(3_000), timeout_s=LONG_S) == 3_000


@pytest.mark.slow
def test_many_runs_in_many_threads_with_failures_and_cancellations_end() -> None:
    """Whatever happens, every run ends with its value, its failure or its cancellation, and nothing is left."""
    cache = cs.MemoryCache(max_entries=2)
    draw = random.Random(7)
    failing = [draw.random() < 0.2 for _ in range(10_000)]
    numbers = iter(range(10_000))

    @cs.task
    async def leaf(x: int) -> int:
        await asyncio.sleep(0)
        if failing[next(numbers)]:
            raise ConnectionError("down")
        return x

    @cs.task
    def node(x: int, depth: int) -> Any:
        if failing[next(numbers)]:
            raise ConnectionError("down")
        if depth == 0:
            return kept_leaf(x)
        return total([kept_node((x + 1) % 3, depth - 1), kept_node((x + 2) % 3, depth - 1), kept_leaf(x)])

    @cs.task
    def total(values: list[int]) -> int:
        return sum(values)

    kept_leaf, kept_node = leaf.with_cache(cache), node.with_cache(cache)
    ended: Counter[str] = Counter()

    async def one_run(engine: cs.Engine, draw: random.Random) -> None:
        x, depth = draw.randrange(3), draw.randrange(4)
        run = asyncio.create_task(engine.run(kept_node(x, depth), timeout_s=LONG_S))
        if draw.random() < 0.3:
            for _ in range(draw.randrange(30)):
                await asyncio.sleep(0)
            run.cancel()
        try:
            await run
            ended["value"] += 1
        except ConnectionError:
            ended["failure"] += 1
        except asyncio.CancelledError:
            ended["cancellation"] += 1

    async def program(engine: cs.Engine, seed: int) -> None:
        draw = random.Random(seed)
        for _ in range(8):
            await asyncio.gather(*(one_run(engine, draw) for _ in range(6)))

    def work(seed: int) -> None:
        asyncio.run(program(engine, seed))

    with cs.Engine() as engine:
        errors = in_threads([functools.partial(work, seed) for seed in range(4)])
    assert errors == []
    assert sum(ended.values()) == 4 * 8 * 6
    assert len(ended) == 3
