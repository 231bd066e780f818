"""`CompiledSteps`: steps of a run that compiled code runs in the interpreter's place.

The interpreter asks before it builds a step whether compiled code can go on from here, and is told where the program
stands afterwards. Code that awaits runs in an asyncio task of its own, so that the rest of the run goes on meanwhile.
Where compiled code has left a step in its middle, the step's frame is made as if it had been interpreted so far: no
finished node is run again.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any, Final, NamedTuple

from cascade.graph.build import build_graph
from cascade.graph.model import Graph, NodeKind
from cascade.graph.registry import NodeRegistry
from cascade.runtime.progress import Progress
from cascade.runtime.run_context import RunContext
from cascade.runtime.strategies.calls import CallsUnderWay
from cascade.runtime.strategies.frame import Frame, NextStep
from cascade.runtime.strategies.jit.cycle_cache import CycleCache, Ran
from cascade.runtime.strategies.jit.entries import entry
from cascade.runtime.strategies.jit.leaves import LEAVES
from cascade.runtime.strategies.jit.routed import Routed
from cascade.runtime.strategies.jit.shapes import CompiledLoop, Leave
from cascade.runtime.strategies.jit.waiting import Watch
from cascade.runtime.strategies.journal import Journal
from cascade.runtime.strategies.plans import Plan, PlanCache
from cascade.spec.events import TaskSkipped

_SLOW_STEPS: Final = 20
"""So many steps of a loop are interpreted after one that took long."""


class Entered(NamedTuple):
    """A step that compiled code has left in its middle.

    Attributes:
        frame: Its frame, as if it had been interpreted so far.
        node: The node that it stands at, or one of several; ``None`` if it has not even been started.
        value: What came of that node.
        left_out: The nodes that are still to be started before.
    """

    frame: Frame
    node: int | None
    value: Any
    left_out: list[int]


class CompiledSteps:
    """The compiled steps of one run.

    Args:
        run: The run.
        cycles: The compiled loops of the engine.
        calls: Where code that awaits is started.
        progress: Counts what was run.
        registry: Interns the nodes.
        plans: Plans the graphs.
        slice_s: Seconds after which compiled code gives the turn back.
        may_go_on: Whether nobody listens, and no limits are in force.
    """

    def __init__(
        self,
        run: RunContext,
        cycles: CycleCache,
        calls: CallsUnderWay,
        progress: Progress,
        registry: NodeRegistry,
        plans: PlanCache,
        slice_s: float,
        may_go_on: Callable[[], bool],
    ) -> None:
        self._run = run
        self._cycles = cycles
        self._calls = calls
        self._progress = progress
        self._registry = registry
        self._slice_s = slice_s
        self._may_go_on = may_go_on
        self._plans = plans
        self._interpreted_until = 0

    def run(self, step: NextStep, until: float) -> Ran:
        """Run steps that need not be awaited.

        Of a run that is kept, steps are left to the interpreter whose nodes are to be kept one by one: those that are
        awaited, and for a while those of a loop with a step that took long.
        """
        journal = self._run.journal
        if not journal.is_kept:
            return self._run_cycles(step.call, until)
        if step.step < self._interpreted_until:
            return Ran(0, step.call, None, 0, None)
        began = perf_counter()
        if journal.every_step and step.parent is None:
            ran = self._run_one_by_one(step, until, journal)
        else:
            ran = self._run_cycles(step.call, until)
        if perf_counter() > max(began, until) + self._slice_s:
            self._interpreted_until = step.step + ran.steps + _SLOW_STEPS
        return ran if ran.following is None else ran._replace(following=None)

    def _run_one_by_one(self, step: NextStep, until: float, journal: Journal) -> Ran:
        """Run steps each of which must be written before the next begins; the first is."""
        ran = self._run_cycles(step.call, 0.0)
        total = ran.steps
        while _has_run(ran) and entry(ran.call) is not None and perf_counter() < until:
            if not journal.begin_step(step.step + total, ran.call):
                break
            following = self._run_cycles(ran.call, 0.0)
            if following.loop is None:
                break
            ran = following
            total += ran.steps
        return ran._replace(steps=total)

    def _run_cycles(self, call: Any, until: float) -> Ran:
        run = self._run
        keeps, tells_skips = run.journal.is_kept, run.bus.wants(TaskSkipped)
        return self._cycles.run(call, until, run.step_resources.opened, keeps=keeps, tells_skips=tells_skips)

    def learn(self, call: Any, graph: Graph, plan: Plan) -> None:
        """A step is about to be interpreted: next time it may be compiled."""
        routed = Routed()
        chosen = routed.chosen(call) if graph.root.kind is NodeKind.ROUTER else call
        if chosen is call:
            self._cycles.learn(graph, plan)
            return
        # Each route is learned by itself: they may be of different shapes.
        route = graph.nodes[graph.root.args[2 + routed.place]]
        if self._cycles.is_news(route):
            graph, _, _ = build_graph(chosen, self._registry)
            self._cycles.learn(graph, self._plans.plan(graph))

    def begin(self, step: NextStep, loop: CompiledLoop) -> None:
        """Begin to run steps that are awaited; what they have done comes as a completed call of the step."""
        self._calls.start(self._run_awaited(step.call, loop), step, 0)

    def after(self, ran: Ran, step: NextStep) -> NextStep:
        """Where the program stands after some steps were run."""
        for variable, value in ran.kept:
            variable.set(value)
        if ran.loop is None:
            return step
        if not ran.steps:  # it was left in the first step, whose call may have been chosen by a router
            return NextStep(ran.call, step.parent, step.slot, step.step, step.returned_by)
        place, last = ran.loop.endings[ran.ending]
        graph = ran.loop.shapes[place].graph
        self._progress.add(ran.steps * len(graph))
        if step.parent is None:
            self._run.steps = step.step + ran.steps - 1
        last_name = graph.nodes[last].name
        return NextStep(ran.call, step.parent, step.slot, step.step + ran.steps, last_name, ran.is_slow)

    def reenter(self, loop: CompiledLoop, left: Leave, step: NextStep) -> Entered | None:
        """The frame of a step that was left in its middle; ``None`` if it was left between two nodes."""
        if step.parent is None:
            self._run.steps = step.step
            say = self._run.journal.fail_step if left.place is None else self._run.journal.begin_step
            say(step.step, step.call)
        elif left.place is not None:
            self._run.journal.begin_inner(step.parent, step.slot, step.step, step.call)
        place, values, literals, point = left.place, left.values, left.literals, left.point
        reached = dict.fromkeys(left.running) if left.node is None else {left.node: left.value}
        if place is None:
            failed = loop.failed(left.value)
            if failed is None:  # an interrupt
                return None
            place, node, point = failed
            reached, (values, literals) = {node: left.value}, left.values[place]
        shape = loop.shapes[place]
        frame = Frame(shape.graph, shape.data(literals), shape.plan, step.parent, step.slot, step.step)
        before = shape.before(reached, point)
        done = {index: values[index] if skip is None else skip for index, skip in before.items()}
        if not reached:
            if not done:
                return Entered(frame, None, None, [])
            reached = dict([done.popitem()])  # what it brings about is the interpreter's
        frame.start()
        left_out = frame.fast_forward(done, reached)
        self._progress.done += len(done)
        if self._run.journal.is_kept:
            for index, value in done.items():
                # The node that failed may have changed what it got.
                if left.place is not None or type(value) in LEAVES:
                    self._run.journal.put(frame, index, value)
        for index, call in left.running.items():
            self._calls.adopt(*call, frame, index)
        return Entered(frame, *next(iter(reached.items())), left_out)

    async def _run_awaited(self, call: Any, loop: CompiledLoop) -> Ran:
        if not self._may_go_on():  # somebody has come between the decision to run compiled code and now
            return Ran(0, call, None, 0, None)
        watch = Watch(self._run.constraints, loop.task_at, self._slice_s, self._may_go_on)
        until = perf_counter() + self._slice_s
        ran = await self._cycles.run_awaited(loop, call, until, self._run.step_resources.opened, watch)
        return ran._replace(kept=watch.kept)


def _has_run(ran: Ran) -> bool:
    """Whether compiled code has run steps, and the next may be left to it, too."""
    return bool(ran.steps) and ran.left is None and not ran.is_slow


__all__ = ["CompiledSteps"]
