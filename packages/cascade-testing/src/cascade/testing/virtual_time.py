"""Virtual time: an event loop whose clock jumps to the next timer instead of waiting for it.

A program that sleeps for an hour is tested in a millisecond, and takes exactly an hour by ``loop.time()``. What happens
when no callback is ready:

1. *Nothing outside the loop is under way*: the clock jumps to the next timer. If there is no timer either, nothing can
   ever happen again, and `HangError` is raised with the tasks that wait. A real loop would block for ever.
2. *Something outside is under way*: a call by ``run_in_executor`` or ``asyncio.to_thread``, a watched socket or pipe,
   or anything inside `real_time`. Then the loop waits as a real loop does, and its clock moves by the time that this
   takes. So a timeout on a thread that hangs still ends, after its real time.

A thread that reports by ``call_soon_threadsafe`` is served whenever it does so. But the loop cannot know that it will:
unless the thread was started by one of the ways above, or the code that awaits it is inside `real_time`, the clock
jumps to the next timer as if the thread were not there. Only for the verdict that nothing will happen is a thread given
the benefit of the doubt: while other threads are alive, `HangError` comes after a second of silence.

    async def program() -> float:
        await asyncio.sleep(3600)
        return asyncio.get_running_loop().time()

    assert run_in_virtual_time(program()) == 3600

Computing takes no virtual time. The clock stands still but for the two cases above.
"""

from __future__ import annotations

import asyncio
import selectors
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any, Final, TypeVar, TypeVarTuple

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")

PATIENCE_S: Final = 1.0
"""Real seconds of silence after which other threads are taken to be idle."""

DEFAULT_LIMIT_S: Final = 1_000_000.0
"""Virtual seconds that a program may take, eleven days. A program that only polls would otherwise run for ever."""

_NAMES_SHOWN: Final = 5


class HangError(RuntimeError):
    """The program waits for something that can never happen, or polls without end."""


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop of virtual time, which begins at 0.

    Args:
        limit_s: Virtual seconds after which `HangError` is raised.
    """

    def __init__(self, limit_s: float = DEFAULT_LIMIT_S) -> None:
        self._virtual_now = 0.0
        self._limit_s = limit_s
        self._outside = 0
        super().__init__(_TimeSkippingSelector(self._wait))

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._virtual_now

    @contextmanager
    def real_time(self) -> Iterator[None]:
        """Something outside the loop is under way: the clock does not jump. To be used on the loop's own thread."""
        self._outside += 1
        try:
            yield
        finally:
            self._outside -= 1

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*Arguments], T], *args: *Arguments
    ) -> asyncio.Future[T]:
        """As on every loop; the clock does not jump until the call has ended."""
        future = super().run_in_executor(executor, func, *args)
        self._outside += 1
        future.add_done_callback(self._on_call_ended)
        return future

    async def shutdown_default_executor(self, *args: Any, **kwargs: Any) -> None:
        """As on every loop; the clock does not jump meanwhile."""
        with self.real_time():
            await super().shutdown_default_executor(*args, **kwargs)  # of a timeout, from Python 3.12 on

    def _on_call_ended(self, _future: asyncio.Future[Any]) -> None:
        self._outside -= 1

    def _wait(self, select: Callable[[float | None], Any], is_watching: bool, delay_s: float | None) -> Any:
        """In place of the selector's wait: nothing is ready, and the next timer is due in ``delay_s``."""
        # What has happened outside already (a socket, call_soon_threadsafe) comes before any timer.
        events = select(0)
        if events:
            return events
        if self._outside or is_watching:
            began = time.monotonic()
            events = select(delay_s)
            elapsed_s = time.monotonic() - began
            self._virtual_now += elapsed_s if delay_s is None else min(elapsed_s, delay_s)
            return events
        if delay_s is None:
            events = select(PATIENCE_S) if threading.active_count() > 1 else ()
            if not events:
                raise HangError(
                    "the program hangs: no callback is ready, no timer is set, nothing outside the event loop is under "
                    f"way; {self._waiting()}"
                )
            return events
        if self._virtual_now + delay_s > self._limit_s:
            raise HangError(
                f"the program has not ended after {self._limit_s:g} virtual seconds; {self._waiting()}. "
                "Give a greater limit_s if it is meant to take longer"
            )
        self._virtual_now += delay_s
        return events

    def _waiting(self) -> str:
        places = []
        for task in asyncio.all_tasks(self):
            stack = task.get_stack(limit=1)
            where = f" at {stack[0].f_code.co_filename}:{stack[0].f_lineno}" if stack else ""
            places.append(f"{task.get_name()}{where}")
        places.sort()
        if len(places) > _NAMES_SHOWN:
            places[_NAMES_SHOWN:] = [f"{len(places) - _NAMES_SHOWN} more"]
        return f"waiting are: {', '.join(places) or 'no tasks'}"


class _TimeSkippingSelector(selectors.DefaultSelector):
    """Asks the loop before it waits."""

    def __init__(self, wait: Callable[[Callable[[float | None], Any], bool, float | None], Any]) -> None:
        super().__init__()
        self._wait = wait

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and timeout <= 0:
            return super().select(timeout)
        # One file is always watched: the loop's own pipe, by which call_soon_threadsafe wakes it.
        is_watching = len(self.get_map()) > 1
        return list(self._wait(super().select, is_watching, timeout))


def run_in_virtual_time(program: Coroutine[Any, Any, T], *, limit_s: float = DEFAULT_LIMIT_S) -> T:
    """Run a coroutine in a new event loop of virtual time, as ``asyncio.run`` would in real time.

    Args:
        program: The coroutine. It reads the time that has passed as ``asyncio.get_running_loop().time()``.
        limit_s: Virtual seconds that it may take.

    Raises:
        HangError: It waits for what can never happen, or takes longer than ``limit_s``.
        RuntimeError: An event loop is running in this thread already.
        BaseException: Whatever the coroutine raises.

    Example:
        >>> import asyncio
        >>> async def sleep_long() -> float:
        ...     await asyncio.sleep(3600)
        ...     return asyncio.get_running_loop().time()
        >>> run_in_virtual_time(sleep_long())
        3600.0
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        pass
    else:
        program.close()  # or Python warns that it was never awaited
        raise RuntimeError(
            "run_in_virtual_time() makes an event loop of its own, and one is running in this thread already; call it "
            "in an ordinary function: 'def test_…', not 'async def test_…'"
        )
    with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(limit_s)) as runner:
        return runner.run(program)


@contextmanager
def real_time() -> Iterator[None]:
    """Say that the running coroutine awaits something outside the loop, such as a thread that it has started.

    Does nothing in an ordinary event loop.
    """
    loop = asyncio.get_running_loop()
    if isinstance(loop, VirtualTimeLoop):
        with loop.real_time():
            yield
    else:
        yield


__all__ = ["DEFAULT_LIMIT_S", "PATIENCE_S", "HangError", "VirtualTimeLoop", "real_time", "run_in_virtual_time"]
