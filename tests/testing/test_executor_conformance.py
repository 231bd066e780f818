"""The local executor keeps the promises of executors, and the kit finds each executor that does not."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import pytest

from cascade.adapters.executors.local import LocalExecutor
from cascade.spec.errors import TaskTimeoutError
from cascade.spec.task import Task
from cascade.testing import ExecutorConformance
from tests.support.kits import failed_promises, promises


class TestLocalExecutor(ExecutorConformance):
    @pytest.fixture
    def executor(self) -> Iterator[LocalExecutor]:
        executor = LocalExecutor()
        yield executor
        executor.close()


class ImpatientKit(ExecutorConformance):
    """The kit with little patience: in these tests most of what it waits for does not happen."""

    patience_s = 0.25


class Wrapper:
    """An executor without faults, as a base for those that have one."""

    made: ClassVar[list[LocalExecutor]] = []

    def __init__(self) -> None:
        self.inner = LocalExecutor()
        self.made.append(self.inner)

    @property
    def concurrency(self) -> int:
        return self.inner.concurrency

    async def execute(
        self, task: Task[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], timeout_s: float | None = None
    ) -> Any:
        return await self.inner.execute(task, args, kwargs, timeout_s)


class Useless(Wrapper):
    @property
    def concurrency(self) -> int:
        return 0

    async def execute(self, task: Any, args: Any, kwargs: Any, timeout_s: Any = None) -> Any:
        return await super().execute(task, args, kwargs, timeout_s)


class ForgetsKeywords(Wrapper):
    async def execute(self, task: Any, args: Any, kwargs: Any, timeout_s: Any = None) -> Any:
        return await super().execute(task, args, kwargs if task.is_async else {}, timeout_s)


class ForgetsKeywordsOfAsync(Wrapper):
    async def execute(self, task: Any, args: Any, kwargs: Any, timeout_s: Any = None) -> Any:
        return await super().execute(task, args, {} if task.is_async else kwargs, timeout_s)


class Wrapping(Wrapper):
    async def execute(self, task: Any, args: Any, kwargs: Any, timeout_s: Any = None) -> Any:
        try:
            return await super().execute(task, args, kwargs, timeout_s)
        except KeyError as error:
            raise RuntimeError(f"task failed: {error}") from error


class GivesUp(Wrapper):
    """Is of no use after a call that failed."""

    has_failed = False

    async def execute(self, task: Any, args: Any, kwargs: Any, timeout_s: Any = None) -> Any:
        if self.has_failed:
            raise RuntimeError("the pool is broken")
        try:
            return await super().execute(task, args, kwargs, timeout_s)
        except KeyError:
            self.has_failed = True
            raise


class ClaimsTimeouts(Wrapper):
    async def execute(self, task: Any, args: Any, kwargs: Any, timeout_s: Any = None) -> Any:
        try:
            return await super().execute(task, args, kwargs, timeout_s)
        except TimeoutError as error:
            raise TaskTimeoutError(str(error)) from error


class SwallowsStopIteration(Wrapper):
    async def execute(self, task: Any, args: Any, kwargs: Any, timeout_s: Any = None) -> Any:
        try:
            return await super().execute(task, args, kwargs, timeout_s)
        except RuntimeError as error:
            if isinstance(error.__cause__, StopIteration):
                return None
            raise


class LosesContext(Wrapper):
    async def execute(self, task: Any, args: Any, kwargs: Any, timeout_s: Any = None) -> Any:
        call = super().execute(task, args, kwargs, timeout_s)
        empty = contextvars.Context()
        inner = asyncio.get_running_loop().create_task(call, context=empty)
        try:
            return await inner
        except asyncio.CancelledError:
            await asyncio.wait({inner})
            raise


class NoTimeouts(Wrapper):
    """Keeps no timeout of async tasks."""

    async def execute(self, task: Any, args: Any, kwargs: Any, timeout_s: Any = None) -> Any:
        return await super().execute(task, args, kwargs, None if task.is_async else timeout_s)


class NoSyncTimeouts(Wrapper):
    async def execute(self, task: Any, args: Any, kwargs: Any, timeout_s: Any = None) -> Any:
        return await super().execute(task, args, kwargs, timeout_s if task.is_async else None)


class LeavesAsyncBehind(Wrapper):
    """On a timeout the call goes on."""

    async def execute(self, task: Any, args: Any, kwargs: Any, timeout_s: Any = None) -> Any:
        if not task.is_async or timeout_s is None:
            return await super().execute(task, args, kwargs, timeout_s)
        call = asyncio.ensure_future(task.fn(*args, **kwargs))
        done, _ = await asyncio.wait({call}, timeout=timeout_s)
        if not done:
            raise TaskTimeoutError("too long")
        return call.result()


class AlwaysLate(Wrapper):
    async def execute(self, task: Any, args: Any, kwargs: Any, timeout_s: Any = None) -> Any:
        value = await super().execute(task, args, kwargs, timeout_s)
        if timeout_s is not None:
            raise TaskTimeoutError("too long")
        return value


class Blocking(Wrapper):
    """Makes sync calls in the event loop, unless there is a timeout or the call is to be cancelled."""

    async def execute(self, task: Any, args: Any, kwargs: Any, timeout_s: Any = None) -> Any:
        if task.name == "wait_for_release" and timeout_s is None:
            return task.fn(*args, **kwargs)
        return await super().execute(task, args, kwargs, timeout_s)


class OneAtATime(Wrapper):
    def __init__(self) -> None:
        super().__init__()
        self._turn = threading.Lock()

    async def execute(self, task: Any, args: Any, kwargs: Any, timeout_s: Any = None) -> Any:
        if task.name != "meet":
            return await super().execute(task, args, kwargs, timeout_s)

        def locked() -> Any:
            with self._turn:
                return task.fn(*args, **kwargs)

        return await super().execute(Task(locked), (), {}, timeout_s)


class LeavesOnCancel(Wrapper):
    """When it is cancelled, the call goes on."""

    is_async: ClassVar[bool] = True

    async def execute(self, task: Any, args: Any, kwargs: Any, timeout_s: Any = None) -> Any:
        call = asyncio.ensure_future(super().execute(task, args, kwargs, timeout_s))
        if task.is_async is not self.is_async:
            try:
                return await asyncio.shield(call)
            except asyncio.CancelledError:
                call.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await call
                raise
        return await asyncio.shield(call)


class LeavesThreadsOnCancel(LeavesOnCancel):
    is_async = False


class BoundToALoop(Wrapper):
    """Keeps the first event loop that it meets in each thread, and is lost in the next."""

    def __init__(self) -> None:
        super().__init__()
        self._home = threading.local()

    async def execute(self, task: Any, args: Any, kwargs: Any, timeout_s: Any = None) -> Any:
        loop = asyncio.get_running_loop()
        if self._home.__dict__.setdefault("loop", loop) is not loop:
            raise RuntimeError("this executor belongs to another event loop")
        return await super().execute(task, args, kwargs, timeout_s)


class BoundToAThread(Wrapper):
    """Is used by the first thread that it meets only."""

    def __init__(self) -> None:
        super().__init__()
        self._home: int | None = None

    async def execute(self, task: Any, args: Any, kwargs: Any, timeout_s: Any = None) -> Any:
        self._home = self._home or threading.get_ident()
        if threading.get_ident() != self._home:
            raise RuntimeError("this executor belongs to another thread")
        return await super().execute(task, args, kwargs, timeout_s)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "broken"),
    [
        (Useless, {"test_says_how_many_calls_it_can_have"}),
        (ForgetsKeywords, {"test_returns_what_a_function_returns"}),
        (ForgetsKeywordsOfAsync, {"test_returns_what_an_async_function_returns"}),
        (Wrapping, {"test_raises_what_the_function_raises"}),
        (GivesUp, {"test_goes_on_after_a_failure"}),
        (ClaimsTimeouts, {"test_a_timeout_error_of_the_function_is_its_own"}),
        (SwallowsStopIteration, {"test_stop_iteration_arrives_as_an_error"}),
        (LosesContext, {"test_functions_see_the_context_of_the_caller"}),
        (NoTimeouts, {"test_an_async_call_that_takes_too_long_is_a_timeout"}),
        (LeavesAsyncBehind, {"test_an_async_call_that_takes_too_long_is_a_timeout"}),
        (NoSyncTimeouts, {"test_a_sync_call_that_takes_too_long_is_a_timeout"}),
        (AlwaysLate, {"test_a_call_within_its_timeout_returns"}),
        # What blocks the event loop cannot be cancelled in it either.
        (
            Blocking,
            {
                "test_the_event_loop_goes_on_during_a_sync_call",
                "test_a_cancelled_sync_call_is_stopped_or_waited_for",
            },
        ),
        (OneAtATime, {"test_calls_overlap"}),
        (LeavesOnCancel, {"test_a_cancelled_async_call_is_stopped"}),
        (LeavesThreadsOnCancel, {"test_a_cancelled_sync_call_is_stopped_or_waited_for"}),
        (BoundToALoop, {"test_serves_one_event_loop_after_another"}),
        (BoundToAThread, {"test_serves_several_event_loops_at_once"}),
    ],
)
def test_a_broken_executor_fails_exactly_the_promise_that_it_breaks(make: type[Wrapper], broken: set[str]) -> None:
    try:
        assert failed_promises(ImpatientKit, {"executor": make}) == broken
    finally:
        while Wrapper.made:
            Wrapper.made.pop().close()


def test_every_promise_of_executors_is_tried_on_a_broken_one() -> None:
    marks = test_a_broken_executor_fails_exactly_the_promise_that_it_breaks.pytestmark  # type: ignore[attr-defined]
    tried = set().union(*(case[1] for mark in marks if mark.name == "parametrize" for case in mark.args[1]))
    assert tried == {name for name, _ in promises(ExecutorConformance)}
