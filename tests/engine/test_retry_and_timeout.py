"""Attempts and their time: how often a call is made, when, and how long it may take."""

from __future__ import annotations

import asyncio
import threading
from itertools import pairwise
from typing import Any

import pytest

from cascade import workflow as cs
from cascade.spec.policies import Retry
from cascade.testing import RecordingBus, ScriptedExecutor
from tests.support.running import run_virtually


class Flaky:
    """A task that fails so many times, and notes when it was called."""

    def __init__(self, failures: int, error: type[Exception] = ConnectionError) -> None:
        self.times: list[float] = []
        self._failures = failures
        self._error = error

    def task(self) -> Any:
        @cs.task
        async def flaky(*_args: Any) -> str:
            self.times.append(asyncio.get_running_loop().time())
            if len(self.times) <= self._failures:
                raise self._error(f"attempt {len(self.times)}")
            return "done"

        return flaky


@cs.task
async def sleep(seconds: float) -> Any:
    await asyncio.sleep(seconds)
    return "slept"


@pytest.mark.parametrize("failures", [0, 1, 2])
def test_a_call_is_tried_until_it_succeeds(failures: int) -> None:
    flaky = Flaky(failures)
    assert run_virtually(flaky.task().with_retry(3)())[0] == "done"
    assert len(flaky.times) == failures + 1


def test_max_attempts_counts_all_attempts_and_the_last_error_is_raised() -> None:
    flaky = Flaky(10)
    with pytest.raises(ConnectionError, match="attempt 3"):
        run_virtually(flaky.task()().with_retry(3))
    assert len(flaky.times) == 3


def test_one_attempt_is_no_retry() -> None:
    flaky = Flaky(1)
    with pytest.raises(ConnectionError, match="attempt 1"):
        run_virtually(flaky.task().with_retry(1)())


@pytest.mark.parametrize(
    ("retry_on", "attempts"),
    [
        (ConnectionError, 3),
        (OSError, 3),
        ((ValueError, ConnectionError), 3),
        (ValueError, 1),
        (lambda error: "attempt 1" in str(error), 2),
    ],
    ids=["type", "base", "one of two", "other type", "predicate"],
)
def test_only_what_is_named_is_tried_again(retry_on: Any, attempts: int) -> None:
    flaky = Flaky(10)
    with pytest.raises(ConnectionError):
        run_virtually(flaky.task().with_retry(3, retry_on=retry_on)())
    assert len(flaky.times) == attempts


def test_the_pause_grows_by_the_factor_up_to_its_limit() -> None:
    flaky = Flaky(5)
    run_virtually(flaky.task().with_retry(6, delay_s=1, backoff=3, max_delay_s=10)())
    pauses = [after - before for before, after in pairwise(flaky.times)]
    assert pauses == pytest.approx([1, 3, 9, 10, 10])


def test_a_huge_factor_ends_at_the_limit_instead_of_overflowing() -> None:
    assert Retry(2_000, 1, 1e300, max_delay_s=60).delay_before(1_999, lambda: 0.5) == 60


def test_jitter_makes_a_pause_shorter_or_longer_by_its_share() -> None:
    retry = Retry(3, delay_s=10, jitter=0.2)
    pauses = [retry.delay_before(2, iter([share]).__next__) for share in (0.0, 0.5, 1.0)]
    assert pauses == pytest.approx([8, 10, 12])


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"max_attempts": 0}, "max_attempts"),
        ({"max_attempts": True}, "max_attempts"),
        ({"max_attempts": 2.5}, "max_attempts"),
        ({"delay_s": -1}, "delay_s"),
        ({"delay_s": float("nan")}, "delay_s"),
        ({"backoff": 0}, "backoff"),
        ({"max_delay_s": -1}, "max_delay_s"),
        ({"jitter": 2}, "jitter"),
        ({"retry_on": "ValueError"}, "retry_on"),
        ({"retry_on": (ValueError, 3)}, "retry_on"),
    ],
)
def test_a_number_out_of_range_is_refused_at_once(options: Any, word: str) -> None:
    with pytest.raises(cs.TaskDefinitionError, match=word):
        sleep.with_retry(**options)


def test_every_failed_attempt_is_announced_and_the_call_is_one_execution() -> None:
    bus = RecordingBus(cs.TaskEvent)
    run_virtually(Flaky(2).task().with_retry(3, delay_s=2)(), cs.Engine(bus=bus))
    retries = bus.of(cs.TaskRetrying)
    assert [(event.attempt, event.max_attempts, event.delay_s, str(event.error)) for event in retries] == [
        (1, 3, 2, "attempt 1"),
        (2, 3, 2, "attempt 2"),
    ]
    kinds = [type(event) for event in bus.events]
    assert kinds == [cs.TaskExecutionStarted, cs.TaskRetrying, cs.TaskRetrying, cs.TaskExecutionFinished]


def test_the_arguments_of_a_retried_call_are_computed_once() -> None:
    inner, outer = Flaky(0), Flaky(2)
    run_virtually(outer.task().with_retry(3)(inner.task()()))
    assert (len(inner.times), len(outer.times)) == (1, 3)


def test_sync_calls_are_retried_in_every_mode() -> None:
    modes: list[Any] = ["inline", "thread", "auto"]
    for mode in modes:
        calls: list[int] = []

        def flaky(calls: list[int] = calls) -> str:
            calls.append(1)
            if len(calls) < 3:
                raise ConnectionError
            return "done"

        assert cs.run(cs.task(mode=mode)(flaky).with_retry(3)()) == "done"


def test_a_cancelled_call_is_not_tried_again() -> None:
    times: list[float] = []

    @cs.task
    async def endless() -> Any:
        times.append(0)
        await asyncio.Event().wait()

    with pytest.raises(cs.TaskTimeoutError):
        run_virtually(endless.with_retry(5, retry_on=BaseException)(), timeout_s=1)
    assert len(times) == 1


def test_a_modifier_makes_a_new_task_or_call_and_leaves_the_old_one_as_it_was() -> None:
    flaky = Flaky(1)
    task = flaky.task()
    call = task()
    assert task.with_retry(2) is not task
    assert call.with_retry(2) is not call
    with pytest.raises(ConnectionError):
        run_virtually(call)
    assert len(flaky.times) == 1


def test_options_of_a_call_come_before_those_of_its_task() -> None:
    flaky = Flaky(10)
    with pytest.raises(ConnectionError):
        run_virtually(flaky.task().with_retry(5)().with_retry(2))
    assert len(flaky.times) == 2


def test_options_of_task_and_call_add_up() -> None:
    executor = ScriptedExecutor({"sleep": [ConnectionError()]})
    target = sleep.with_timeout(5)(0).with_retry(2)
    assert run_virtually(target, cs.Engine(executor=executor))[0] == "slept"
    assert [call.timeout_s for call in executor.calls] == [5, 5]


def test_an_async_call_over_its_time_is_cancelled() -> None:
    log: list[str] = []

    @cs.task
    async def endless() -> Any:
        try:
            await asyncio.Event().wait()
        finally:
            log.append("cancelled")

    with pytest.raises(cs.TaskTimeoutError, match="'endless' took longer than its timeout of 2 s") as caught:
        run_virtually(endless.with_timeout(2)())
    assert isinstance(caught.value, TimeoutError)
    assert log == ["cancelled"]


def test_a_call_within_its_time_is_not_disturbed() -> None:
    assert run_virtually(sleep(1).with_timeout(2)) == ("slept", 1)


def test_the_time_counts_for_one_attempt() -> None:
    flaky = Flaky(2)
    assert run_virtually(flaky.task().with_retry(3, delay_s=10).with_timeout(2)())[0] == "done"


def test_a_timeout_can_be_retried() -> None:
    times: list[float] = []

    @cs.task
    async def quicker() -> Any:
        times.append(asyncio.get_running_loop().time())
        await asyncio.sleep(3 - len(times))
        return "done"

    assert run_virtually(quicker.with_timeout(1.5).with_retry(3, retry_on=TimeoutError)())[0] == "done"
    assert times == pytest.approx([0, 1.5])


def test_the_run_goes_on_when_a_thread_takes_too_long() -> None:
    release = threading.Event()

    @cs.task(mode="thread")
    def blocked() -> Any:
        release.wait(30)

    try:
        with pytest.raises(cs.TaskTimeoutError, match="'blocked' took longer"):
            cs.run(blocked.with_timeout(0.01)())
    finally:
        release.set()


def test_a_timeout_of_an_inline_task_is_refused_before_anything_runs() -> None:
    started: list[str] = []

    @cs.task(mode="inline")
    def note(*_inputs: object) -> Any:
        started.append("started")

    with pytest.raises(cs.TaskDefinitionError, match=r"'note' is of mode 'inline'.*use mode 'thread'"):
        cs.run(note(note.with_timeout(1)(note())))
    assert started == []


def test_a_timeout_of_an_inline_task_in_a_later_step_is_refused_when_that_is_planned() -> None:
    started: list[str] = []

    @cs.task(mode="inline")
    def note(*_inputs: object) -> Any:
        started.append("started")

    @cs.task
    def first() -> Any:
        return note(note()).with_timeout(1)

    with pytest.raises(cs.TaskDefinitionError, match="'note' is of mode 'inline'"):
        cs.run(first())
    assert started == []


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_a_timeout_out_of_range_is_refused_at_once(seconds: float) -> None:
    with pytest.raises(cs.TaskDefinitionError, match="greater than 0 seconds"):
        sleep.with_timeout(seconds)


def test_a_retry_after_a_day_is_tested_at_once() -> None:
    calls: list[int] = []

    @cs.task
    async def ask() -> str:
        calls.append(1)
        if len(calls) < 3:
            raise ConnectionError("down")
        return "up"

    day_s = 24 * 3600
    assert run_virtually(ask.with_retry(3, delay_s=day_s)()) == ("up", 2 * day_s)
