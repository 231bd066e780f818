"""Retries and resources in compiled loops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from cascade import workflow as cs
from tests.jit.support import Calls, cycles, inline_engine, now, same_on_engines, see

inline = cs.task(mode="inline")


def failing(calls: Calls, name: str, script: dict[int, list[type[BaseException]]], *, is_async: bool = False) -> Any:
    """A task that raises what the script says for its argument, once each, and then returns the argument."""

    def work(n: int) -> int:
        calls.append((name, n))
        if script.get(n):
            raise script[n].pop(0)(f"{name} at {n}")
        return n

    async def awaited(n: int) -> int:
        await asyncio.sleep(0)
        return work(n)

    return cs.task(name=name)(awaited) if is_async else cs.task(name=name, mode="inline")(work)


def looping(calls: Calls, body: Any, *, is_async: bool = False) -> Any:
    """A loop of 8 steps over what ``body(n)`` gives."""

    def loop(n: int, x: Any = None) -> Any:
        calls.append(("loop", n, x))
        return x if n == 0 else task(n - 1, body(n))

    async def awaited(n: int, x: Any = None) -> Any:
        return loop(n, x)

    task: Any = cs.task(name="loop")(awaited) if is_async else cs.task(name="loop", mode="inline")(loop)
    return task(8)


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("failures", [1, 2, 3])
def test_an_inner_call_is_tried_again(is_async: bool, failures: int) -> None:
    def program(calls: Calls, _engine: cs.Engine) -> Any:
        flaky = failing(calls, "flaky", {4: [ValueError] * failures, 2: [KeyError]}, is_async=is_async)
        return looping(calls, lambda n: flaky.with_retry(3, delay_s=2)(n), is_async=is_async)

    seen = same_on_engines(program)
    assert seen.calls.count(("flaky", 4)) == min(failures + 1, 3)
    if failures == 3:
        assert seen.outcome == (ValueError, "flaky at 4", ["Cascade: in task 'flaky', step 6"])


@pytest.mark.parametrize("is_async", [False, True])
def test_the_root_of_a_step_is_tried_again(is_async: bool) -> None:
    def program(calls: Calls, _engine: cs.Engine) -> Any:
        failures = {5: [ValueError], 3: [ValueError] * 2}

        def step(n: int, x: int = 0) -> Any:
            calls.append((n, x, now()))
            if failures.get(n):
                raise failures[n].pop()("not yet")
            return x if n == 0 else loop.with_retry(3, delay_s=1, backoff=2)(n - 1, n)

        async def awaited(n: int, x: int = 0) -> Any:
            return step(n, x)

        loop: Any = cs.task(awaited) if is_async else inline(step)
        return loop(9)

    assert [call[0] for call in same_on_engines(program).calls] == [9, 8, 7, 6, 5, 5, 4, 3, 3, 3, 2, 1, 0]


@pytest.mark.parametrize("is_async", [False, True])
def test_calls_that_are_awaited_together_are_tried_again(is_async: bool) -> None:
    def program(calls: Calls, _engine: cs.Engine) -> Any:
        one = failing(calls, "one", {4: [ValueError]}, is_async=is_async)
        two = failing(calls, "two", {4: [ValueError], 2: [ValueError]}, is_async=is_async)
        return looping(calls, lambda n: [one.with_retry(2)(n), two.with_retry(2)(n)], is_async=is_async)

    assert same_on_engines(program, is_compiled=not is_async).outcome[0] is list


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("error", [StopIteration, KeyboardInterrupt, SystemExit, asyncio.CancelledError, ValueError])
@pytest.mark.parametrize(
    "retry_on", [(ValueError,), (cs.TaskStopIterationError,), (Exception,), (RuntimeError,)], ids=str
)
def test_whether_it_is_tried_again_depends_on_the_error(is_async: bool, error: Any, retry_on: Any) -> None:
    def program(calls: Calls, _engine: cs.Engine) -> Any:
        flaky = failing(calls, "flaky", {4: [error]}, is_async=is_async)
        return looping(calls, lambda n: flaky.with_retry(2, retry_on=retry_on)(n))

    same_on_engines(program)


def test_the_predicate_is_asked_as_often_and_in_the_same_order() -> None:
    def program(calls: Calls, _engine: cs.Engine) -> Any:
        def applies(error: BaseException) -> bool:
            calls.append(("asked", type(error), str(error)))
            return "4" in str(error)

        flaky = failing(calls, "flaky", {4: [ValueError] * 2, 3: [ValueError]})
        patient = flaky.with_retry(5, retry_on=applies)
        return looping(calls, patient)

    assert same_on_engines(program).outcome[0] is ValueError


def test_the_policy_differs_from_step_to_step() -> None:
    def program(calls: Calls, _engine: cs.Engine) -> Any:
        flaky = failing(calls, "flaky", {n: [ValueError] * 2 for n in range(9)})

        def body(n: int) -> Any:
            attempts = 3 if n > 2 else 2
            return flaky.with_retry(attempts, delay_s=n)(n) if n % 2 else flaky(n).with_retry(attempts)

        return looping(calls, body)

    seen = same_on_engines(program)
    assert seen.outcome == (ValueError, "flaky at 2", ["Cascade: in task 'flaky', step 8"])


def test_a_loop_with_another_number_of_attempts_in_each_step() -> None:
    def program(calls: Calls, _engine: cs.Engine) -> Any:
        flaky = failing(calls, "flaky", {4: [ValueError] * 3, 3: [ValueError] * 3})
        return looping(calls, lambda n: flaky.with_retry(n)(n))

    same_on_engines(program, is_compiled=False)


@pytest.mark.parametrize("jit", [False, True])
def test_every_attempt_is_counted_in_the_events_of_a_subscriber_that_comes_late(jit: bool) -> None:
    engine = inline_engine(jit=jit)
    attempts: list[int] = []

    @cs.task
    async def flaky(n: int, failures: list[int]) -> int:
        if n == 7:
            engine.subscribe(cs.TaskRetrying, lambda event: attempts.append(event.attempt))
        await asyncio.sleep(0)
        if n == 4 and failures:
            raise ValueError(failures.pop())
        return n

    def program(calls: Calls, _engine: cs.Engine) -> Any:
        failures = [1, 2]
        return looping(calls, lambda n: flaky.with_retry(4)(n, failures), is_async=True)

    see(program, engine)
    assert attempts == [1, 2]


# --- Resources --------------------------------------------------------------------------------------------------------


def connection(calls: Calls, name: str = "db", scope: Any = "run", value: Any = None) -> Any:
    """A resource that notes when it is opened and closed."""

    @cs.resource(name=name, scope=scope)
    def opened() -> Iterator[Any]:
        calls.append(("open", name))
        yield name if value is None else value
        calls.append(("close", name))

    return opened


class Incomparable:
    """As an array: two of them are neither equal nor not."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, _other: object) -> bool:
        raise ValueError("ambiguous")


def test_a_resource_is_opened_once_and_closed_at_the_end() -> None:
    def program(calls: Calls, engine: cs.Engine) -> Any:
        resource = connection(calls)

        @inline
        def use(n: int, db: Any = cs.Inject(resource)) -> int:
            calls.append((n, db))
            return n

        return looping(calls, use)

    seen = same_on_engines(program)
    assert [call for call in seen.calls if call[0] in ("open", "close")] == [("open", "db"), ("close", "db")]


def test_a_resource_may_be_something_that_cannot_be_compared() -> None:
    def program(calls: Calls, _engine: cs.Engine) -> Any:
        resource = connection(calls, value=Incomparable())

        @inline
        def use(n: int, db: Any = cs.Inject(resource)) -> int:
            calls.append((n, type(db)))
            return n

        return looping(calls, use)

    same_on_engines(program)


@pytest.mark.parametrize("is_async", [False, True])
def test_a_resource_is_opened_late(is_async: bool) -> None:
    def program(calls: Calls, _engine: cs.Engine) -> Any:
        @cs.resource
        async def late() -> AsyncIterator[str]:
            calls.append(("open", now()))
            await asyncio.sleep(1)
            yield "late"
            calls.append(("close", now()))

        @inline
        def use(n: int, late: Any = cs.Inject(late)) -> int:
            calls.append((n, late))
            return n

        @inline
        def other(n: int) -> int:
            return -n

        return looping(calls, lambda n: (use if n <= 3 else other)(n), is_async=is_async)

    same_on_engines(program)


def test_a_resource_that_fails_to_open_in_mid_loop() -> None:
    def program(calls: Calls, _engine: cs.Engine) -> Any:
        @cs.resource
        def broken() -> Iterator[str]:
            raise OSError("no")
            yield ""

        @inline
        def use(n: int, db: Any = cs.Inject(broken)) -> int:
            return n

        @inline
        def other(n: int) -> int:
            return n

        return looping(calls, lambda n: (use if n == 3 else other)(n))

    assert same_on_engines(program).outcome[0] is OSError


def test_an_argument_takes_the_place_of_a_resource_now_and_then() -> None:
    def program(calls: Calls, _engine: cs.Engine) -> Any:
        resource = connection(calls)

        @inline
        def use(n: int, db: Any = cs.Inject(resource)) -> int:
            calls.append((n, db))
            return n

        return looping(calls, lambda n: use(n, "mine") if n % 3 == 0 else use(n, db="ours") if n % 3 == 1 else use(n))

    same_on_engines(program)


def test_a_resource_of_a_step_is_another_in_every_step() -> None:
    def program(calls: Calls, _engine: cs.Engine) -> Any:
        resource = connection(calls, scope="step")

        @inline
        def use(n: int, db: Any = cs.Inject(resource)) -> int:
            calls.append((n, db))
            return n

        return looping(calls, use)

    assert same_on_engines(program, is_compiled=False).calls.count(("open", "db")) == 8


@pytest.mark.parametrize("is_async", [False, True])
def test_a_retried_call_keeps_its_resource(is_async: bool) -> None:
    def program(calls: Calls, _engine: cs.Engine) -> Any:
        resource = connection(calls)
        failures = [4, 4, 2]

        def use(n: int, db: Any = cs.Inject(resource)) -> int:
            calls.append((n, db))
            if n in failures:
                failures.remove(n)
                raise ValueError(n)
            return n

        async def awaited(n: int, db: Any = cs.Inject(resource)) -> int:
            return use(n, db)

        task: Any = cs.task(awaited) if is_async else inline(use)
        return looping(calls, task.with_retry(3), is_async=is_async)

    same_on_engines(program)


def test_runs_and_engines_that_share_a_loop_have_their_own_resources() -> None:
    used: list[Any] = []

    @inline
    def use(n: int, db: Any = cs.Inject("db")) -> int:
        used.append(db)
        return n

    @inline
    def loop(n: int, x: int = 0) -> int:
        return x if n == 0 else loop(n - 1, use(n))

    first, second = inline_engine(), inline_engine()
    for engine, name in ((first, "one"), (second, "two"), (first, "one")):
        cs.run(loop(6), engine=engine, resources=[connection([], value=name)])
        assert used == [name] * 6
        used.clear()
    for engine in (first, second):
        engine.register(connection([], value="registered"))
    with first.override(db=connection([], name="fake", value="overridden")):
        cs.run(loop(6), engine=first)
    assert used == ["overridden"] * 6
    used.clear()
    cs.run(loop(6), engine=first)
    assert used == ["registered"] * 6
    assert cycles(first).statistics["hit"]
