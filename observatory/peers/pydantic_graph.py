"""pydantic-graph: ``GraphBuilder``, built once and run for every run, instrumentation off.

Nodes and steps are coroutine functions, and no others. Loops and chains are nodes that return the next one, which takes
about half the time of steps with a decision between them; the fan-out is a mapping edge into a join. The runs of a
sample are awaited in one event loop.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Final

from observatory.comparing.peer import Cannot, Peer, Way, Work, awaited_one_after_another, ways
from observatory.comparing.workloads import CHAIN

NO_STATE: Final = "keeps no state of a run in this version; durable runs are left to other engines"


async def noop(context: Any) -> Any:
    """A step that does nothing."""
    return context.inputs


def new_builder() -> Any:
    """A builder of graphs from a number to a number."""
    from pydantic_graph import GraphBuilder

    return GraphBuilder(name="graph", input_type=int, output_type=int, auto_instrument=False)


def running(graph: Any, value: int) -> Work:
    """The work of running a graph."""

    async def work() -> Any:
        return await graph.run(inputs=value)

    return work


def nodes(length: int, first: str) -> Any:
    """A graph of nodes that say themselves which is next: one that counts down, and so many that do nothing.

    Args:
        length: How many do nothing before the next counts down.
        first: Which is the first: ``"decrement"`` or ``"noop"``.
    """
    from pydantic_graph import BaseNode, End, GraphRunContext

    @dataclass
    class Decrement(BaseNode[None, None, int]):
        n: int

        async def run(self, context: GraphRunContext) -> Decrement | Noop | End[int]:
            n = self.n - 1
            if length:
                return Noop(n, length)
            return Decrement(n) if n > 0 else End(n)

    @dataclass
    class Noop(BaseNode[None, None, int]):
        n: int
        left: int

        async def run(self, context: GraphRunContext) -> Decrement | Noop | End[int]:
            if self.left > 1:
                return Noop(self.n, self.left - 1)
            return Decrement(self.n) if self.n > 0 else End(self.n)

    async def begin(context: Any) -> Any:
        return Decrement(context.inputs) if first == "decrement" else Noop(context.inputs, length)

    builder = new_builder()
    start = builder.step(begin, node_id="begin")
    builder.add(
        builder.edge_from(builder.start_node).to(start),
        builder.edge_from(start).to(Decrement if first == "decrement" else Noop),
        builder.node(Decrement),
        builder.node(Noop),
    )
    return builder.build()


def simple_loop(size: int) -> Work:
    """A node that leads to itself."""
    return running(nodes(0, "decrement"), size)


def chain_loop(size: int) -> Work:
    """Twelve nodes that lead to each other in a circle."""
    return running(nodes(CHAIN, "decrement"), size)


def async_loop(size: int) -> Work:
    """A decision that leads to two steps at once, and a join of both."""
    builder = new_builder()

    async def wait_for_next(context: Any) -> Any:
        await asyncio.sleep(0)
        return context.inputs - 1

    async def wait(context: Any) -> Any:
        await asyncio.sleep(0)
        return context.inputs

    def least(before: int, n: int) -> int:
        return min(before, n)

    start = builder.step(noop, node_id="start")
    sides = builder.step(wait_for_next, node_id="a"), builder.step(wait, node_id="b")
    both = builder.join(least, initial=size, node_id="both")
    builder.add(
        builder.edge_from(builder.start_node).to(start),
        builder.edge_from(start).to(*sides),
        builder.edge_from(*sides).to(both),
        builder.edge_from(both).to(
            builder.decision()
            .branch(builder.match(int, matches=lambda n: n > 0).to(start))
            .branch(builder.match(int).to(builder.end_node))
        ),
    )
    return running(builder.build(), size)


def fan_out(size: int) -> Work:
    """A mapping edge over a list, and a join that sums."""
    from pydantic_graph import reduce_sum

    builder = new_builder()

    async def numbers(context: Any) -> Any:
        return list(range(context.inputs))

    source, each = builder.step(numbers, node_id="numbers"), builder.step(noop, node_id="noop")
    total = builder.join(reduce_sum, initial=0, node_id="total")
    builder.add(
        builder.edge_from(builder.start_node).to(source),
        builder.edge_from(source).map().to(each),
        builder.edge_from(each).to(total),
        builder.edge_from(total).to(builder.end_node),
    )
    return running(builder.build(), size)


def chain(size: int) -> Work:
    """So many nodes in a row."""
    return running(nodes(size, "noop"), 0)


def one_task(size: int) -> Work:
    """A graph of one step, run again and again."""
    builder = new_builder()

    async def increment(context: Any) -> Any:
        return context.inputs + 1

    step = builder.step(increment, node_id="increment")
    builder.add(builder.edge_from(builder.start_node).to(step), builder.edge_from(step).to(builder.end_node))
    graph = builder.build()
    return awaited_one_after_another(lambda x: graph.run(inputs=x), size)


PEER = Peer(
    title="pydantic-graph",
    distribution="pydantic-graph",
    about="GraphBuilder, built once, auto_instrument=False",
    workloads=ways(
        simple_loop=Way(simple_loop, 1_000),
        chain_loop=Way(chain_loop, 100),
        async_loop=Way(async_loop, 200),
        fan_out=Way(fan_out, 1_000),
        deep_chain=Way(chain, 1_000),
        one_task=Way(one_task, 200),
        durable_loop=Cannot(NO_STATE),
        flushed_loop=Cannot(NO_STATE),
        memory=Way(simple_loop, 20_000),
    ),
    requirements=("pydantic-graph==2.68.0",),
)
