"""`Dispatcher`: from a ready node to its value, or to a call that is under way.

One direction only: the dispatcher is given a node and answers with what came of it. It never touches the ready set, and
what the value means is not its business.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any, Final, cast

from cascade.graph.model import Node, NodeKind
from cascade.runtime.flow import Skip
from cascade.runtime.processor import NodeCall, NodeProcessor
from cascade.runtime.resolvers import ArgumentResolver, Arguments
from cascade.runtime.run_context import RunContext
from cascade.runtime.strategies.cached import CachedCalls
from cascade.runtime.strategies.calls import CallsUnderWay
from cascade.runtime.strategies.failure import without_stop_iteration
from cascade.runtime.strategies.frame import Frame
from cascade.runtime.strategies.journal import UNKNOWN
from cascade.runtime.strategies.mapping import MapRun
from cascade.spec.common import ParameterSpec
from cascade.spec.errors import InternalError
from cascade.spec.events import TaskExecutionFinished, TaskExecutionStarted, TaskStatus
from cascade.spec.policies import NO_POLICIES, NOTHING
from cascade.spec.resources import InjectStandIn

UNDER_WAY: Final = object()
"""The call has been started; its outcome comes through `CallsUnderWay`."""

EXECUTOR_FULL: Final = object()
"""Not started: the executor has all the sync calls that it can have."""


class Dispatcher:
    """Starts the nodes of one run.

    Args:
        run: The run.
        calls: Where calls that are not made at once are started.

    Attributes:
        cached: The nodes with caches.
        is_observed: Whether somebody wants the events of tasks.
        may_compile: Whether compiled code may run steps, which says nothing of its nodes.
    """

    def __init__(self, run: RunContext, calls: CallsUnderWay) -> None:
        self._run = run
        self._calls = calls
        self._resolver = ArgumentResolver()
        self._processor = NodeProcessor(run)
        self.cached = CachedCalls(run)
        self._concurrency = run.executor.concurrency
        executor = run.inline_executor
        self.inline: Callable[[Any], bool] = _never if executor is None else executor.inline
        self.observe: Callable[[Any, float], None] = _ignore if executor is None else executor.observe
        self.slow_s = float("inf") if executor is None else executor.slow_s
        self.is_observed = False
        self.may_compile = False

    def look_around(self) -> bool:
        """Find out who listens and what limits are in force; whether plain nodes can be called without any of it."""
        wants, run = self._run.bus.wants, self._run
        self.is_observed = wants(TaskExecutionStarted) or wants(TaskExecutionFinished)
        self.may_compile = not self.is_observed and not run.constraints.has_limits and not run.journal.knows
        return self.may_compile and not run.journal.is_kept

    def dispatch(self, frame: Frame, index: int, node: Node) -> Any:
        """Run a ready node.

        Returns:
            Its value, a `Skip`, a `MapRun` that is to be worked off, a `KnownCall` with which its own loop goes on,
            `UNDER_WAY` or `EXECUTOR_FULL`.

        Raises:
            BaseException: Whatever the task raises.
        """
        if self._run.journal.knows:
            known = self._run.journal.known(frame, index)
            if known is not UNKNOWN:
                return known
        found = self._resolve(frame, node)
        if isinstance(found, Skip):
            return found
        args, kwargs = found
        kind = node.kind
        if kind is NodeKind.TASK:
            return self._call(frame, index, node, args, kwargs)
        if kind is NodeKind.MAP:
            if node.options.injected:
                call = self._node_call(frame, index, node, args, kwargs)
                self._calls.start(self._map_injected(call, frame, index), frame, index)
                return UNDER_WAY
            return self._begin_map(frame, index, node, args, kwargs)
        operation = node.operation
        if isinstance(operation, ParameterSpec):
            return self._run.parameters.value(operation)
        if operation is None:
            raise InternalError(f"{node!r} has no operation")
        if node.options.injected:
            self._calls.start(self._express_injected(self._node_call(frame, index, node, args, kwargs)), frame, index)
            return UNDER_WAY
        return operation.make(args)

    def _call(self, frame: Frame, index: int, node: Node, args: list[Any], kwargs: dict[str, Any]) -> Any:
        task = node.task
        assert task is not None
        is_cached = not node.plain and node.options.policies.cache is not None
        if is_cached and not self.cached.is_led(frame, index):
            # Not counted among the sync calls: it may wait for one that is.
            call = self._node_call(frame, index, node, args, kwargs)
            self._calls.start(self.cached.look_up(call, frame, index), frame, index)
            return UNDER_WAY
        if not task.is_async:
            policies = node.options.policies
            # Nobody hears of the attempts of an unobserved task, so the first is like any other call.
            is_simple = policies is NO_POLICIES or (policies.is_retry_only and not self.is_observed)
            is_inline = is_simple and self.inline(task) and not self._run.constraints.has_limits
            if is_inline and self._fill_in(node, args, kwargs):
                try:
                    return self._call_inline(frame, index, node, args, kwargs)
                except Exception as error:
                    if policies.retry is None:
                        raise
                    self.try_again(frame, index, node, error)
                    return UNDER_WAY
            if self._calls.sync_count >= self._concurrency:
                return EXECUTOR_FULL
        call = self._node_call(frame, index, node, args, kwargs)
        if is_cached or self.cached.has_leads:
            work = self.cached.run(self._processor.process, call, frame, index)
        else:
            work = self._processor.process(call)
        self._calls.start(work, frame, index, is_sync=not task.is_async)
        return UNDER_WAY

    def try_again(self, frame: Frame, index: int, node: Node, error: Exception) -> None:
        """Go on with a call whose first attempt failed and which has nothing but ``retry``."""
        found = self._resolve(frame, node)
        assert not isinstance(found, Skip)  # it would not have been attempted
        args, kwargs = found
        call = self._node_call(frame, index, node, args, kwargs)
        assert node.task is not None
        failed = cast(Exception, without_stop_iteration(error, node.task.name))
        self._calls.start(self._processor.process(call, failed), frame, index, is_sync=not node.task.is_async)

    def _resolve(self, frame: Frame, node: Node) -> Arguments | Skip:
        resolve = self._resolver.resolve_or_skip if frame.has_skips else self._resolver.resolve
        return resolve(node, frame.values)

    def _fill_in(self, node: Node, args: list[Any], kwargs: dict[str, Any]) -> bool:
        """Put resources that are open in the place of each ``Inject`` among the arguments; whether all are."""
        for place in node.options.injected:
            values: Any = args if isinstance(place, int) else kwargs
            if type(values[place]) is InjectStandIn:
                opened = self._run.step_resources.opened(values[place])
                if opened is NOTHING:
                    return False
                values[place] = opened
        return True

    def _call_inline(self, frame: Frame, index: int, node: Node, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Call a plain task in the event loop's thread, with its events if somebody wants them."""
        task, run = node.task, self._run
        assert task is not None
        fields: dict[str, Any] = {}
        if self.is_observed:
            fields = {"task": frame.node_name(index), "node_id": frame.node_id(index), "step": frame.step}
            run.publish(TaskExecutionStarted, **fields)
        status: TaskStatus = "Failed"
        failure: BaseException | None = None
        began = perf_counter()
        try:
            value = task.fn(*args, **kwargs)
            status = "Succeeded"
            return value
        except BaseException as error:
            failure = without_stop_iteration(error, task.name)
            raise failure from failure.__cause__
        finally:
            elapsed_s = perf_counter() - began
            if elapsed_s > self.slow_s:
                self.observe(task, elapsed_s)
            if self.is_observed:
                run.publish(TaskExecutionFinished, **fields, status=status, duration_s=elapsed_s, error=failure)

    def _node_call(self, frame: Frame, index: int, node: Node, args: list[Any], kwargs: dict[str, Any]) -> NodeCall:
        options = node.options
        amounts = {
            name: frame.values[reference]
            for name, reference in zip(options.policies.constraints, options.amounts, strict=True)
        }
        return NodeCall(node, args, kwargs, frame.node_name(index), frame.node_id(index), frame.step, amounts)

    def _begin_map(self, frame: Frame, index: int, node: Node, args: list[Any], kwargs: dict[str, Any]) -> MapRun:
        amounts = tuple(frame.values[reference] for reference in node.options.amounts)
        return MapRun(node, [*args, *kwargs.values()], amounts, frame, index, 2 * self._concurrency)

    async def _map_injected(self, call: NodeCall, frame: Frame, index: int) -> MapRun:
        """A map with resources among its operands: one that is walked over must be open before."""
        await self._processor.open_injected(call)
        return self._begin_map(frame, index, call.node, call.args, call.kwargs)

    async def _express_injected(self, call: NodeCall) -> Any:
        """An expression with resources among its operands."""
        operation = call.node.operation
        assert operation is not None
        await self._processor.open_injected(call)
        return operation.make(call.args)


def _never(_task: Any) -> bool:
    return False


def _ignore(_task: Any, _elapsed_s: float) -> None:
    return None


__all__ = ["EXECUTOR_FULL", "UNDER_WAY", "Dispatcher"]
