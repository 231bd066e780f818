"""The first failure ends the run: siblings are stopped and waited for, and the user's own exception arrives."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from cascade import workflow as cs
from cascade.testing import RecordingBus, ShuffledSolver, run_in_virtual_time
from tests.support.running import run_virtually


class Broken(LookupError):
    pass


@cs.task(mode="inline")
def collect(*values: Any) -> list[Any]:
    return list(values)


@cs.task
async def fail(seconds: float = 0) -> None:
    await asyncio.sleep(seconds)
    raise Broken("no such thing")


@cs.task(mode="inline")
def fail_now() -> Any:
    raise Broken("no such thing")


@cs.task(mode="thread")
def fail_in_thread() -> None:
    raise Broken("no such thing")


@pytest.mark.parametrize("failing", [fail, fail_now, fail_in_thread], ids=lambda task: task.name)
def test_the_exception_of_a_task_arrives_as_it_was_raised(failing: cs.Task[[], None]) -> None:
    with pytest.raises(Broken) as caught:
        cs.run(collect(failing()))
    assert (type(caught.value), caught.value.args) == (Broken, ("no such thing",))


def test_the_exception_says_in_which_task_step_and_path_it_was_raised() -> None:
    @cs.task
    def loop(n: int) -> Any:
        return collect(inner(2)) if n == 0 else loop(n - 1)

    @cs.task
    def inner(n: int) -> Any:
        return fail_now() if n == 0 else inner(n - 1)

    with pytest.raises(Broken) as caught:
        cs.run(loop(3))
    (note,) = caught.value.__notes__
    assert "task 'fail_now'" in note
    assert "step 3" in note, "inner(1), inner(0) and fail_now() are the steps of the inner node's own loop"
    assert "for inner" in note


@dataclass(frozen=True)
class Frozen(Exception):
    code: int


class WithoutNotes(Exception):
    __notes__ = None  # type: ignore[assignment]


class Wordless(Exception):
    def __str__(self) -> str:
        raise AttributeError("it has no words")


@pytest.mark.parametrize("error", [Frozen(3), WithoutNotes(), Wordless()], ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("where", ["a task", "a resource", "both"])
def test_an_exception_that_takes_no_note_or_has_no_words_arrives_all_the_same(error: Exception, where: str) -> None:
    @cs.resource
    def resource() -> Iterator[int]:
        try:
            yield 1
        finally:
            if where != "a task":
                raise error

    @cs.task
    def fails(n: int, value: int = cs.Inject(resource)) -> int:
        if n == 0 and where != "a resource":
            raise error
        return n if n == 0 else fails(n - 1)

    with pytest.raises(type(error)) as caught:
        cs.run(fails(5))
    assert caught.value is error


def test_a_kept_run_ends_with_an_exception_that_has_no_words() -> None:
    @cs.task
    def fails() -> None:
        raise Wordless

    with pytest.raises(Wordless):
        cs.run(fails(), state="memory://")


def test_the_label_of_a_call_is_what_an_error_names() -> None:
    with pytest.raises(Broken) as caught:
        cs.run(collect(fail_now().named("the nightly import")))
    assert "'the nightly import'" in caught.value.__notes__[0]


def test_an_exception_that_is_raised_again_in_a_later_run_names_that_run_only_once() -> None:
    error = Broken("shared")

    @cs.task
    def raise_shared() -> None:
        raise error

    for _ in range(3):
        with pytest.raises(Broken):
            cs.run(raise_shared())
    assert len(error.__notes__) == 1


def test_an_async_sibling_is_cancelled_and_waited_for() -> None:
    log: list[str] = []

    @cs.task
    async def sibling() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(5)
            log.append("cleaned up")

    async def program() -> float:
        with pytest.raises(Broken):
            await cs.Engine().run(collect(sibling(), fail(1)))
        assert log == ["cleaned up"]
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return asyncio.get_running_loop().time()

    assert run_in_virtual_time(program()) == pytest.approx(6)


def test_a_thread_sibling_is_waited_for() -> None:
    started, release, log = threading.Event(), threading.Event(), []

    @cs.task(mode="thread")
    def sibling() -> None:
        started.set()
        release.wait(30)
        log.append("ended")

    @cs.task
    async def fail_beside() -> None:
        await asyncio.to_thread(started.wait, 30)
        asyncio.get_running_loop().call_later(0.02, release.set)  # after the failure
        raise Broken("beside")

    with pytest.raises(Broken):
        cs.run(collect(sibling(), fail_beside()))
    assert log == ["ended"]


def test_what_waits_for_a_failed_node_never_starts() -> None:
    log: list[str] = []

    @cs.task
    def consumer(_value: object) -> None:
        log.append("started")

    with pytest.raises(Broken):
        cs.run(consumer(fail()), engine=cs.Engine(ShuffledSolver()))
    assert log == []


def test_a_ready_sibling_that_was_not_started_never_starts() -> None:
    log: list[int] = []

    @cs.task(mode="inline")
    def note(n: int) -> None:
        log.append(n)

    with pytest.raises(Broken):
        cs.run([note(1), fail_now(), note(2)])
    assert log == [1]


def test_the_failure_of_a_sibling_during_its_cancellation_does_not_replace_the_first() -> None:
    @cs.task
    async def sibling() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError("while cleaning up")

    with pytest.raises(Broken):
        run_virtually(collect(sibling(), fail(1)))


def test_the_first_of_two_failures_is_raised() -> None:
    @cs.task
    async def fail_later() -> None:
        await asyncio.sleep(2)
        raise ValueError("later")

    with pytest.raises(Broken):
        run_virtually([fail_later(), fail(1)])


def test_a_failure_inside_a_mapped_item_ends_the_run() -> None:
    @cs.task
    def check(n: int) -> int:
        if n == 3:
            raise Broken("item 3")
        return n

    with pytest.raises(Broken, match="item 3") as caught:
        cs.run(collect(check.map(range(6))))
    assert "check[3]" in caught.value.__notes__[0]


@pytest.mark.parametrize("mode", ["inline", "thread", "auto"])
def test_stop_iteration_of_a_task_is_an_error_that_names_the_task(mode: Any) -> None:
    def exhausted() -> None:
        next(iter(()))

    with pytest.raises(cs.TaskStopIterationError, match="'exhausted' raised StopIteration") as caught:
        cs.run(collect(cs.task(mode=mode)(exhausted)()))
    assert isinstance(caught.value.__cause__, StopIteration)


def test_stop_iteration_of_an_async_task_is_an_error() -> None:
    @cs.task
    async def exhausted() -> None:
        raise StopIteration

    with pytest.raises(RuntimeError):
        cs.run(exhausted())


def test_a_failed_run_publishes_its_error() -> None:
    bus = RecordingBus(cs.RunFinished)
    with pytest.raises(Broken) as caught:
        cs.run(fail(), engine=cs.Engine(bus=bus))
    (finished,) = bus.of(cs.RunFinished)
    assert (finished.status, finished.error) == ("Failed", caught.value)


def test_an_engine_goes_on_after_a_failed_run() -> None:
    engine = cs.Engine()
    for _ in range(3):
        with pytest.raises(Broken):
            cs.run(collect(fail(), fail_in_thread()), engine=engine)
        assert cs.run(collect(1, collect(2)), engine=engine) == [1, [2]]


def test_a_value_that_is_an_exception_is_a_value() -> None:
    @cs.task
    def give() -> Exception:
        return Broken("returned")

    assert isinstance(cs.run(collect(give()))[0], Broken)


def test_an_engine_that_was_closed_says_so() -> None:
    engine = cs.Engine()
    engine.close()
    with pytest.raises(cs.EngineClosedError, match="closed"):
        cs.run(collect(), engine=engine)


def test_the_timeout_of_a_run_ends_it_and_everything_in_it() -> None:
    log: list[str] = []

    @cs.task
    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            log.append("cancelled")

    with pytest.raises(cs.TaskTimeoutError, match="longer than its timeout of 2 s"):
        run_virtually(endless(), timeout_s=2)
    assert log == ["cancelled"]


def test_a_run_within_its_timeout_is_not_disturbed() -> None:
    @cs.task
    async def brief() -> str:
        await asyncio.sleep(1)
        return "done"

    assert run_virtually(brief(), timeout_s=2) == ("done", 1)


def test_a_timeout_error_of_a_task_is_not_taken_for_that_of_the_run() -> None:
    @cs.task
    async def give_up() -> None:
        raise TimeoutError("the server's")

    with pytest.raises(TimeoutError, match="the server's") as caught:
        run_virtually(give_up(), timeout_s=100)
    assert type(caught.value) is TimeoutError
