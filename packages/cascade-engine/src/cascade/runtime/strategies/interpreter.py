"""The interpreter: evaluates a target by graphs, frames and calls. It defines what a program means.

The flow of one run::

    call --enter--> frame --ready node--> dispatch --value--> arrive --+--> settle: consumers become ready
              ^                                                        |
              +---------------------- a value that is a call ----------+

A value that is a call of more tasks is entered as a new frame. If it came from the root of its frame, the new frame
*replaces* the old one: that is the tail call, and a tail call of the outermost frame is the next step of the run. If it
came from an inner node, the new frame's value will settle that node. All of it works on explicit stacks; nothing here
recurses.

Short sync calls are made directly, all others are asyncio tasks kept by `CallsUnderWay`. The loop works in slices of a
few milliseconds; between them the event loop is served, and cancellation and progress have their turn.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from time import perf_counter
from types import CoroutineType
from typing import Any, Final

from cascade.graph.build import build_despite_cycles, build_graph
from cascade.graph.model import Graph
from cascade.graph.operands import KINDS
from cascade.graph.registry import NodeRegistry
from cascade.runtime.checks import check_graph
from cascade.runtime.flow import Skip
from cascade.runtime.progress import Progress
from cascade.runtime.run_context import RunContext
from cascade.runtime.strategies.cached import NOT_FOUND
from cascade.runtime.strategies.calls import CallsUnderWay
from cascade.runtime.strategies.compiled import CompiledSteps
from cascade.runtime.strategies.dispatch import EXECUTOR_FULL, UNDER_WAY, Dispatcher
from cascade.runtime.strategies.failure import annotate, catching_map, is_below, note_closing, without_stop_iteration
from cascade.runtime.strategies.frame import Frame, NextStep
from cascade.runtime.strategies.jit.cycle_cache import CycleCache, Ran
from cascade.runtime.strategies.jit.shapes import CompiledLoop, Leave
from cascade.runtime.strategies.journal import KnownCall
from cascade.runtime.strategies.mapping import MapRun
from cascade.runtime.strategies.outcome import is_call
from cascade.runtime.strategies.plans import PlanCache
from cascade.runtime.waiting import wait_for_all
from cascade.spec.common import LiteralValue
from cascade.spec.errors import CycleError, DependencyMissingError, InternalError
from cascade.spec.events import TaskSkipped
from cascade.spec.policies import Failure

SLICE_S: Final = 0.005
"""The event loop is served at least this often, in seconds."""

TURNS: Final = 3
"""Turns of the event loop between two slices: one finds a timer due, one calls it, one runs the task that it wakes."""

_DRAWING: Final = -1
"""The slot of a call that draws a map's next item, instead of evaluating one."""


class Interpreter:
    """Evaluates one target. To be created and used in one event loop.

    Args:
        run: The run.
        registry: Interns the nodes.
        plans: Plans the graphs.
        cycles: Compiled loops, which run steps in place of the interpreter; ``None`` to interpret everything.
    """

    def __init__(
        self, run: RunContext, registry: NodeRegistry, plans: PlanCache, cycles: CycleCache | None = None
    ) -> None:
        self._run = run
        self._registry = registry
        self._plans = plans
        self._journal = run.journal
        self._until = 0.0
        self._calls = CallsUnderWay()
        self._dispatcher = Dispatcher(run, self._calls)
        self._cached = self._dispatcher.cached
        self._progress = Progress(run)
        self._compiled: CompiledSteps | None = None
        if cycles is not None:
            parts = run, cycles, self._calls, self._progress, registry, plans
            self._compiled = CompiledSteps(*parts, SLICE_S, self._dispatcher.look_around)
        self._active: list[Frame | MapRun | NextStep] = []
        """What may have something to start; the last is worked on, so the innermost comes first."""
        self._queued: deque[tuple[Frame, int]] = deque()
        """Sync calls that are ready while the executor is full."""
        self._next_step: NextStep | None = None
        """What the outermost loop goes on with, if something must be awaited before it."""
        self._failure: BaseException | None = None
        self._is_finished = False
        self._value: Any = None

    def prepare(self, target: Any, *, allow_unused_params: bool = False, step: int = 1) -> Graph:
        """Build and check the first graph, so that everything that is wrong with it is said before anything runs.

        Args:
            target: What is to be evaluated.
            allow_unused_params: Whether parameters may be given for which the first graph does not ask.
            step: The step that it is: not the first, if the run goes on after an interruption.

        Returns:
            The first graph.

        Raises:
            CascadeError: The target cannot be built, planned or run.
        """
        known: list[CycleError] = []
        try:
            graph, data, _ = build_graph(target, self._registry)
        except CycleError:
            graph, data, known = build_despite_cycles(target)
        check_graph(graph, data, self._run, refuse_unused_params=not allow_unused_params, known=known)
        self._run.steps = step
        self._journal.begin_step(step, target)
        self._first = Frame(graph, data, self._plans.plan(graph), None, 0, step)
        return graph

    async def evaluate(self) -> Any:
        """Run until the target has its value.

        Returns:
            The value, or a `Skip`.

        Raises:
            BaseException: What the first failing task raised. Nothing of the run is running any more by then.
        """
        try:
            await self._journal.written()
            self._push(self._first)
            self._start(self._first)
            while not self._is_finished and self._failure is None:
                self._work(perf_counter() + SLICE_S)
                if self._is_finished or self._failure is not None:
                    break
                self._journal.settle(len(self._calls))
                if self._next_step is not None:
                    await self._cross_step_boundary()
                elif self._active:
                    self._active.insert(0, self._active.pop())  # endless loops side by side all have their turn
                    for _ in range(TURNS):
                        await asyncio.sleep(0)
                elif len(self._calls) or self._calls.completed:
                    await self._calls.wait(self._progress.interval_s)
                else:
                    raise InternalError("nothing is running and nothing is ready, but the run has no value")
                self._take_completed()
                self._journal.settle(len(self._calls))
            if self._failure is not None:
                raise self._failure
            return self._value
        except BaseException as error:
            if await wait_for_all(self._calls.cancel()) and error is self._failure:
                raise asyncio.CancelledError from error
            raise
        finally:
            self._cached.give_up()

    def _work(self, until: float) -> None:
        """Start ready nodes until there are none, the time is over, or something must be awaited."""
        active, dispatcher, progress = self._active, self._dispatcher, self._progress
        is_direct = dispatcher.look_around()
        self._until = until
        inline, slow_s = dispatcher.inline, dispatcher.slow_s
        progress.tick(len(self._calls))
        while active and self._failure is None and self._next_step is None:
            frame = active[-1]
            if type(frame) is not Frame:
                self._advance(frame)
                if perf_counter() >= until:
                    return
                continue
            if not frame.ready or frame.is_dead:
                active.pop()
                continue
            index = frame.next()
            node = frame.nodes[index]
            task: Any = node.task  # a plain node has one; to assert it here would cost every node
            if not (is_direct and node.plain) or frame.has_skips or task.is_async or not inline(task):
                self._dispatch(frame, index)
                if perf_counter() >= until:
                    return
                continue
            # The direct way: what `Dispatcher.dispatch` does for a plain node that nobody observes, without the calls.
            values = frame.values
            began = perf_counter()
            try:
                if node.keywords:
                    kwargs = {name: values[place] for name, place in zip(node.keywords, node.kwargs, strict=True)}
                    value = task.fn(*[values[place] for place in node.args], **kwargs)
                else:
                    value = task.fn(*[values[place] for place in node.args])
            except BaseException as error:
                self._fail(frame, index, error)
                continue
            ended = perf_counter()
            if ended - began > slow_s:
                dispatcher.observe(task, ended - began)
            if KINDS[type(value)] is None and index != frame.root and frame.flow is None:
                progress.done += 1
                frame.settle(index, value)
            else:
                self._arrive(frame, index, value)
            if ended >= until:
                return

    def _take_completed(self) -> None:
        """Work off the calls that have ended, then start what waited for room in the executor."""
        completed = self._calls.completed
        if completed:
            _, self._until = self._dispatcher.look_around(), perf_counter() + SLICE_S
        while completed and self._failure is None:
            owner, slot, value, error = completed.popleft()
            if owner.is_dead:
                continue
            if type(owner) is NextStep:
                self._end_compiled(owner, value, error)
            elif type(owner) is not MapRun:
                if error is None:
                    self._arrive(owner, slot, value)
                else:
                    self._fail(owner, slot, error)
            elif error is not None:
                self._fail(owner.parent, owner.slot, error)
            elif slot == _DRAWING:
                owner.is_drawing = False
                self._enter_item(owner, value)
            else:
                self._settle_item(owner, slot, value)
        room = self._run.executor.concurrency - self._calls.sync_count
        while self._queued and room > 0:
            frame, index = self._queued.popleft()
            if not frame.is_dead:
                self._dispatch(frame, index)
                room = self._run.executor.concurrency - self._calls.sync_count

    def _dispatch(self, frame: Frame, index: int) -> None:
        try:
            value = self._dispatcher.dispatch(frame, index, frame.nodes[index])
        except BaseException as error:
            self._fail(frame, index, error)
            return
        if value is EXECUTOR_FULL:
            self._queued.append((frame, index))
        elif value is not UNDER_WAY:
            self._arrive(frame, index, value)

    def _enter(self, call: Any, parent: Frame | MapRun | None, slot: int, step: int) -> Frame:
        """Evaluate a call in a new frame, on behalf of a node or an item."""
        if parent is not None and self._journal.is_kept and (step > 1 or type(parent) is Frame):
            self._journal.begin_inner(parent, slot, step, call)
        graph, data, _ = build_graph(call, self._registry)
        plan = self._plans.plan(graph)
        if plan.needs_checks:
            check_graph(graph, data, self._run)
        frame = Frame(graph, data, plan, parent, slot, step)
        self._push(frame)
        self._start(frame)
        return frame

    def _push(self, frame: Frame) -> None:
        self._progress.total += len(frame.nodes)
        self._progress.task = frame.nodes[-1].name
        self._active.append(frame)

    def _advance(self, item: MapRun | NextStep) -> None:
        """Go on with what is active and no frame."""
        if type(item) is MapRun:
            self._begin_item(item)
        elif type(item) is NextStep:
            self._active.pop()
            if not item.is_dead:
                self._go_on(item)

    def _activate(self, waiting: Frame | MapRun) -> None:
        if not self._active or self._active[-1] is not waiting:
            self._active.append(waiting)

    def _start(self, frame: Frame) -> None:
        try:
            has_value = frame.start()
        except Exception as error:
            self._fail(frame, frame.deciding, error)
            return
        self._report_flow(frame)
        if has_value:
            self._deliver_and_settle(frame)

    def _begin_step(self, following: NextStep) -> bool:
        """Say that a step of the outermost loop begins; whether it may begin before that is written."""
        self._run.steps = following.step
        self._next_step = None if self._journal.begin_step(following.step, following.call) else following
        return self._next_step is None

    async def _cross_step_boundary(self) -> None:
        """Between two steps of the outermost loop: close what was opened for the step, wait until it is written."""
        following, self._next_step = self._next_step, None
        await self._journal.written()
        if failures := await self._run.step_resources.close():
            raise note_closing(failures[0], failures[1:])
        assert following is not None
        self._go_on(following)

    def _go_on(self, following: NextStep) -> None:
        """The next step of a loop: compiled, if its shape is known, otherwise interpreted."""
        if self._journal.every_step and following.parent is None and not self._begin_step(following):
            return
        compiled = self._compiled
        if compiled is not None and self._dispatcher.may_compile and not following.is_measured:
            ran = compiled.run(following, self._until)
            following = compiled.after(ran, following)
            if ran.loop is not None and not self._goes_on(ran, following):
                return
            if ran.following is not None and not self._cached.has_leads:  # what it calls must know of them
                compiled.begin(following, ran.following)
                return
        self._interpret(following)

    def _end_compiled(self, step: NextStep, ran: Ran, error: BaseException | None) -> None:
        """Compiled steps that were awaited have ended."""
        assert self._compiled is not None
        if error is not None:
            self._fail_loop(error, step.returned_by, step.step, step.parent, step.slot)
        elif ran.loop is None:
            self._interpret(step)
        elif self._goes_on(ran, following := self._compiled.after(ran, step)):
            self._go_on(following)

    def _interpret(self, following: NextStep) -> None:
        parent, slot = following.parent, following.slot
        if parent is None and not self._begin_step(following):
            return
        try:
            frame = self._enter(following.call, parent, slot, following.step)
        except Exception as error:
            # The call cannot be built: the fault of the step that returned it.
            self._fail_loop(error, following.returned_by, following.step - 1, parent, slot)
        else:
            if self._compiled is not None:
                self._compiled.learn(following.call, frame.graph, frame.plan)

    def _goes_on(self, ran: Ran, following: NextStep) -> bool:
        """Whether a loop that compiled code has run goes on with a step; otherwise what is to be done is done."""
        call, parent, slot = following.call, following.parent, following.slot
        if ran.left is not None:
            assert ran.loop is not None
            self._go_on_inside(ran.loop, ran.left, following)
        elif type(call) is LiteralValue:
            self._deliver_value(call._value, parent, slot)
        elif KINDS[type(call)] is None or not is_call(call):
            self._deliver_value(call, parent, slot)
        elif isinstance(call, CoroutineType):
            # A sync function returned it: still the same step.
            self._enter(call, parent, slot, following.step - 1)
        elif self._journal.every_step or perf_counter() >= self._until:
            if parent is not None:
                self._journal.begin_inner(parent, slot, following.step, call)
            elif not self._begin_step(following):
                return False
            self._active.append(following)
        else:
            return True
        return False

    def _go_on_inside(self, loop: CompiledLoop, left: Leave, step: NextStep) -> None:
        """Interpret the rest of a step that compiled code began."""
        assert self._compiled is not None
        entered = self._compiled.reenter(loop, left, step)
        if entered is None:
            self._fail_loop(left.value, step.returned_by, step.step, step.parent, step.slot)
            return
        frame, index, value, left_out = entered
        self._push(frame)
        self._report_flow(frame)
        for begun in left_out:
            self._dispatch(frame, begun)
        if index is None:
            self._start(frame)
        elif left.place is None:
            self._fail(frame, index, value)
        elif left.is_attempt:
            self._dispatcher.try_again(frame, index, frame.nodes[index], value)
        elif left.node is not None:
            self._arrive(frame, index, value)
        elif not left.running:
            self._settle(frame, index, value)

    def _arrive(self, frame: Frame, index: int, value: Any) -> None:
        """A node has returned: settle it, or go on with what it returned."""
        if type(value) is MapRun:
            self._active.append(value)
            return
        if type(value) is KnownCall:
            self._enter(value.call, frame, index, value.step)
            return
        if value is NOT_FOUND:
            self._dispatch(frame, index)
            return
        is_led = self._cached.is_led(frame, index)
        if KINDS[type(value)] is not None and is_call(value):
            if type(value) is LiteralValue:
                value = value._value
            else:
                self._follow(frame, index, value, is_tail=frame.is_tail(index) and not is_led)
                return
        if is_led:
            self._calls.start(self._cached.store(frame, index, value), frame, index)
        else:
            self._settle(frame, index, value)

    def _follow(self, frame: Frame, index: int, call: Any, is_tail: bool) -> None:
        """Evaluate what a node returned instead of a value."""
        try:
            if isinstance(call, CoroutineType):
                self._calls.start(call, frame, index)
            elif not is_tail:
                self._enter(call, frame, index, 1)
            else:
                self._progress.done += 1
                self._leave(frame)
                following = NextStep(call, frame.parent, frame.slot, frame.step + 1, frame.node_name(index))
                if frame.parent is not None or self._run.step_resources.is_empty:
                    self._go_on(following)
                else:
                    self._next_step = following
        except Exception as error:
            self._fail(frame, index, error)

    def _settle(self, frame: Frame, index: int, value: Any, *, has_run: bool = False) -> None:
        """A node has its final value, and so may the nodes that wait for its frame, one around the other.

        Args:
            frame: The node's frame.
            index: The node.
            value: Its value, or a `Skip`.
            has_run: Whether it has run, so that a `Skip` is that of the call which it returned.
        """
        while True:
            self._progress.done += 1
            self._record(frame, index, value, has_run=has_run)
            try:
                has_value = frame.settle(index, value)
            except Exception as error:
                self._fail(frame, index, error)
                return
            self._report_flow(frame)
            if not has_value:
                self._activate(frame)
                return
            self._leave(frame)
            waiting = self._waiting_node(frame.values[frame.root], frame.parent, frame.slot)
            if waiting is None:
                return
            frame, index, value = waiting
            has_run = True

    def _waiting_node(self, value: Any, parent: Frame | MapRun | None, slot: int) -> tuple[Frame, int, Any] | None:
        """A loop has its value: the node that is settled by it, with what; ``None`` if nothing is settled yet."""
        if parent is None:
            self._value, self._is_finished = value, True
            return None
        if type(parent) is MapRun:
            if type(value) is Skip:
                reason = f"item {slot} of the map was skipped ({value.reason}), so it has no value"
                self._fail_loop(DependencyMissingError(reason), value.name, 1, parent, slot)
                return None
            return self._complete_item(parent, slot, value)
        if self._cached.is_led(parent, slot):
            if type(value) is not Skip:
                self._calls.start(self._cached.store(parent, slot, value), parent, slot)
                return None
            self._cached.give_up_node(parent, slot)
        return parent, slot, value

    def _deliver_value(self, value: Any, parent: Frame | MapRun | None, slot: int) -> None:
        """A compiled loop has its value."""
        waiting = self._waiting_node(value, parent, slot)
        if waiting is not None:
            self._settle(*waiting, has_run=True)

    def _deliver_and_settle(self, frame: Frame) -> None:
        self._leave(frame)
        self._deliver_value(frame.values[frame.root], frame.parent, frame.slot)

    def _leave(self, frame: Frame) -> None:
        """Keep the stack free of frames that are done: a loop inside a node would pile them up."""
        if self._active and self._active[-1] is frame:
            self._active.pop()

    def _record(self, frame: Frame, index: int, value: Any, *, has_run: bool = False) -> None:
        """Keep a value or a skip in the state, and say that a call was skipped."""
        if type(value) is Skip and frame.nodes[index].task is not None and not has_run:
            name, node_id = frame.node_name(index), frame.node_id(index)
            self._run.publish(TaskSkipped, task=name, node_id=node_id, step=frame.step, reason=value.reason)
        if self._journal.is_kept:
            self._journal.put(frame, index, value)

    def _report_flow(self, frame: Frame) -> None:
        """Record what the flow decided by itself: skips, and values that were passed on."""
        flow = frame.flow
        if flow is None or not flow.decided:
            return
        for index in flow.decided:
            self._progress.done += 1
            self._record(frame, index, frame.values[index])
        flow.decided.clear()

    def _begin_item(self, items: MapRun) -> None:
        if items.is_dead or not items.has_room:
            self._active.pop()
            return
        if items.is_asynchronous:
            items.is_drawing = True
            self._calls.start(items.draw(), items, _DRAWING)
            return
        try:
            call = items.next_call()
        except BaseException as error:
            self._fail(items.parent, items.slot, error)
            return
        self._enter_item(items, call)

    def _enter_item(self, items: MapRun, call: Any) -> None:
        if call is None:
            if items.is_complete:
                self._settle(items.parent, items.slot, items.results)
            return
        self._activate(items)
        try:
            step, call = self._journal.known_item(items, items.begun - 1, call)
            self._enter(call, items, items.begun - 1, step)
        except Exception as error:
            self._fail(items.parent, items.slot, error)

    def _complete_item(self, items: MapRun, item: int, value: Any) -> tuple[Frame, int, Any] | None:
        items.end_item(item, value)
        if self._journal.is_kept:
            self._journal.put_item(items, item, value)
        if items.is_complete:
            return items.parent, items.slot, items.results
        self._activate(items)
        return None

    def _settle_item(self, items: MapRun, item: int, value: Any) -> None:
        waiting = self._complete_item(items, item, value)
        if waiting is not None:
            self._settle(*waiting, has_run=True)

    def _fail(self, frame: Frame, index: int, error: BaseException) -> None:
        """A node has failed."""
        self._fail_loop(error, frame.node_name(index), frame.step, frame.parent, frame.slot)

    def _fail_loop(self, error: BaseException, name: str, step: int, parent: Frame | MapRun | None, slot: int) -> None:
        """A step has failed: the item of a map that keeps failures gets it as a value, otherwise the run ends.

        The arguments are those of `annotate`.
        """
        error = without_stop_iteration(error, name)
        annotate(error, name, step, parent, slot)
        caught = catching_map(parent, slot, error)
        if caught is not None:
            self._catch(*caught, error)
        elif self._failure is None:
            self._failure = error

    def _catch(self, items: MapRun, item: int, error: BaseException) -> None:
        """Keep a failure as the value of an item; what else runs for the item is cancelled and waited for."""
        assert isinstance(error, Exception)
        value = Failure(error, item)
        cancelled = self._calls.cancel(lambda owner: is_below(owner, items, item))
        for owner in self._everyone():
            if is_below(owner, items, item):
                owner.is_dead = True
        if not cancelled:
            self._cached.give_up(lambda frame: is_below(frame, items, item))
            self._settle_item(items, item, value)
            return

        async def wait() -> Failure:
            await wait_for_all(cancelled)
            self._cached.give_up(lambda frame: is_below(frame, items, item))
            return value

        self._calls.start(wait(), items, item)

    def _everyone(self) -> Iterable[Frame | MapRun | NextStep]:
        yield from self._active
        yield from (frame for frame, _ in self._queued)
        yield from (owner for owner, *_ in self._calls.completed)
        yield from self._calls.owners()


__all__ = ["SLICE_S", "Interpreter"]
