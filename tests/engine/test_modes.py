"""Where a sync task runs: ``auto`` finds it out, the others say it."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import threading
import weakref
from typing import Any

import pytest

from cascade import workflow as cs
from cascade.adapters.executors.local import LocalExecutor
from cascade.adapters.executors.threads import ThreadWorkers
from cascade.runtime.bus import MessageBus

NEVER_SLOW = 60.0
ALWAYS_SLOW = 1e-9

user: contextvars.ContextVar[str] = contextvars.ContextVar("user", default="nobody")


def here() -> int:
    return threading.get_ident()


def thread_of(target: Any, engine: cs.Engine) -> str:
    return "loop" if cs.run(target, engine=engine) == here() else "other"


@pytest.fixture(params=["plain", "observed"])
def patient(request: pytest.FixtureRequest) -> cs.Engine:
    """An engine for which every task is short; calls are made in another way when somebody wants their events."""
    bus = MessageBus()
    if request.param == "observed":
        bus.subscribe(cs.TaskEvent, lambda event: None)
    return cs.Engine(executor=LocalExecutor(inline_limit_s=NEVER_SLOW), bus=bus)


def test_two_sync_tasks_overlap() -> None:
    barrier = threading.Barrier(2)
    meet = cs.task(lambda: barrier.wait(timeout=30))
    assert sorted(cs.run([meet(), meet()])) == [0, 1]


def test_as_many_sync_tasks_overlap_as_the_executor_has_threads() -> None:
    barrier = threading.Barrier(5)
    meet = cs.task(lambda: barrier.wait(timeout=30))
    engine = cs.Engine(executor=LocalExecutor(threads=5))
    assert sorted(cs.run([meet() for _ in range(5)], engine=engine)) == list(range(5))


def test_no_more_sync_calls_are_under_way_than_the_executor_has_threads() -> None:
    lock = threading.Lock()
    counts = {"now": 0, "most": 0}
    third = threading.Event()

    @cs.task(mode="thread")
    def count(n: int) -> None:
        with lock:
            counts["now"] += 1
            counts["most"] = max(counts["most"], counts["now"])
        if n == 2:
            third.set()
        elif n < 2:
            third.wait(0.05)  # would be set by the third call, if that were begun beside
        with lock:
            counts["now"] -= 1

    cs.run(count.map(range(10), max_in_flight=10), engine=cs.Engine(executor=LocalExecutor(threads=2)))
    assert counts["most"] == 2


def test_a_short_task_moves_into_the_event_loop(patient: cs.Engine) -> None:
    task = cs.task(here)
    assert [thread_of(task(), patient) for _ in range(3)] == ["other", "loop", "loop"]


def test_a_short_step_of_a_loop_moves_into_the_event_loop(patient: cs.Engine) -> None:
    threads: list[int] = []

    @cs.task
    def loop(n: int) -> str:
        threads.append(here())
        return "done" if n == 0 else loop(n - 1)

    cs.run(loop(5), engine=patient)
    assert [thread == here() for thread in threads] == [False, True, True, True, True, True]


@pytest.mark.parametrize(
    "modify",
    [
        lambda lazy: lazy.run_if(True),
        lambda lazy: lazy.named("labelled"),
        lambda lazy: lazy.after(cs.task(here)()),
        lambda lazy: lazy.with_retry(2),
    ],
    ids=["run_if", "named", "after", "with_retry"],
)
def test_a_short_task_with_options_moves_into_the_event_loop_too(modify: Any) -> None:
    engine = cs.Engine(executor=LocalExecutor(inline_limit_s=NEVER_SLOW))
    task = cs.task(here)
    thread_of(task(), engine)
    assert thread_of(modify(task()), engine) == "loop"


def test_a_task_that_takes_long_stays_in_threads() -> None:
    engine = cs.Engine(executor=LocalExecutor(inline_limit_s=ALWAYS_SLOW))
    task = cs.task(here)
    assert [thread_of(task(), engine) for _ in range(3)] == ["other"] * 3


def test_a_task_that_turns_slow_goes_back_to_threads(patient: cs.Engine) -> None:
    task = cs.task(here)
    executor = patient.executor
    assert isinstance(executor, LocalExecutor)
    thread_of(task(), patient)
    assert thread_of(task(), patient) == "loop"
    executor._inline_limit_s = ALWAYS_SLOW  # from now on every call is too slow: this one is measured inline …
    assert thread_of(task(), patient) == "loop"
    assert [thread_of(task(), patient) for _ in range(2)] == ["other", "other"]  # … and the next are not made there


def test_observing_a_slow_call_moves_its_task_only() -> None:
    executor = LocalExecutor(inline_limit_s=NEVER_SLOW)
    engine = cs.Engine(executor=executor)
    slow, quick = cs.task(here), cs.task(lambda: here())
    cs.run([slow(), quick()], engine=engine)
    executor.observe(slow, 1)
    assert [thread_of(slow(), engine), thread_of(quick(), engine)] == ["other", "loop"]


def test_inline_tasks_run_in_the_thread_of_the_event_loop() -> None:
    assert thread_of(cs.task(mode="inline")(here)(), cs.Engine()) == "loop"


def test_thread_tasks_never_move() -> None:
    engine = cs.Engine(executor=LocalExecutor(inline_limit_s=NEVER_SLOW))
    task = cs.task(mode="thread")(here)
    assert [thread_of(task(), engine) for _ in range(3)] == ["other"] * 3


def test_async_tasks_run_in_the_event_loop() -> None:
    @cs.task
    async def where() -> int:
        await asyncio.sleep(0)
        return here()

    assert thread_of(where(), cs.Engine()) == "loop"


@pytest.mark.parametrize("mode", ["auto", "inline", "thread"])
def test_context_variables_reach_every_mode(mode: Any) -> None:
    task = cs.task(mode=mode)(lambda: user.get())
    context = contextvars.copy_context()
    context.run(user.set, "Ada")
    for _ in range(3):
        assert context.run(cs.run, [task(), task()]) == ["Ada", "Ada"]


def test_context_variables_reach_async_tasks_and_background_runs() -> None:
    @cs.task
    async def name() -> str:
        return user.get()

    def both() -> tuple[str, str]:
        user.set("Ada")
        return cs.run(name()), cs.start(name()).result(timeout_s=30)

    assert contextvars.copy_context().run(both) == ("Ada", "Ada")


def test_a_run_inside_a_running_event_loop_has_a_loop_of_its_own() -> None:
    async def cell_of_a_notebook() -> int:
        return cs.run(cs.task(lambda: 41)()) + 1

    assert asyncio.run(cell_of_a_notebook()) == 42


def test_a_cancellation_that_comes_while_a_late_call_is_stopped_is_not_lost() -> None:
    workers = ThreadWorkers(1)
    released = threading.Event()

    async def program() -> bool:
        def stop() -> None:
            call.cancel()
            asyncio.get_running_loop().call_later(0.01, released.set)

        call = asyncio.create_task(workers.call("wait", released.wait, 0.001, stop))
        await asyncio.wait([call])
        return call.cancelled()

    assert asyncio.run(program())
    workers.close()


def test_an_executor_that_is_gone_leaves_nothing_behind_with_its_tasks() -> None:
    @cs.task
    def short() -> int:
        return 1

    before = weakref.getweakrefcount(short)
    with cs.Engine(executor=LocalExecutor(inline_limit_s=60)) as engine:
        cs.run([short(), short()], engine=engine)
        assert weakref.getweakrefcount(short) > before
    del engine
    gc.collect()
    assert weakref.getweakrefcount(short) == before
