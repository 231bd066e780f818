"""`ExecutorConformance`: the promises of `cascade.spec.protocols.Executor`."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import Any, TypeVar

import pytest

from cascade.spec.errors import TaskTimeoutError
from cascade.spec.protocols import Executor
from cascade.spec.task import Task

T = TypeVar("T")

caller: ContextVar[str] = ContextVar("caller", default="nobody")

# What in-process tests and their tasks share; made anew for each test.
gates: dict[str, Any] = {}

# The functions are of the top level of a module, so that executors can send them to other processes.


def describe(a: int, *rest: int, b: str = "b", **more: int) -> tuple[int, tuple[int, ...], str, dict[str, int]]:
    return a, rest, b, more


async def describe_later(
    a: int, *rest: int, b: str = "b", **more: int
) -> tuple[int, tuple[int, ...], str, dict[str, int]]:
    await asyncio.sleep(0)
    return a, rest, b, more


def fail(error: BaseException) -> None:
    raise error


async def fail_later(error: BaseException) -> None:
    await asyncio.sleep(0)
    raise error


def stop_iteration() -> None:
    raise StopIteration("nothing left")


def name_caller() -> str:
    return caller.get()


async def name_caller_later() -> str:
    await asyncio.sleep(0)
    return caller.get()


async def never_end() -> None:
    gates["started"].set()
    try:
        await asyncio.Event().wait()
    finally:
        gates["ended"].set()


def wait_for_release() -> bool:
    gates["started"].set()
    released = gates["release"].wait(gates["patience_s"])
    gates["ended"].set()
    return bool(released)


def meet() -> int:
    return int(gates["barrier"].wait(gates["patience_s"]))


class ExecutorConformance:
    """Give a fixture ``executor`` that makes the executor under test, and closes it if that is needed.

    Attributes:
        same_process: Whether sync functions run in the process of the tests. If not, what takes shared memory to
            observe is skipped.
        patience_s: Real seconds after which a test takes something for not going to happen.
    """

    same_process: bool = True
    patience_s: float = 5.0

    @pytest.fixture
    def executor(self) -> Executor:
        """The executor under test."""
        raise NotImplementedError("give the test class a fixture 'executor' that returns the executor under test")

    def test_says_how_many_calls_it_can_have(self, executor: Executor) -> None:
        """``concurrency`` is a whole number of at least 1."""
        assert isinstance(executor.concurrency, int)
        assert executor.concurrency >= 1

    def test_returns_what_a_function_returns(self, executor: Executor) -> None:
        """The value of a sync function comes back, with all its arguments passed on."""
        value = self._run(executor.execute(Task(describe), [1, 2, 3], {"b": "x", "c": 4}))
        assert value == (1, (2, 3), "x", {"c": 4})

    def test_returns_what_an_async_function_returns(self, executor: Executor) -> None:
        """An async function is awaited, with all its arguments passed on."""
        value = self._run(executor.execute(Task(describe_later), (1, 2, 3), {"b": "x", "c": 4}))
        assert value == (1, (2, 3), "x", {"c": 4})

    @pytest.mark.parametrize("function", [fail, fail_later], ids=["sync", "async"])
    def test_raises_what_the_function_raises(self, executor: Executor, function: Any) -> None:
        """The exception of a function arrives unchanged: its type and its arguments."""
        with pytest.raises(Exception, match="no such row") as caught:
            self._run(executor.execute(Task(function), [KeyError("no such row", 7)], {}))
        assert (type(caught.value), caught.value.args) == (KeyError, ("no such row", 7))

    @pytest.mark.parametrize("function", [fail, fail_later], ids=["sync", "async"])
    def test_a_timeout_error_of_the_function_is_its_own(self, executor: Executor, function: Any) -> None:
        """A ``TimeoutError`` that a function raises before its time is over is not taken for the executor's."""
        with pytest.raises(TimeoutError, match="the server's") as caught:
            self._run(executor.execute(Task(function), [TimeoutError("the server's")], {}, 60))
        assert type(caught.value) is TimeoutError

    @pytest.mark.parametrize("function", [fail, fail_later], ids=["sync", "async"])
    def test_goes_on_after_a_failure(self, executor: Executor, function: Any) -> None:
        """A call that failed leaves nothing behind: the next one is made like any other."""

        async def program() -> None:
            for _ in range(2):
                with pytest.raises(Exception, match="no such row"):
                    await executor.execute(Task(function), [KeyError("no such row")], {})
                assert await executor.execute(Task(describe), [1], {}) == (1, (), "b", {})

        self._run(program())

    def test_stop_iteration_arrives_as_an_error(self, executor: Executor) -> None:
        """``StopIteration`` of a function becomes a ``RuntimeError``: it neither hangs nor ends an iteration."""
        with pytest.raises(RuntimeError):
            self._run(executor.execute(Task(stop_iteration), [], {}))

    @pytest.mark.parametrize("function", [name_caller, name_caller_later], ids=["sync", "async"])
    def test_functions_see_the_context_of_the_caller(self, executor: Executor, function: Any) -> None:
        """Context variables of the caller are visible to the function."""

        async def program() -> Any:
            caller.set("the test")
            return await executor.execute(Task(function), [], {})

        assert self._run(program()) == "the test"

    def test_an_async_call_that_takes_too_long_is_a_timeout(self, executor: Executor) -> None:
        """An async call that takes longer than its timeout raises `TaskTimeoutError`, and is stopped."""
        self._open_gates()

        async def program() -> bool:
            with pytest.raises(TaskTimeoutError):
                await executor.execute(Task(never_end), [], {}, 0.01)
            return bool(gates["ended"].is_set())  # before the event loop ends, which stops everything

        assert self._run(program()), "the function was not stopped"

    def test_a_sync_call_that_takes_too_long_is_a_timeout(self, executor: Executor) -> None:
        """A sync call that takes longer than its timeout raises `TaskTimeoutError`."""
        self._need_same_process()
        self._open_gates()
        try:
            with pytest.raises(TaskTimeoutError):
                self._run(executor.execute(Task(wait_for_release), [], {}, 0.01))
        finally:
            gates["release"].set()

    def test_a_call_within_its_timeout_returns(self, executor: Executor) -> None:
        """A timeout that is not reached changes nothing."""

        async def program() -> list[Any]:
            return [await executor.execute(Task(function), [1], {}, 60) for function in (describe, describe_later)]

        assert self._run(program()) == [(1, (), "b", {})] * 2

    def test_the_event_loop_goes_on_during_a_sync_call(self, executor: Executor) -> None:
        """A sync call does not block the event loop."""
        self._need_same_process()
        self._open_gates()

        async def program() -> Any:
            under_way = asyncio.ensure_future(executor.execute(Task(wait_for_release), [], {}))
            await self._until(lambda: gates["started"].is_set() or under_way.done())
            gates["release"].set()  # only an event loop that goes on comes here while the function still waits
            return await under_way

        assert self._run(program()) is True, "the call had ended before the event loop came to its turn"

    def test_calls_overlap(self, executor: Executor) -> None:
        """An executor of a concurrency of 2 or more makes two calls at once."""
        self._need_same_process()
        if executor.concurrency < 2:
            pytest.skip("the executor makes one call at a time")
        self._open_gates()

        async def program() -> Any:
            return await asyncio.gather(*(executor.execute(Task(meet), [], {}) for _ in range(2)))

        assert sorted(self._run(program())) == [0, 1]

    def test_a_cancelled_async_call_is_stopped(self, executor: Executor) -> None:
        """When ``execute`` is cancelled, the async function has ended before ``execute`` does."""
        self._open_gates()
        assert self._cancel_when_started(executor, never_end, lambda: None) == "ended"

    def test_a_cancelled_sync_call_is_stopped_or_waited_for(self, executor: Executor) -> None:
        """When ``execute`` is cancelled, nothing of the sync call is running any more when ``execute`` ends."""
        self._need_same_process()
        self._open_gates()
        # The function ends a moment after the cancellation, so that an executor which does not wait is found out.
        timer = threading.Timer(0.02, gates["release"].set)
        assert self._cancel_when_started(executor, wait_for_release, timer.start) == "ended"
        timer.join()

    def test_serves_one_event_loop_after_another(self, executor: Executor) -> None:
        """An executor belongs to no event loop: it serves the next one, too."""
        for _ in range(2):
            assert self._run(executor.execute(Task(describe), [1], {})) == (1, (), "b", {})
            assert self._run(executor.execute(Task(describe_later), [1], {})) == (1, (), "b", {})

    def test_serves_several_event_loops_at_once(self, executor: Executor) -> None:
        """Event loops in several threads may use one executor at the same time."""
        both = threading.Barrier(2)

        def live(number: int) -> Any:
            async def program() -> Any:
                first = await executor.execute(Task(describe), [number], {})
                both.wait(timeout=self.patience_s)
                return first, await executor.execute(Task(describe), [number], {})

            return self._run(program())

        with ThreadPoolExecutor(2) as threads:
            found = list(threads.map(live, range(2)))
        assert found == [((number, (), "b", {}),) * 2 for number in range(2)]

    # --- How ------------------------------------------------------------------------------------------------------

    def _need_same_process(self) -> None:
        if not self.same_process:
            pytest.skip("functions run in another process, where the test cannot see them")

    def _open_gates(self) -> None:
        gates.clear()
        gates.update({name: threading.Event() for name in ("started", "release", "ended")})
        gates["barrier"] = threading.Barrier(2)
        gates["patience_s"] = self.patience_s

    def _run(self, program: Awaitable[T]) -> T:
        async def limited() -> T:
            async with asyncio.timeout(2 * self.patience_s):
                return await program

        return asyncio.run(limited())

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():  # noqa: ASYNC110 - it is set in another thread, perhaps in another event loop
            await asyncio.sleep(0.001)

    def _cancel_when_started(self, executor: Executor, function: Any, on_cancel: Callable[[], None]) -> str:
        async def program() -> str:
            under_way = asyncio.ensure_future(executor.execute(Task(function), [], {}))
            await self._until(lambda: gates["started"].is_set() or under_way.done())
            under_way.cancel()
            on_cancel()
            await asyncio.wait({under_way})
            state = "ended" if gates["ended"].is_set() else "still running"
            gates["release"].set()
            await self._until(gates["ended"].is_set)
            return state if under_way.cancelled() else f"not cancelled, but {under_way!r}"

        return self._run(program())


__all__ = ["ExecutorConformance"]
