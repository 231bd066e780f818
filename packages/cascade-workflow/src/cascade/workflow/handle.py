"""`RunHandle`: a run in the background, on an event loop and a thread of its own."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import contextvars
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from cascade.runtime.durability.resumption import Resumption
from cascade.runtime.engine import OF_THE_ENGINE, Engine, new_run_id
from cascade.spec.events import Event, RunEvent
from cascade.spec.identifiers import RunId
from cascade.spec.protocols import StateStore
from cascade.spec.resources import Resource
from cascade.workflow.default_engine import default_engine

if TYPE_CHECKING:
    from cascade.runtime.durability.call_reader import Migrate

T = TypeVar("T")

KEPT_EVENTS: Final = 10_000
"""Events that a handle keeps for `RunHandle.events`; beyond that the oldest are dropped."""


class RunHandle(Generic[T]):
    """A run that goes on in the background. Made by `start`.

    In a coroutine, ``await handle`` waits without blocking the event loop. If the waiting is cancelled, the run goes
    on: only `cancel` ends it.

    Attributes:
        run_id: The id in the run's events.
    """

    def __init__(self, engine: Engine, run_id: RunId, kind: type[Event]) -> None:
        self.run_id = run_id
        self._future: concurrent.futures.Future[T] = concurrent.futures.Future()
        self._future.set_running_or_notify_cancel()  # whoever awaits it may be cancelled without harm to the run
        self._events: deque[Event] = deque(maxlen=KEPT_EVENTS)
        self._count = 0
        """Events received so far, dropped ones included."""
        self._news = threading.Condition()
        self._task: asyncio.Task[T] | None = None
        self._is_cancelled = False
        self._unsubscribe = engine.subscribe(kind, self._receive)

    def result(self, timeout_s: float | None = None) -> T:
        """Wait for the value.

        Args:
            timeout_s: Seconds to wait; the run goes on when they are over.

        Raises:
            TimeoutError: The run has not ended in this time.
            concurrent.futures.CancelledError: The run was cancelled.
            BaseException: As `Engine.run`.
        """
        try:
            return self._future.result(timeout_s)
        except TimeoutError:
            if self._future.done():  # the run's own error, or it has ended just now
                return self._future.result()
            raise TimeoutError(
                f"run {self.run_id!r} has not ended within {timeout_s:g} s and goes on; cancel() would stop it"
            ) from None

    def done(self) -> bool:
        """Whether the run has ended."""
        return self._future.done()

    def add_done_callback(self, callback: Callable[[], None]) -> None:
        """Call a function when the run has ended, in the run's thread; at once if it has."""
        self._future.add_done_callback(lambda _future: callback())

    def cancel(self) -> None:
        """Ask the run to stop. `result` raises `CancelledError` when everything of it has ended."""
        with self._news:
            self._is_cancelled = True
            if self._task is not None:
                with contextlib.suppress(RuntimeError):  # the run has ended, and its event loop is closed
                    self._task.get_loop().call_soon_threadsafe(self._task.cancel)

    def events(self) -> Iterator[Event]:
        """The events of the run, from its start to its end; waits for those to come.

        Which events are kept is said to `start`. At most `KEPT_EVENTS` that nobody has read are held.
        """
        seen = 0
        while True:
            with self._news:
                while self._count == seen and not self._future.done():
                    self._news.wait()
                fresh = min(self._count - seen, len(self._events))
                news = list(self._events)[len(self._events) - fresh :] if fresh else []
                seen = self._count
            yield from news
            if not news and self._future.done():
                return

    def __await__(self) -> Generator[Any, None, T]:
        return asyncio.wrap_future(self._future).__await__()

    def _receive(self, event: Event) -> None:
        if event.run_id == self.run_id:
            with self._news:
                self._events.append(event)
                self._count += 1
                self._news.notify_all()

    def _live(self, engine: Engine, target: T, options: Mapping[str, Any]) -> None:
        """The life of the run's thread."""
        try:
            with asyncio.Runner() as runner:
                value = runner.run(self._evaluate(engine, target, options))
        except (asyncio.CancelledError, concurrent.futures.CancelledError):
            self._unsubscribe()
            self._future.set_exception(concurrent.futures.CancelledError("the run was cancelled"))
        except BaseException as error:
            self._unsubscribe()
            self._future.set_exception(error)
        else:
            self._unsubscribe()
            self._future.set_result(value)
        with self._news:
            self._news.notify_all()

    async def _evaluate(self, engine: Engine, target: T, options: Mapping[str, Any]) -> T:
        with self._news:
            self._task = asyncio.current_task()
            if self._is_cancelled:
                raise asyncio.CancelledError
        return await engine.run(target, run_id=self.run_id, **options)


def start(
    target: T,
    params: Mapping[str, Any] | None = None,
    *,
    engine: Engine | None = None,
    timeout_s: float | None = None,
    resources: Iterable[Resource[Any]] = (),
    allow_unused_params: bool = False,
    run_id: str | None = None,
    state: StateStore | str | None = OF_THE_ENGINE,
    durability: str = "step",
    migrate: Migrate | None = None,
    accept_versions: bool = False,
    events: type[Event] = RunEvent,
) -> RunHandle[T]:
    """Begin to evaluate a target in the background.

    Args:
        target: As for `run`.
        params: As for `run`.
        engine: As for `run`.
        timeout_s: As for `run`.
        resources: As for `run`.
        allow_unused_params: As for `run`.
        run_id: As for `run`.
        state: As for `run`.
        durability: As for `run`.
        migrate: As for `run`.
        accept_versions: As for `run`.
        events: The class of the events that ``handle.events()`` gives. `RunEvent` (start, warnings, progress, end)
            costs next to nothing; `Event` (also those of each task) makes a hot loop slower.

    Returns:
        A handle with ``result()``, ``cancel()`` and ``events()``.
    """
    engine = engine or default_engine()
    handle: RunHandle[T] = RunHandle(engine, RunId(run_id or new_run_id()), events)
    options = {
        "params": params,
        "timeout_s": timeout_s,
        "resources": resources,
        "allow_unused_params": allow_unused_params,
        "state": state,
        "durability": durability,
        "resumption": Resumption(migrate, accept_versions),
    }
    context = contextvars.copy_context()  # tasks see the context variables of whoever started the run
    thread = threading.Thread(
        target=context.run, args=(handle._live, engine, target, options), name="cascade run", daemon=True
    )
    thread.start()
    return handle


__all__ = ["KEPT_EVENTS", "RunHandle", "start"]
