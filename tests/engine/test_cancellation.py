"""Cancelling a run, and Ctrl-C: nothing outlives it, its end is published, and the engine can be used again."""

from __future__ import annotations

import asyncio
import concurrent.futures
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from cascade import workflow as cs
from cascade.testing import RecordingBus, run_in_virtual_time
from tests.support.running import interrupt_script

no_signals = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT to send to a process")


@cs.task(mode="inline")
def collect(*values: Any) -> Any:
    return list(values)


@cs.task
async def endless(log: list[str], clean_up_s: float = 0) -> Any:
    log.append("started")
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(clean_up_s)
        log.append("ended")


@cs.task(mode="inline")
def spin(n: int = 0) -> int:
    return spin(n + 1)


async def cancel_after(engine: cs.Engine, target: Any, seconds: float) -> None:
    running = asyncio.ensure_future(engine.run(target))
    await asyncio.sleep(seconds)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert asyncio.all_tasks() == {asyncio.current_task()}, "something outlived the run"


def test_cancelling_a_run_ends_its_async_tasks_before_it_ends() -> None:
    log: list[str] = []
    bus = RecordingBus(cs.RunFinished, cs.TaskExecutionFinished)
    run_in_virtual_time(cancel_after(cs.Engine(bus=bus), collect(endless(log, 3), endless(log)), 1))
    assert log == ["started", "started", "ended", "ended"]
    assert [event.status for event in bus.of(cs.RunFinished)] == ["Cancelled"]
    assert [event.status for event in bus.of(cs.TaskExecutionFinished)] == ["Cancelled"] * 2


def test_cancelling_a_run_waits_for_its_threads() -> None:
    started, release, log = threading.Event(), threading.Event(), []

    @cs.task(mode="thread")
    def blocked() -> None:
        started.set()
        release.wait(30)
        log.append("ended")

    async def program() -> None:
        running = asyncio.ensure_future(cs.arun(blocked()))
        await asyncio.to_thread(started.wait, 30)
        running.cancel()
        asyncio.get_running_loop().call_later(0.02, release.set)
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(program())
    assert log == ["ended"]


def test_a_hot_loop_can_be_cancelled() -> None:
    async def program() -> None:
        running = asyncio.ensure_future(cs.arun(spin()))
        for _ in range(5):
            await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(program())


def test_cancelling_closes_resources_which_see_the_cancellation() -> None:
    log: list[str] = []

    @cs.resource
    def connection() -> Any:
        try:
            yield "connection"
        except BaseException as error:
            log.append(type(error).__name__)
            raise
        finally:
            log.append("closed")

    @cs.task
    async def use(_connection: str = cs.Inject(connection)) -> None:
        await asyncio.Event().wait()

    run_in_virtual_time(cancel_after(cs.Engine(), use(), 1))
    assert log == ["CancelledError", "closed"]


def test_cancelling_again_while_tasks_clean_up_does_not_leave_them_behind() -> None:
    log: list[str] = []

    async def program() -> None:
        running = asyncio.ensure_future(cs.arun(endless(log, 5)))
        await asyncio.sleep(1)
        running.cancel()
        await asyncio.sleep(1)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run_in_virtual_time(program())
    assert log == ["started", "ended"]


def test_an_engine_survives_a_cancelled_run_also_in_another_event_loop() -> None:
    engine = cs.Engine(system_resources={"gpu": 1})
    for _ in range(3):
        log: list[str] = []
        held = endless(log).with_constraints(gpu=1)
        run_in_virtual_time(cancel_after(engine, held, 1))
        # What the cancelled run held is free again.
        assert asyncio.run(engine.run(collect(1).with_constraints(gpu=1))) == [1]


def test_cancelling_a_run_that_waits_for_a_capacity_takes_nothing() -> None:
    engine = cs.Engine(system_resources={"gpu": 1})
    log: list[str] = []

    async def program() -> Any:
        holder = asyncio.ensure_future(engine.run(endless(log).with_constraints(gpu=1)))
        await asyncio.sleep(1)
        await cancel_waiting(engine)
        holder.cancel()
        await asyncio.wait({holder})
        return await engine.run(collect("free").with_constraints(gpu=1))

    async def cancel_waiting(engine: cs.Engine) -> None:
        waiting = asyncio.ensure_future(engine.run(collect().with_constraints(gpu=1)))
        await asyncio.sleep(1)
        waiting.cancel()
        await asyncio.wait({waiting})

    assert run_in_virtual_time(program()) == ["free"]


def test_a_handle_cancels_its_run() -> None:
    log: list[str] = []
    handle = cs.start(endless(log), engine=cs.Engine())
    for event in handle.events():
        if isinstance(event, cs.RunStarted):
            handle.cancel()
    with pytest.raises(concurrent.futures.CancelledError):
        handle.result(timeout_s=30)
    assert handle.done()
    assert log in ([], ["started", "ended"])


INTERRUPTED = """
    import asyncio, threading, time
    from cascade import workflow as cs

    @cs.resource
    def connection():
        try:
            yield "connection"
        finally:
            print("closed")

    @cs.task
    async def wait_for_ever(_connection=cs.Inject(connection)):
        print("ready")
        try:
            await asyncio.Event().wait()
        finally:
            print("cancelled")

    @cs.task
    def spin(n=0):
        if n == 10_000:
            print("ready")
        return spin(n + 1)

    engine = cs.Engine()
    engine.subscribe(cs.RunFinished, lambda event: print("finished", event.status))
    try:
        cs.run(TARGET, engine=engine)
    except KeyboardInterrupt:
        print("interrupted")
    print("threads", sum(not thread.name.startswith("cascade") for thread in threading.enumerate()))
    print("again", cs.run(cs.task(lambda: 1)(), engine=engine))
"""


@no_signals
@pytest.mark.slow
def test_ctrl_c_ends_a_run_in_order_and_leaves_the_engine_usable(tmp_path: Path) -> None:
    lines, err, code = interrupt_script(tmp_path, INTERRUPTED.replace("TARGET", "wait_for_ever()"), after="ready")
    expected = [
        "cancelled",
        "closed",
        "finished Cancelled",
        "interrupted",
        "threads 1",
        "finished Succeeded",
        "again 1",
    ]
    assert (lines, code) == (expected, 0), err
    assert err == ""


@no_signals
@pytest.mark.slow
def test_ctrl_c_ends_a_hot_loop(tmp_path: Path) -> None:
    lines, err, code = interrupt_script(tmp_path, INTERRUPTED.replace("TARGET", "spin()"), after="ready")
    assert lines == ["finished Cancelled", "interrupted", "threads 1", "finished Succeeded", "again 1"], err
    assert (err, code) == ("", 0)


@no_signals
@pytest.mark.slow
def test_ctrl_c_ends_a_run_whose_worker_process_is_busy(tmp_path: Path) -> None:
    script = """
        import os, time
        from cascade import workflow as cs

        @cs.task(mode="process")
        def busy():
            print("ready", flush=True)
            while True:
                time.sleep(0.01)

        if __name__ == "__main__":
            engine = cs.Engine()
            engine.subscribe(cs.RunFinished, lambda event: print("finished", event.status))
            try:
                cs.run(busy(), engine=engine)
            except KeyboardInterrupt:
                print("interrupted")
            import multiprocessing
            print("workers", len(multiprocessing.active_children()))
    """
    lines, err, code = interrupt_script(tmp_path, script, after="ready")
    assert (lines, code) == (["finished Cancelled", "interrupted", "workers 0"], 0), err
