"""`Engine`: the parts put together, and the way to run something on them."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from cascade.adapters.executors.local import LocalExecutor
from cascade.adapters.solvers.native import NativeSolver
from cascade.adapters.system_clock import SystemClock
from cascade.graph.static_analysis import source_warnings
from cascade.runtime.bus import MessageBus
from cascade.runtime.constraints.manager import ConstraintManager
from cascade.runtime.durability.levels import parse_durability
from cascade.runtime.durability.resumption import Resumption
from cascade.runtime.flow import Skip
from cascade.runtime.notes import add_note
from cascade.runtime.parameters import ParameterValues
from cascade.runtime.run_context import RunContext
from cascade.runtime.strategies.failure import note_closing
from cascade.runtime.strategies.graph import GraphExecutionStrategy
from cascade.runtime.strategies.interpreter import Interpreter
from cascade.runtime.strategies.jit.cycle_cache import CycleCache
from cascade.runtime.strategies.journal import Journal
from cascade.runtime.waiting import wait_for_all
from cascade.spec.constraints import GLOBAL_SCOPE, Constraint, parse_rate
from cascade.spec.errors import (
    ConstraintError,
    DependencyMissingError,
    EngineClosedError,
    ParameterError,
    ResourceError,
    RunCancelledError,
    RunNotFoundError,
    TaskDefinitionError,
    TaskTimeoutError,
)
from cascade.spec.events import Event, RunFinished, RunStarted, RunStatus, StaticAnalysisWarning
from cascade.spec.identifiers import RunId
from cascade.spec.plugins import EXECUTORS, SOLVERS
from cascade.spec.policies import NOTHING
from cascade.spec.protocols import Clock, EventBus, Executor, Solver, StateStore
from cascade.spec.resources import Resource
from cascade.spec.task import Task

if TYPE_CHECKING:
    from cascade.adapters.serializers.types import TypeRegistry
    from cascade.runtime.durability.keeper import Keeper
    from cascade.runtime.durability.session import DurableRun

T = TypeVar("T")
E = TypeVar("E", bound=Event)

_AS_IT_IS: Final = Resumption()
OF_THE_ENGINE: Final[Any] = NOTHING


class Engine:
    """Runs targets: lazy results, maps, and containers of them.

    An engine may be used by many runs at once, from several event loops and threads. What runs share is what costs to
    make: threads, worker processes, plans. What belongs to one run never reaches another.

    Args:
        solver: Plans graphs; `NativeSolver` by default. A text is the URL of a plug-in, see `cascade.spec.plugins`.
        executor: Runs functions; `LocalExecutor` by default. A text is a URL, such as ``"local://?threads=8"``.
        bus: Carries events; a `MessageBus` of its own by default.
        system_resources: How much there is of what tasks hold by ``with_constraints``, for example ``{"gpu": 2}``.
        resources: Resources that are injected by name.
        state: Where runs are kept that say nothing else: a store or its URL. Without it, they are not.
        types: The classes that stored values may be made of, beyond those that tasks are annotated with.
        clock: Gives the times of events.
        jit: Whether loops are compiled, which changes nothing but their speed. By default they are, unless the
            environment variable ``CASCADE_JIT`` is ``0``.

    Raises:
        CapacityError: An amount in ``system_resources`` is not a number of at least 0.
        PluginError: A URL names no plug-in that is installed, or the plug-in refuses it; or a part is none.

    Example:
        >>> import asyncio
        >>> from cascade.runtime.engine import Engine
        >>> from cascade.spec.task import task
        >>> @task
        ... def add(a: int, b: int) -> int:
        ...     return a + b
        >>> with Engine() as engine:
        ...     asyncio.run(engine.run(add(add(1, 2), 3)))
        6
    """

    def __init__(
        self,
        solver: Solver | str | None = None,
        executor: Executor | str | None = None,
        bus: EventBus | None = None,
        *,
        system_resources: Mapping[str, float] | None = None,
        resources: Iterable[Resource[Any]] = (),
        state: StateStore | str | None = None,
        types: TypeRegistry | None = None,
        clock: Clock | None = None,
        jit: bool | None = None,
    ) -> None:
        self.solver: Solver = NativeSolver() if solver is None else SOLVERS.made(solver)
        self.executor: Executor = LocalExecutor() if executor is None else EXECUTORS.made(executor)
        self.bus: EventBus = MessageBus() if bus is None else bus
        self.clock: Clock = SystemClock() if clock is None else clock
        self._state = state
        self._types = types
        self._keeper: Keeper | None = None
        self._constraints = ConstraintManager(system_resources)
        self._strategy = GraphExecutionStrategy(
            self.solver, self.executor, os.environ.get("CASCADE_JIT") != "0" if jit is None else jit
        )
        self._resources: dict[str, Resource[Any]] = {}
        self._overrides: dict[str, Resource[Any]] = {}
        self._lock = threading.Lock()
        self._is_closed = False
        for resource in resources:
            self.register(resource)

    async def run(
        self,
        target: T,
        params: Mapping[str, Any] | None = None,
        *,
        timeout_s: float | None = None,
        resources: Iterable[Resource[Any]] = (),
        allow_unused_params: bool = False,
        run_id: str | None = None,
        state: StateStore | str | None = OF_THE_ENGINE,
        durability: str = "step",
        resumption: Resumption = _AS_IT_IS,
    ) -> T:
        """Evaluate a target.

        Args:
            target: A lazy result, a map, a router, or a container of them and of plain values; `NOTHING` to go on with
                a run that is kept.
            params: Values of the target's `Param`s by name.
            timeout_s: Seconds that the whole run may take.
            resources: More resources that are injected by name.
            allow_unused_params: Whether ``params`` may hold more than the target asks for, because a later step does.
            run_id: The id of the run, by default a new one. If a run of this id is kept in ``state``, it goes on; if it
                has ended, its value is returned, and nothing runs.
            state: Where the run is kept: a store, its URL (``"sqlite:///runs.db"``), or ``None`` for nowhere; by
                default where the engine keeps runs.
            durability: How much may be lost when the process dies: ``"step"``: the step in flight; ``"interval"`` or
                ``"interval(N)"``: 50 or N milliseconds, too.
            resumption: How a kept run goes on whose program has changed.

        Returns:
            The value; a container comes back in its own shape. ``None`` if the target was skipped because a predecessor
            of ``after`` was.

        Raises:
            StaticCheckError: Several things are wrong with the target; nothing has run.
            CascadeError: One thing is wrong with it; nothing has run.
            DependencyMissingError: The target was skipped.
            TaskTimeoutError: The run took longer than ``timeout_s``.
            BaseException: What the first failing task raised, with a note that says where. All others were cancelled
                and have ended.
        """
        if self._is_closed:
            raise EngineClosedError("this engine was closed; create a new one")
        _check_arguments(target, params, timeout_s)
        level = parse_durability(durability)
        new_id = new_run_id() if run_id is None else _checked_id(run_id)
        state = self._state if state is OF_THE_ENGINE else state
        if state is None:
            return await self._run(target, params, timeout_s, resources, allow_unused_params, new_id)
        async with self._keep().opened(state, new_id, level) as kept:
            if kept.has_succeeded:
                ended: T = kept.value(target, resumption)
                return ended
            if target is NOTHING and kept.stored.call is None:
                raise RunNotFoundError(f"there is no run {new_id!r} to be continued; give the target that begins it")
            params = kept.params(params)
            allow_unused_params = allow_unused_params or kept.stored.call is not None
            return await self._run(target, params, timeout_s, resources, allow_unused_params, new_id, kept, resumption)

    def _keep(self) -> Keeper:
        from cascade.runtime.durability.keeper import Keeper

        with self._lock:
            if self._keeper is None:
                self._keeper = Keeper(self._types, self.clock)
            return self._keeper

    async def _run(
        self,
        target: T,
        params: Mapping[str, Any] | None,
        timeout_s: float | None,
        resources: Iterable[Resource[Any]],
        allow_unused_params: bool,
        run_id: RunId,
        kept: DurableRun | None = None,
        resumption: Resumption = _AS_IT_IS,
    ) -> T:
        run = RunContext(
            run_id=run_id,
            executor=self.executor,
            inline_executor=self._strategy.inline_executor,
            bus=self.bus,
            clock=self.clock,
            constraints=self._constraints,
            journal=Journal(),
            parameters=ParameterValues(params or {}),
            known_resources=self._resources | _by_name(resources),
            overrides=dict(self._overrides),
        )
        step, call = (1, target) if kept is None else kept.begin(run, target, resumption, self.clock)
        interpreter = self._strategy.begin(run)
        graph = interpreter.prepare(call, allow_unused_params=allow_unused_params, step=step)
        began = self.clock.monotonic()
        run.publish(RunStarted, target=graph.root.name)
        if self.bus.wants(StaticAnalysisWarning):
            for code, task, message in source_warnings(graph):
                run.publish(StaticAnalysisWarning, code=code, task=task.name, message=message)
        error: BaseException | None = None
        value: Any = None
        try:
            value = await _evaluate(interpreter, timeout_s)
            if kept is not None:
                await kept.succeed(value)
        except BaseException as raised:
            error = raised if kept is None else await kept.fail(raised)
        error = await _close_resources(run, error)
        status: RunStatus = "Succeeded" if error is None else "Failed"
        if isinstance(error, (asyncio.CancelledError, RunCancelledError)):
            status = "Cancelled"
        duration_s = self.clock.monotonic() - began
        run.publish(RunFinished, status=status, duration_s=duration_s, steps=run.steps, error=error)
        if error is not None:
            try:
                raise error
            finally:
                del error  # the exception's traceback holds this frame: break the circle
        result: T = value
        return result

    @property
    def cycles(self) -> CycleCache | None:
        """The compiled loops: statistics, source, and why a call is not compiled; ``None`` without ``jit``.

        Example:
            ``print(engine.cycles.statistics, engine.cycles.explain(loop(10)))``
        """
        return self._strategy.cycles

    def subscribe(self, kind: type[E], handler: Callable[[E], Any]) -> Callable[[], None]:
        """Call the handler with every event of a class; the returned function ends the subscription."""
        return self.bus.subscribe(kind, handler)

    def register(self, resource: Resource[Any]) -> None:
        """Make a resource known by its name.

        Raises:
            ResourceError: Another resource has the name.
        """
        known = self._resources.setdefault(_checked(resource).name, resource)
        if known is not resource:
            raise ResourceError(f"another resource is registered as {resource.name!r}; give one of them another name")

    @contextmanager
    def override(self, **resources: Resource[Any]) -> Iterator[None]:
        """Use other resources in runs that begin inside the ``with`` block, for tests.

        Args:
            **resources: By the name of the resource that they replace.

        Raises:
            ResourceError: One was not made by ``@resource``.

        Example:
            ``with engine.override(db=fake_db): engine.run(…)``
        """
        before = dict(self._overrides)
        self._overrides.update({name: _checked(resource) for name, resource in resources.items()})
        try:
            yield
        finally:
            self._overrides = before

    def pause(self, scope: str = GLOBAL_SCOPE, *, ttl_s: float | None = None) -> None:
        """Start no task of a scope until `resume`; what runs goes on. May be called from any thread.

        Args:
            scope: ``"global"``, or ``"task:<glob>"`` over the names of tasks.
            ttl_s: Resume by itself after so many seconds.

        Raises:
            ConstraintError: The scope or the time makes no sense.
        """
        self._constraints.put(Constraint(scope, paused=True, ttl_s=ttl_s))

    def resume(self, scope: str = GLOBAL_SCOPE) -> bool:
        """End the pause of exactly this scope; whether there was one. Limits stay."""
        return self._constraints.remove(scope, pause=True)

    def limit(
        self,
        *,
        scope: str = GLOBAL_SCOPE,
        concurrency: int | None = None,
        rate: str | float | None = None,
        ttl_s: float | None = None,
    ) -> None:
        """Limit the tasks of a scope, in place of its earlier limit. May be called from any thread, while runs go on.

        Args:
            scope: ``"global"``, or ``"task:<glob>"`` over the names of tasks.
            concurrency: At most so many at once; what runs already counts.
            rate: At most so many starts: a number per second, or a text such as ``"30/m"``.
            ttl_s: The limit ends by itself after so many seconds.

        Raises:
            ConstraintError: A value makes no sense, or there is neither a concurrency nor a rate.
        """
        if concurrency is None and rate is None:
            raise ConstraintError("limit() needs a concurrency or a rate; to lift a limit, use unlimit()")
        rate_per_s = None if rate is None else parse_rate(rate)
        self._constraints.put(Constraint(scope, concurrency=concurrency, rate_per_s=rate_per_s, ttl_s=ttl_s))

    def unlimit(self, scope: str = GLOBAL_SCOPE) -> bool:
        """Lift the limit of exactly this scope; whether there was one. A pause stays."""
        return self._constraints.remove(scope, pause=False)

    def close(self) -> None:
        """Let the executor's threads and processes end. The engine cannot be used afterwards."""
        self._is_closed = True
        close = getattr(self.executor, "close", None)
        if close is not None:
            close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def new_run_id() -> RunId:
    """An id that no other run has."""
    return RunId(os.urandom(16).hex())


async def _evaluate(interpreter: Interpreter, timeout_s: float | None) -> Any:
    scope = asyncio.timeout(timeout_s)
    try:
        async with scope:
            value = await interpreter.evaluate()
            deadline = scope.when()
            # A run that never awaited anything could not be interrupted, and has still taken too long.
            is_late = deadline is not None and asyncio.get_running_loop().time() >= deadline
    except TimeoutError as error:
        if not scope.expired():  # a task's own
            raise
        raise TaskTimeoutError(f"the run took longer than its timeout of {timeout_s:g} s") from error
    if is_late:
        raise TaskTimeoutError(f"the run took longer than its timeout of {timeout_s:g} s")
    if type(value) is not Skip:
        return value
    if value.reason == "UpstreamSkipped_Sequence":
        return None
    raise DependencyMissingError(
        f"the target {value.name!r} was skipped ({value.reason}), so the run has no value; give what is conditional an "
        "alternative with run_if(…, otherwise=…), or the parameter that takes its value a default"
    )


async def _close_resources(run: RunContext, error: BaseException | None) -> BaseException | None:
    """Close what is open, however often that is cancelled; the error that the run ends with."""
    if run.step_resources.is_empty and run.resources.is_empty:
        return error

    async def close() -> list[BaseException]:
        return [*await run.step_resources.close(error), *await run.resources.close(error)]

    closing = asyncio.ensure_future(close())
    was_cancelled = await wait_for_all([closing])
    failures = closing.result()
    if error is None and failures:
        error = failures.pop(0)
        add_note(error, "Cascade: this was after the run's target had got its value")
    if error is not None:
        note_closing(error, failures)
    return asyncio.CancelledError() if was_cancelled and error is None else error


def _check_arguments(target: Any, params: Any, timeout_s: Any) -> None:
    if params is not None and not isinstance(params, Mapping):
        raise ParameterError(f"params takes a mapping from names to values, not {params!r:.100}")
    if timeout_s is not None and not (isinstance(timeout_s, (int, float)) and timeout_s > 0):
        raise ParameterError(f"timeout_s must be a number of seconds greater than 0, not {timeout_s!r}")
    if isinstance(target, Task):
        raise TaskDefinitionError(f"the target {target!r} is a task, not a call of it; did you mean {target.name}(…)?")


def _checked_id(run_id: Any) -> RunId:
    if not isinstance(run_id, str) or not 0 < len(run_id) <= _LONGEST_ID or not run_id.isprintable():
        raise ParameterError(f"run_id must be a text of 1 to {_LONGEST_ID} printable characters, not {run_id!r:.100}")
    return RunId(run_id)


_LONGEST_ID: Final = 200


def _by_name(resources: Iterable[Resource[Any]]) -> dict[str, Resource[Any]]:
    return {_checked(resource).name: resource for resource in resources}


def _checked(resource: Any) -> Resource[Any]:
    if not isinstance(resource, Resource):
        raise ResourceError(f"resources takes what @resource made, not {resource!r:.100}")
    return resource


__all__ = ["OF_THE_ENGINE", "Engine", "new_run_id"]
