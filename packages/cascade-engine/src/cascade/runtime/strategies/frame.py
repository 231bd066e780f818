"""`Frame`: one step on the heap.

Where a recursive evaluator would use the call stack, the engine links frames: a frame knows the frame and the node
that wait for its value. So non-tail recursion 100,000 deep costs memory and no stack, and a tail call replaces a
frame, which is why loops run in constant memory.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from hashlib import blake2b
from heapq import heappop, heappush
from itertools import pairwise
from typing import Any, Final, final

from cascade.graph.model import DataTuple, Graph, Node
from cascade.runtime.flow import FlowManager, Skip
from cascade.runtime.strategies.plans import Plan
from cascade.spec.identifiers import NodeId
from cascade.spec.policies import NO_POLICIES

_LONGEST_PATH: Final = 200


@final
class Frame:
    """The state of one step: which values are there, which nodes are ready.

    Args:
        graph: The structure.
        data: The literals.
        plan: The order.
        parent: The frame or map that waits for the value; ``None`` for the outermost loop.
        slot: Which of the parent's nodes or items waits.
        step: The number of the step in its loop, from 1.

    Attributes:
        values: Values of the nodes, then the literals in reverse order (see `cascade.graph.model`).
        ready: Ranks of the nodes that can be started, as a heap.
        has_skips: Whether some value is a `Skip`, so that arguments must be looked at.
        is_dead: Whether what still comes for this frame is to be dropped.
        flow: Decides by demand, if the graph has conditions or routers.
    """

    __slots__ = (
        "_held",
        "_left_in_stage",
        "_path",
        "_running",
        "_uses",
        "_waiting",
        "flow",
        "graph",
        "has_skips",
        "is_dead",
        "nodes",
        "parent",
        "plan",
        "ready",
        "root",
        "slot",
        "step",
        "values",
    )

    def __init__(self, graph: Graph, data: DataTuple, plan: Plan, parent: Any, slot: int, step: int) -> None:
        nodes = graph.nodes
        self.graph = graph
        self.nodes: tuple[Node, ...] = nodes
        self.plan = plan
        self.parent = parent
        self.slot = slot
        self.step = step
        self.root = len(nodes) - 1
        self.values: list[Any] = [None] * len(nodes)
        self.values += data[::-1]
        self.has_skips = False
        self.is_dead = False
        self._path: str | None = None
        self.flow: FlowManager | None = None
        self.ready: list[int] = []
        self._waiting: list[int] = []
        self._uses: list[int] = []
        self._left_in_stage: list[int] = []
        self._running = 0
        self._held: list[tuple[int, int]] = []
        """With strict stages and decisions: stage and rank of ready nodes of later stages, as a heap."""
        if plan.gated:
            self.flow = FlowManager(graph, self.values)
        else:
            self._waiting = plan.waits_for.copy()
            first = plan.first_consumer
            self._uses = [end - begin for begin, end in pairwise(first)]
            if plan.stages is None:
                self.ready = plan.sources.copy()
            else:
                self._left_in_stage = [len(stage) for stage in plan.stages]
                self.ready = plan.stages[0].copy()

    def start(self) -> bool:
        """Find the first ready nodes, where that takes decisions.

        Returns:
            Whether the root has its value already.

        Raises:
            RouteNotFoundError: A router has no route for a literal selector.
        """
        if self.flow is None:
            return False
        self._push(self.flow.start(), self.flow)
        return self.flow.is_settled(self.root)

    def next(self) -> int:
        """Take the ready node that the plan names first."""
        rank = heappop(self.ready)
        self._running += 1
        order = self.plan.order
        return rank if order is None else order[rank]

    def fast_forward(self, done: Mapping[int, Any], reached: Collection[int]) -> list[int]:
        """Come to where compiled code has left the step.

        Args:
            done: The values of the nodes that have them, by index.
            reached: The nodes that it stands at; they count as running.

        Returns:
            The nodes that the interpreter would have started before those, and the compiled code has not.
        """
        left_out = []
        to_come = len(done) + len(reached)
        while to_come:
            index = self.next()
            if index in done:
                self.settle(index, done[index])
            elif index not in reached:
                left_out.append(index)
                continue
            to_come -= 1
        return left_out

    def settle(self, index: int, value: Any) -> bool:
        """A node has its value, or a `Skip` in its place.

        Returns:
            Whether the root has its value now.

        Raises:
            RouteNotFoundError: The value selects no route.
        """
        self._running -= 1
        values = self.values
        values[index] = value
        if type(value) is Skip:
            self.has_skips = True
        if self.flow is not None:
            self._push(self.flow.settle(index), self.flow)
            return self.flow.is_settled(self.root)
        plan, waiting, ready = self.plan, self._waiting, self.ready
        if plan.stages is not None:
            self._settle_in_stages(index, plan.stages)
        else:
            rank = plan.rank
            first = plan.first_consumer
            for consumer in plan.consumers[first[index] : first[index + 1]]:
                waiting[consumer] -= 1
                if not waiting[consumer]:
                    heappush(ready, consumer if rank is None else rank[consumer])
        # A value that all its consumers have used is let go at once: a long chain of large arrays holds two of them.
        uses = self._uses
        for source in self.nodes[index].inputs:
            uses[source.index] -= 1
            if not uses[source.index]:
                values[source.index] = None
        return index == self.root

    @property
    def deciding(self) -> int:
        """The node about which something was decided last; otherwise the root."""
        return self.root if self.flow is None else self.flow.deciding

    def is_tail(self, index: int) -> bool:
        """Whether the value of this node is that of the step: it is the root's, or the root passes it on."""
        flow = self.flow
        tail = self.root if flow is None else flow.tail
        if index == tail:
            return True
        node = self.nodes[tail]
        if node.task is None or not node.task._passes_on or node.args[0] != index or self.has_skips:
            return False
        left = self._waiting[tail] if flow is None else flow.awaited(tail)
        return left == 1 and node.options.policies is NO_POLICIES

    def node_name(self, index: int) -> str:
        """The name of a node for people: its label, or that of its task."""
        node = self.nodes[index]
        label = node.options.label
        return node.name if label is None else str(self.values[label])

    def node_id(self, index: int) -> NodeId:
        """The name of a node inside the step of the run."""
        return NodeId(self.path + self.nodes[index].structural_id)

    @property
    def path(self) -> str:
        """What stands before the names of this frame's nodes: what waits for it, from the outside in.

        Empty for the outermost loop. A long path is replaced by its digest, so that deep recursion stays linear.
        """
        unknown: list[Frame] = []
        frame: Frame | None = self
        while frame is not None and frame._path is None:
            unknown.append(frame)
            frame = frame.waiting_frame
        for inner in reversed(unknown):
            inner._path = "" if inner.parent is None else path_below(inner.parent, inner.slot, inner.step)
        assert self._path is not None
        return self._path

    @property
    def waiting_frame(self) -> Frame | None:
        """The frame that waits for this one, directly or through a map."""
        return self.parent if self.parent is None or type(self.parent) is Frame else self.parent.parent

    def _push(self, indices: list[int], flow: FlowManager) -> None:
        plan = self.plan
        if flow.has_skips:
            self.has_skips = True
        ranks = indices if plan.rank is None else [plan.rank[index] for index in indices]
        if plan.stages is None:
            for rank in ranks:
                heappush(self.ready, rank)
            return
        # Which nodes of a stage are needed is only known bit by bit, so the barrier is: a later stage begins when
        # nothing of the step is running.
        for index, rank in zip(indices, ranks, strict=True):
            heappush(self._held, (plan.stage_of[index], rank))
        if not self._running and not self.ready and self._held:
            stage = self._held[0][0]
            while self._held and self._held[0][0] == stage:
                heappush(self.ready, heappop(self._held)[1])

    def _settle_in_stages(self, index: int, stages: list[list[int]]) -> None:
        """The next stage becomes ready when the last node of this one has its value."""
        left = self._left_in_stage
        stage = self.plan.stage_of[index]
        left[stage] -= 1
        if not left[stage] and stage + 1 < len(stages):
            self.ready = stages[stage + 1].copy()


def path_below(parent: Any, slot: int, step: int) -> str:
    """What stands before the names of the nodes of a loop's step.

    Args:
        parent: The frame or map that waits for the loop.
        slot: Which of the parent's nodes or items waits.
        step: The step of the loop.
    """
    if type(parent) is Frame:
        path = f"{parent.node_id(slot)}#{step}/"
    else:
        path = f"{parent.parent.node_id(parent.slot)}[{slot}]#{step}/"
    return path if len(path) <= _LONGEST_PATH else f"~{blake2b(path.encode(), digest_size=16).hexdigest()}/"


@final
class NextStep:
    """The next step of a loop, before anything is known of it but the call that it evaluates.

    Attributes:
        call: What it evaluates.
        parent: Who waits for the loop.
        slot: Which of the parent's nodes or items waits.
        step: The number of the step in its loop.
        returned_by: The task that returned the call.
        is_measured: Whether it is to be interpreted in any case, because that measures every call.
        is_dead: Whether it is to be dropped.
    """

    __slots__ = ("call", "is_dead", "is_measured", "parent", "returned_by", "slot", "step")

    def __init__(
        self, call: Any, parent: Any, slot: int, step: int, returned_by: str, is_measured: bool = False
    ) -> None:
        self.call = call
        self.returned_by = returned_by
        self.is_measured = is_measured
        self.parent = parent
        self.slot = slot
        self.step = step
        self.is_dead = False


__all__ = ["Frame", "NextStep", "path_below"]
