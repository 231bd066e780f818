"""`start` and its handle: a run in the background."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import CancelledError

import pytest

from cascade import workflow as cs


@cs.task
async def for_ever() -> None:
    await asyncio.Event().wait()


@cs.task
def one() -> int:
    return 1


def test_the_value_comes_through_the_handle_and_through_await() -> None:
    assert cs.start(one()).result(10) == 1

    async def main() -> int:
        return await cs.start(one())

    assert asyncio.run(main()) == 1


def test_a_failing_task_raises_in_result() -> None:
    @cs.task
    def broken() -> None:
        raise KeyError("gone")

    with pytest.raises(KeyError, match="gone"):
        cs.start(broken()).result(10)


def test_a_timeout_that_a_task_raises_is_not_taken_for_that_of_the_waiting() -> None:
    @cs.task
    def refuse() -> None:
        raise TimeoutError("the server is slow")

    with pytest.raises(TimeoutError, match="the server is slow"):
        cs.start(refuse()).result(10)


def test_waiting_for_too_long_leaves_the_run_as_it_is() -> None:
    handle = cs.start(for_ever())
    with pytest.raises(TimeoutError, match=rf"run '{handle.run_id}' has not ended within 0\.01 s and goes on"):
        handle.result(0.01)
    assert not handle.done()
    handle.cancel()
    with pytest.raises(CancelledError):
        handle.result(10)


def test_cancelling_who_awaits_does_not_cancel_the_run() -> None:
    release = threading.Event()

    @cs.task(mode="thread")
    def wait() -> str:
        assert release.wait(10)
        return "finished"

    async def main() -> str:
        handle = cs.start(wait())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(handle, 0.01)
        release.set()
        return await handle

    assert asyncio.run(main()) == "finished"


def test_events_end_with_the_run() -> None:
    handle = cs.start([one(), one()], events=cs.Event)
    kinds = [type(event).__name__ for event in handle.events()]
    assert kinds[0] == "RunStarted"
    assert kinds[-1] == "RunFinished"
    assert kinds.count("TaskExecutionStarted") == kinds.count("TaskExecutionFinished") == 2


def test_cancelling_twice_or_after_the_end_does_nothing() -> None:
    handle = cs.start(one())
    handle.result(10)
    handle.cancel()
    handle.cancel()
    assert handle.result(10) == 1
