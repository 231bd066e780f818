"""Where compiled code is left for the interpreter: between two steps, or in the middle of one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any
from unittest.mock import patch

import pytest

from cascade import workflow as cs
from cascade.adapters.executors import local
from cascade.runtime.strategies import compiled, interpreter
from cascade.runtime.strategies.jit import cycle_cache, shapes
from cascade.runtime.strategies.jit.render import BATCH
from tests.jit.support import Calls, cycles, now, same_on_engines

inline = cs.task(mode="inline")


@inline
def same(x: Any) -> Any:
    return x


@cs.task
async def slowly(x: Any) -> Any:
    await asyncio.sleep(1)
    return x


async def coroutine(x: Any) -> Any:
    await asyncio.sleep(1)
    return x


RETURNED: dict[str, Callable[[int], Any]] = {
    "a call": lambda n: same(n),
    "an async call": lambda n: slowly(n),
    "a list with a call": lambda n: [same(n), n],
    "a dict with a call": lambda n: {"k": slowly(n)},
    "an item of a call": lambda n: same([n, n])[0],
    "a literal": lambda n: cs.literal([same(n)]) if n < 0 else cs.literal([n]),
    "a coroutine": lambda n: coroutine(n),
    "a map": lambda n: same.map([n, n]),
    "a list of values": lambda n: [n, n],
    "a call with retry": lambda n: same.with_retry(2)(n),
}


@pytest.mark.parametrize("kind", RETURNED)
@pytest.mark.parametrize("is_async", [False, True])
def test_what_an_inner_node_returns_now_and_then_is_evaluated(kind: str, is_async: bool) -> None:
    def program(calls: Calls, _engine: cs.Engine) -> Any:
        @inline
        def inner(n: int) -> Any:
            calls.append(("inner", n, now()))
            return RETURNED[kind](n) if n == 5 else n

        @cs.task
        async def awaited(n: int) -> Any:
            calls.append(("awaited", n, now()))
            return RETURNED[kind](n) if n == 4 else n

        @inline
        def after(x: Any, y: Any) -> Any:
            calls.append(("after", x, y, now()))
            return x, y

        @inline
        def loop(n: int, x: Any = None) -> Any:
            return x if n == 0 else loop(n - 1, after(inner(n), (awaited if is_async else inner)(n - 1)))

        return loop(10)

    same_on_engines(program)


@pytest.mark.parametrize("kind", RETURNED)
def test_what_the_loop_returns_in_the_end_is_evaluated(kind: str) -> None:
    def program(calls: Calls, _engine: cs.Engine) -> Any:
        @inline
        def loop(n: int, x: Any = None) -> Any:
            calls.append((n, now()))
            return RETURNED[kind](n) if n == 0 else loop(n - 1, same(n))

        @cs.task
        async def awaited(n: int, x: Any = None) -> Any:
            calls.append((n, now()))
            return RETURNED[kind](n) if n == 0 else awaited(n - 1, slowly(n))

        return [loop(10), awaited(10)]

    same_on_engines(program, is_parallel=True)


@pytest.mark.parametrize("how", ["returns a call", "fails", "is tried again"])
def test_calls_that_the_interpreter_would_have_begun_before_are_begun(how: str) -> None:
    """The interpreter begins ``first``, then calls ``second``, and only then is ``first`` served by the event loop."""

    def program(calls: Calls, _engine: cs.Engine) -> Any:
        failures = [4]

        @cs.task
        async def first(n: int) -> int:
            calls.append(("first", n, now()))
            await asyncio.sleep(1)
            return n

        @inline
        def second(n: int) -> Any:
            calls.append(("second", n, now()))
            if n == 4 and how == "returns a call":
                return slowly(n)
            if n in failures and how != "returns a call":
                failures.remove(n)
                raise ValueError(n)
            return n

        tried = second.with_retry(2, delay_s=3) if how == "is tried again" else second

        @inline
        def loop(n: int, x: int = 0, y: int = 0) -> Any:
            calls.append(("loop", n, x, y, now()))
            return x if n == 0 else loop(n - 1, first(n), tried(n))

        return loop(8)

    seen = same_on_engines(program)
    assert [call[2] for call in seen.calls if call[:2] == ("first", 4)] == ([] if how == "fails" else [4.0])


@pytest.mark.parametrize("how", ["returns a call", "fails", "is tried again"])
@pytest.mark.parametrize("together", [False, True])
def test_a_step_that_a_router_has_chosen_is_left(how: str, together: bool) -> None:
    def program(calls: Calls, _engine: cs.Engine) -> Any:
        failures = [4]

        @cs.task
        async def inner(n: int) -> Any:
            calls.append(("inner", n, now()))
            await asyncio.sleep(1)
            if n == 4 and how == "returns a call":
                return [same(n), n]
            if n in failures and how != "returns a call":
                failures.remove(n)
                raise ValueError(n)
            return n

        @cs.task
        async def other(n: int) -> Any:
            await asyncio.sleep(2)
            return n

        tried = inner.with_retry(2, delay_s=3) if how == "is tried again" else inner

        @inline
        def loop(n: int, x: Any = 0, y: Any = 0) -> Any:
            calls.append(("loop", n, x, y, now()))
            more = other(n) if together else n
            return cs.Router(n > 0, {True: loop(n - 1, tried(n), more), False: "end"})

        return loop(8)

    same_on_engines(program, is_compiled=how != "is tried again" or not together)


@pytest.mark.parametrize("how", ["returns a call", "fails", "is tried again"])
@pytest.mark.parametrize("change", [list[Any].clear, lambda held: held.append(same(7)), list[Any].reverse])
def test_a_list_with_calls_that_is_changed_during_the_step_is_what_it_was_when_the_step_began(
    how: str, change: Callable[[list[Any]], None]
) -> None:
    """``loop(n - 1, [same(n), n], last(changes(n)))``: the list is changed by ``changes``, then ``last`` is left."""

    def program(calls: Calls, _engine: cs.Engine) -> Any:
        held: list[Any] = []
        failures = [4]

        @inline
        def changes(n: int) -> int:
            if n == 4:
                change(held)
            return n

        @inline
        def last(n: int) -> Any:
            calls.append(("last", n))
            if n == 4 and how == "returns a call":
                return same(n)
            if n in failures and how != "returns a call":
                failures.remove(n)
                raise ValueError(n)
            return n

        @inline
        def loop(n: int, x: Any = None, y: Any = None) -> Any:
            nonlocal held
            calls.append(("loop", n, x, y))
            held = [same(n), -n]
            tried = last.with_retry(2) if how == "is tried again" else last
            return x if n == 0 else loop(n - 1, held, tried(changes(n)))

        return loop(8)

    same_on_engines(program)


def test_one_literal_given_to_several_calls_is_not_taken_for_several() -> None:
    def program(calls: Calls, _engine: cs.Engine) -> Any:
        @inline
        def first(x: list[int]) -> Any:
            calls.append(("first", x))
            return same(x) if x[0] == 4 else x

        @inline
        def second(x: list[int]) -> list[int]:
            calls.append(("second", x))
            return x

        @inline
        def loop(n: int, x: Any = None, y: Any = None) -> Any:
            one, other = cs.literal([n]), cs.literal([-n])
            return (x, y) if n == 0 else loop(n - 1, first(one), second(one if n > 6 else other))

        return loop(12)

    same_on_engines(program)


MODIFIED: dict[str, Callable[[Any, int], Any]] = {
    "a timeout": lambda task, n: task.with_timeout(10)(n),
    "a condition": lambda task, n: task.run_if(n % 4 == 0, otherwise=-1)(n),
    "retry and a timeout": lambda task, n: task.with_retry(2).with_timeout(10)(n),
    "retry and a condition": lambda task, n: task.with_retry(2).run_if(n % 4 == 0, otherwise=-1)(n),
    "retry and a label": lambda task, n: task.with_retry(2).named(f"the {n}th")(n),
    "retry and a predecessor": lambda task, n: task.with_retry(2).after(same(n))(n),
    "retry of the call and a condition": lambda task, n: task(n).with_retry(2).run_if(n % 4 == 0, otherwise=-1),
    "nothing": lambda task, n: task(n),
}


@pytest.mark.parametrize("modified", MODIFIED)
def test_calls_with_retry_alternate_with_calls_with_something_else(modified: str) -> None:
    def program(calls: Calls, _engine: cs.Engine) -> Any:
        failures = [7, 5, 4]

        @cs.task
        async def work(n: int) -> int:
            calls.append(("work", n))
            await asyncio.sleep(0)
            if n in failures:
                failures.remove(n)
                raise ValueError(n)
            return n

        @inline
        def loop(n: int, x: int = 0) -> Any:
            calls.append(("loop", n, x))
            return x if n == 0 else loop(n - 1, work.with_retry(2)(n) if n % 2 else MODIFIED[modified](work, n))

        return loop(16)

    same_on_engines(program)


@pytest.mark.parametrize("who", ["ping", "pong"])
def test_a_step_that_cannot_be_run_is_the_fault_of_the_task_that_returned_it(who: str) -> None:
    def program(calls: Calls, _engine: cs.Engine) -> Any:
        def following(task: Any, n: int, name: str) -> Any:
            calls.append((name, n))
            call = task(n - 1, same(n)) if name == "ping" else task(n - 1)
            return call.with_constraints(gpu=1) if name == who and n <= 4 else call

        @inline
        def ping(n: int) -> Any:
            return following(pong, n, "ping")

        @inline
        def pong(n: int, _x: int) -> Any:
            return following(ping, n, "pong")

        return ping(60)

    kind, _, notes = same_on_engines(program).outcome
    assert kind is cs.CapacityError
    assert who in notes[0]


@pytest.mark.parametrize("slow_s", [0.001, 0.1], ids=["within a slice", "longer than a slice"])
def test_a_task_that_turns_slow_goes_back_to_threads(slow_s: float) -> None:
    engine = cs.Engine(jit=True)
    now_s = 0.0
    slow_inline: list[bool] = []

    def clock() -> float:
        return now_s

    @cs.task
    def loop(n: int) -> str:
        nonlocal now_s
        if n < 1_000:
            now_s += slow_s
            slow_inline.append(threading.current_thread() is threading.main_thread())
        return "end" if n == 0 else loop(n - 1)

    with ExitStack() as stack:
        for module in (interpreter, compiled, cycle_cache, local):
            stack.enter_context(patch.object(module, "perf_counter", clock))
        stack.enter_context(patch.dict(shapes._COMMON, clock=clock))
        stack.enter_context(engine)
        cs.run(loop(2_000), engine=engine)
    assert cycles(engine).statistics["steps"] >= 1_000
    assert slow_inline.index(False) <= BATCH + 1, "one batch, and the call that is measured"
    assert not any(slow_inline[BATCH + 1 :])
