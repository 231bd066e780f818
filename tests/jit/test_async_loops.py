"""Ways in which a compiled loop of async tasks could differ from the interpreter; the silent ones first.

Virtual time makes every moment exact: what begins, ends or is cancelled does so at the same second both ways.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import linecache
import sys
import traceback
import weakref
from contextvars import ContextVar
from time import perf_counter
from typing import Any

import pytest

from cascade import workflow as cs
from cascade.adapters.caches.memory import MemoryCache
from cascade.adapters.executors.local import LocalExecutor
from cascade.testing import run_in_virtual_time
from tests.jit.support import Calls, cycles, inline_engine, now, same_on_engines, see

inline = cs.task(mode="inline")

variable: ContextVar[Any] = ContextVar("variable", default=0)


class Incomparable:
    """As an array: two of them are neither equal nor not."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, _other: object) -> bool:
        raise ValueError("ambiguous")


# --- Context variables ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["leaf", "loop", "sibling"])
def test_context_variables_do_not_leak_from_one_call_to_the_next(place: str) -> None:
    def program(calls: Calls, _engine: cs.Engine) -> Any:
        def touch(name: str, n: int) -> None:
            calls.append((name, n, variable.get()))
            if place == name and n % 3 == 0:
                variable.set(n)

        @cs.task
        async def leaf(n: int) -> int:
            touch("leaf", n)
            return n

        @cs.task
        async def sibling(n: int) -> int:
            touch("sibling", n)
            await asyncio.sleep(0)
            return n

        @cs.task
        async def loop(n: int, *_values: int) -> int:
            touch("loop", n)
            return n if n == 0 else loop(n - 1, leaf(sibling(n)), 0) if n % 2 else loop(n - 1, leaf(n), sibling(n))

        return loop(20)

    assert {call[2] for call in same_on_engines(program).calls} == {0}


def test_the_values_of_context_variables_need_not_be_comparable() -> None:
    def program(calls: Calls, _engine: cs.Engine) -> Any:
        @cs.task
        async def leaf(n: int) -> int:
            calls.append((n, type(variable.get())))
            variable.set(Incomparable())
            return n

        @cs.task
        async def loop(n: int, x: int = 0) -> int:
            return x if n == 0 else loop(n - 1, leaf(n))

        return loop(12)

    before = variable.set(Incomparable())
    try:
        same_on_engines(program)
    finally:
        variable.reset(before)


def test_context_variables_of_the_caller_are_seen_in_every_step() -> None:
    def program(calls: Calls, _engine: cs.Engine) -> Any:
        @cs.task
        async def loop(n: int) -> int:
            calls.append((n, variable.get()))
            return n if n == 0 else loop(n - 1)

        return loop(12)

    before = variable.set("mine")
    try:
        assert {call[1] for call in same_on_engines(program).calls} == {"mine"}
    finally:
        variable.reset(before)


# --- Siblings ---------------------------------------------------------------------------------------------------------


def three_siblings(calls: Calls, act: Any, *, swallows: bool = False, cleanup_s: float = 0) -> Any:
    """Steps of three calls that take 1, 2 and 3 s; in one step ``act`` is awaited at the end of the first or second."""

    def make(name: str, delay_s: float) -> Any:
        @cs.task(name=name)
        async def work(n: int) -> Any:
            calls.append((name, "begins", n, now()))
            value: Any = n
            try:
                await asyncio.sleep(delay_s)
                if n == 3:
                    value = await act(name, n)
            except BaseException as error:
                calls.append((name, type(error).__name__, n, now()))
                if swallows and isinstance(error, asyncio.CancelledError):
                    return -1
                if cleanup_s:
                    await asyncio.sleep(cleanup_s)
                    calls.append((name, "has cleaned up", n, now()))
                raise
            calls.append((name, "ends", n, now()))
            return value

        return work

    left, middle, right = make("left", 1), make("middle", 2), make("right", 3)

    @cs.task
    async def loop(n: int, *values: Any) -> Any:
        calls.append(("loop", n, values, now()))
        return values if n == 0 else loop(n - 1, left(n), middle(n), right(n))

    return loop(6)


ERRORS = [ValueError, KeyError, SystemExit, KeyboardInterrupt, StopIteration, asyncio.CancelledError]


@pytest.mark.parametrize("who", ["left", "middle", "right"])
@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize(("swallows", "cleanup_s"), [(False, 0), (True, 0), (False, 5)])
def test_a_sibling_that_fails_has_the_others_cancelled_and_waited_for(
    who: str, error: type[BaseException], swallows: bool, cleanup_s: float
) -> None:
    def program(calls: Calls, _engine: cs.Engine) -> Any:
        async def act(name: str, n: int) -> int:
            if name == who:
                raise error("broken")
            return n

        return three_siblings(calls, act, swallows=swallows, cleanup_s=cleanup_s)

    assert ("left", "begins", 2) not in [call[:3] for call in same_on_engines(program).calls] or swallows


@pytest.mark.parametrize("who", ["left", "middle", "right"])
@pytest.mark.parametrize("kind", ["call", "list", "slow call"])
def test_a_sibling_that_returns_a_call_lets_the_others_go_on(who: str, kind: str) -> None:
    def program(calls: Calls, _engine: cs.Engine) -> Any:
        @cs.task
        async def inner(n: int, delay_s: float) -> int:
            calls.append(("inner", n, now()))
            await asyncio.sleep(delay_s)
            return -n

        async def act(name: str, n: int) -> Any:
            if name != who:
                return n
            call = inner(n, 10 if kind == "slow call" else 0.5)
            return [call, n] if kind == "list" else call

        return three_siblings(calls, act)

    same_on_engines(program)


def test_a_step_with_three_siblings_begins_each_of_them_once() -> None:
    engine = inline_engine()

    async def act(_name: str, n: int) -> int:
        engine.pause(ttl_s=1)  # the step is left behind the siblings
        return n

    seen = see(lambda calls, _engine: three_siblings(calls, act), engine)
    begun = [call[:3] for call in seen.calls if "begins" in call]
    assert len(begun) == len(set(begun)) == 18
    assert cycles(engine).statistics["left"] == 1


# --- Cancellation and timeouts ----------------------------------------------------------------------------------------


def one_call(calls: Calls, body: Any) -> Any:
    """Steps of one call of ``body``."""

    @cs.task
    async def inner(n: int) -> Any:
        calls.append(("inner", n, now()))
        return await body(n)

    @cs.task
    async def loop(n: int, x: Any = 0) -> Any:
        calls.append(("loop", n, x, now()))
        return x if n == 0 else loop(n - 1, inner(n))

    return loop(8)


@pytest.mark.parametrize("swallows", [False, True])
def test_a_call_that_is_cancelled_from_outside(swallows: bool) -> None:
    def program(calls: Calls, _engine: cs.Engine) -> Any:
        async def body(n: int) -> int:
            if n == 4:
                task = asyncio.current_task()
                assert task is not None
                asyncio.get_running_loop().call_later(1, task.cancel)
                try:
                    await asyncio.sleep(10)
                except asyncio.CancelledError:
                    if not swallows:
                        raise
            return n

        return one_call(calls, body)

    outcome = same_on_engines(program).outcome
    assert outcome == ((int, 1) if swallows else (asyncio.CancelledError, "", ["Cascade: in task 'inner', step 6"]))


@pytest.mark.parametrize("who", ["first", "loop"])
@pytest.mark.parametrize("delay_s", [0, 1])
def test_a_call_that_cancels_itself_and_awaits_nothing_more_is_cancelled(who: str, delay_s: float) -> None:
    def program(calls: Calls, _engine: cs.Engine) -> Any:
        async def call(name: str, n: int) -> int:
            calls.append((name, n))
            if delay_s:
                await asyncio.sleep(delay_s)
            task = asyncio.current_task()
            if name == who and n == 5 and task is not None:
                task.cancel()
            return n

        @cs.task
        async def first(n: int) -> int:
            return await call("first", n)

        @cs.task
        async def second(n: int) -> int:
            return await call("second", n)

        @cs.task
        async def loop(n: int, x: int = 0) -> int:
            await call("loop", n)
            return x if n == 0 else loop(n - 1, second(first(n)))

        return loop(12)

    seen = same_on_engines(program)
    assert seen.calls[-1] == (who, 5)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="inspect.markcoroutinefunction is new in Python 3.12")
@pytest.mark.parametrize("who", ["first", "second", "loop", "nobody"])
def test_functions_that_are_marked_as_async_may_return_any_awaitable(who: str) -> None:
    def program(calls: Calls, _engine: cs.Engine) -> Any:
        def marked(name: str) -> Any:
            def call(n: int) -> asyncio.Future[int]:
                calls.append((name, n))
                future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
                outcome = ValueError(n) if n == 4 and who == name else n
                settle: Any = future.set_exception if isinstance(outcome, ValueError) else future.set_result
                asyncio.get_running_loop().call_later(1, settle, outcome)
                return future

            return cs.task(name=name)(getattr(inspect, "markcoroutinefunction")(call))  # noqa: B009

        first, second = marked("first"), marked("second")

        @inline
        def loop(n: int, x: int = 0, y: int = 0) -> Any:
            calls.append(("loop", n, x, y))
            if n == 4 and who == "loop":
                raise ValueError(n)
            return x if n == 0 else loop(n - 1, first(n), second(n))

        return loop(8)

    same_on_engines(program)


def test_all_tasks_of_the_loop_but_the_run_are_cancelled_from_outside() -> None:
    def program(calls: Calls, _engine: cs.Engine) -> Any:
        async def body(n: int) -> int:
            if n == 4:
                here, run = asyncio.current_task(), calls[0][0]
                assert here is not None
                others = asyncio.all_tasks() - {run}
                asyncio.get_running_loop().call_later(1, lambda: [task.cancel() for task in others])
                await asyncio.sleep(10)
            return n

        @inline
        def begin() -> Any:
            calls.append((asyncio.current_task(),))
            return one_call(calls, body)

        return begin()

    interpreted = see(program, inline_engine(jit=False))
    compiled = see(program, inline_engine())
    assert compiled.outcome == interpreted.outcome
    assert compiled.calls[1:] == interpreted.calls[1:]
    assert compiled.steps == interpreted.steps


def test_a_timeout_inside_a_step_is_the_tasks_own() -> None:
    def program(calls: Calls, _engine: cs.Engine) -> Any:
        async def body(n: int) -> int:
            try:
                async with asyncio.timeout(1 if n % 2 else 5):
                    await asyncio.sleep(3)
            except TimeoutError:
                calls.append(("timeout", n, now()))
            return n

        return one_call(calls, body)

    assert sum(call[0] == "timeout" for call in same_on_engines(program).calls) == 4


def test_a_task_group_inside_a_step() -> None:
    def program(calls: Calls, _engine: cs.Engine) -> Any:
        async def part(n: int) -> int:
            await asyncio.sleep(n)
            if n == 3:
                raise ValueError(n)
            return n

        async def body(n: int) -> int:
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(part(n))
                    group.create_task(part(n + 1))
            except* ValueError as errors:
                calls.append(("failed", n, len(errors.exceptions), now()))
            return n

        return one_call(calls, body)

    same_on_engines(program)


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize("swallows", [False, True])
def test_a_run_ends_in_time_although_an_await_never_ends(together: bool, swallows: bool) -> None:
    for jit in (False, True):
        engine = inline_engine(jit=jit)
        cancelled: list[float] = []

        @cs.task
        async def waits(n: int) -> int:
            try:
                await (asyncio.get_running_loop().create_future() if n == 3 else asyncio.sleep(0))
            except asyncio.CancelledError:
                cancelled.append(now())  # noqa: B023 - it is called in this turn
                if not swallows:
                    raise
            return n

        @cs.task
        async def loop(n: int, *values: int) -> Any:
            return values if n == 0 else loop(n - 1, *[waits(n) for _ in range(1 + together)])

        async def program() -> None:
            with pytest.raises(cs.TaskTimeoutError):
                await engine.run(loop(8), timeout_s=10)  # noqa: B023
            assert asyncio.all_tasks() == {asyncio.current_task()}

        run_in_virtual_time(program())
        assert cancelled == [10.0] * (1 + together)


def test_a_run_that_is_cancelled_again_while_it_cleans_up_still_waits() -> None:
    for jit in (False, True):
        engine = inline_engine(jit=jit)

        @cs.task
        async def waits(n: int) -> int:
            try:
                await asyncio.sleep(100 if n == 3 else 1)
            finally:
                await asyncio.sleep(5)
            return n

        @cs.task
        async def loop(n: int, *values: int) -> Any:
            return values if n == 0 else loop(n - 1, waits(n), waits(n))

        async def program() -> float:
            run = asyncio.ensure_future(engine.run(loop(8)))  # noqa: B023
            await asyncio.sleep(40)
            run.cancel()
            await asyncio.sleep(1)
            run.cancel()
            with pytest.raises(asyncio.CancelledError):
                await run
            assert asyncio.all_tasks() == {asyncio.current_task()}
            return now()

        assert run_in_virtual_time(program()) in (45.0, 41.0)


# --- Neighbours -------------------------------------------------------------------------------------------------------


def test_an_async_loop_that_never_suspends_does_not_starve_its_neighbours() -> None:
    engine = inline_engine()
    turns: list[int] = []

    @cs.task
    async def endless(n: int) -> int:
        return endless(n + 1)

    async def program() -> None:
        run = asyncio.ensure_future(engine.run(endless(0)))
        for turn in range(5):
            await asyncio.sleep(0)
            await asyncio.sleep(0.001)
            turns.append(turn)
        run.cancel()
        await asyncio.wait([run])

    asyncio.run(program())
    assert turns == [0, 1, 2, 3, 4]
    assert cycles(engine).statistics["hit"] > 1


@pytest.mark.slow
def test_a_slow_sync_task_within_an_async_loop_goes_back_to_threads() -> None:
    engine = cs.Engine(jit=True, executor=LocalExecutor(inline_limit_s=0.05))
    threads: list[bool] = []

    @cs.task
    def work(n: int, is_slow: bool) -> int:
        try:
            asyncio.get_running_loop()
            threads.append(False)
        except RuntimeError:
            threads.append(True)
        end = perf_counter() + 0.1 * is_slow
        while perf_counter() < end:
            pass
        return n

    @cs.task
    async def loop(n: int, x: int = 0) -> int:
        await asyncio.sleep(0)
        return x if n == 0 else loop(n - 1, work(n, n <= 5))

    with engine:
        cs.run(loop(30), engine=engine)
    assert threads[0], "a task begins in a thread"
    assert not all(threads[:20]), "a short task is called in the event loop"
    assert all(threads[-3:]), "a slow one is not"
    assert cycles(engine).statistics["hit"]


def test_items_of_a_map_whose_loops_fail_keep_their_failures_and_the_others_go_on() -> None:
    def program(calls: Calls, _engine: cs.Engine) -> Any:
        @cs.task
        async def fails(n: int, item: int) -> int:
            await asyncio.sleep(1)
            if n == 3 and item % 2:
                raise ValueError(item)
            return n

        @cs.task
        async def sibling(n: int, item: int) -> int:
            try:
                await asyncio.sleep(2)
            except asyncio.CancelledError:
                calls.append(("cancelled", n, item, now()))
                raise
            return n

        @cs.task
        async def loop(item: int, n: int = 6, *_values: int) -> tuple[int, float]:
            return (item, now()) if n == 0 else loop(item, n - 1, fails(n, item), sibling(n, item))

        @inline
        def show(items: list[Any]) -> list[str]:
            return [repr(item) for item in items]

        return show(loop.map([1, 2, 3, 4], on_error="continue"))

    seen = same_on_engines(program, is_parallel=True)
    assert seen.calls == [("cancelled", 3, item, 7.0) for item in (1, 3)]


def test_a_step_of_a_cached_loop_runs_the_same_cached_call() -> None:
    def program(calls: Calls, engine: cs.Engine) -> Any:
        cache = MemoryCache()
        begun: list[int] = []

        @cs.task
        async def leaf(n: int) -> Any:
            await asyncio.sleep(0)
            if n == 3:
                calls.append(("inside", await engine.run(outer(1))))
            return n

        @cs.task
        async def loop(n: int, x: int = 0) -> int:
            return x if n == 0 else loop(n - 1, leaf(n))

        @cs.task
        async def cached(n: int) -> Any:
            begun.append(n)
            return loop(8) if len(begun) == 1 else -1

        outer = cached.with_cache(cache)
        return outer(1)

    assert same_on_engines(program, is_compiled=False).calls == [("inside", -1)]


# --- What people see of it, and what stays --------------------------------------------------------------------------


@pytest.mark.parametrize("together", [False, True])
def test_the_traceback_of_a_failing_async_step_shows_the_generated_line(together: bool) -> None:
    engine = inline_engine()

    @cs.task
    async def breaks(n: int) -> float:
        return 1 / (n - 3)

    @cs.task
    async def loop(n: int, *_values: float) -> Any:
        return loop(n - 1, breaks(n), *([breaks(n)] if together else []))

    with pytest.raises(ZeroDivisionError) as caught:
        cs.run(loop(8), engine=engine)
    shown = "".join(traceback.format_exception(caught.value))
    assert "in breaks" in shown
    assert cycles(engine).statistics["hit"]
    if not together:  # siblings have asyncio tasks of their own, whose tracebacks begin there
        assert "await f0_0(x0_0_0)  # breaks" in shown


def test_an_async_loop_is_compiled_once_and_never_again() -> None:
    engine = inline_engine()

    @cs.task
    async def leaf(n: int) -> int:
        return n

    @inline
    def sibling(n: int) -> int:
        return n

    @cs.task
    async def loop(n: int, x: int = 0, y: int = 0) -> int:
        return x + y if n == 0 else loop(n - 1, sibling.with_retry(2)(n), leaf.with_retry(3)(n))

    for _ in range(3):
        cs.run(loop(500), engine=engine)
    statistics = cycles(engine).statistics
    assert statistics["compiled"] == 1
    assert statistics["evicted"] == statistics["left"] == 0


def test_nothing_of_an_async_loop_outlives_its_engine() -> None:
    class Big:
        pass

    def use() -> tuple[list[weakref.ref[Any]], str]:
        engine, big = inline_engine(), Big()

        @cs.resource
        def resource() -> Any:
            yield big

        @cs.task
        async def leaf(n: int, held: Any, given: Any = cs.Inject(resource)) -> int:
            return n

        @cs.task
        async def sibling(n: int) -> int:
            await asyncio.sleep(0)
            return n

        @cs.task
        async def loop(n: int, *values: int) -> int:
            return (
                n
                if n == 0
                else loop(n - 1, leaf.with_retry(3)(n, big), sibling(n))
                if n % 2
                else loop(n - 1, sibling(n), sibling(n))
            )

        cs.run(loop(20), engine=engine)
        (compiled,) = cycles(engine).loops()
        refs: list[weakref.ref[Any]] = [weakref.ref(each) for each in (loop, leaf, compiled, engine, big)]
        return refs, compiled.run.__code__.co_filename

    refs, file_name = use()
    gc.collect()
    assert [ref() for ref in refs] == [None] * 5
    assert file_name not in linecache.cache
