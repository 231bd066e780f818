"""Burr: actions and transitions; the graph is built once, the application for every run, as its state belongs to it.

The fan-out and the two awaiting tasks are parallel sub-applications (``MapStates``), which is Burr's way to do things
at once. Durable loops have the SQLite persister on a file in WAL mode, which commits after every action. There is no
tracker.
"""

from __future__ import annotations

import asyncio
import sqlite3
import uuid
from itertools import pairwise
from typing import Any

from observatory.comparing.peer import Peer, Way, Work, one_after_another, ways
from observatory.comparing.workloads import CHAIN


def change(by: int) -> Any:
    """An action that adds to the number in the state."""
    from burr.core import State, action

    def change(state: State) -> State:
        return state.update(n=state["n"] + by)

    return action(reads=["n"], writes=["n"])(change)


def row(*changes: int) -> Any:
    """A graph of actions that follow each other, and then go back to the first while the number is above 0."""
    from burr.core import Condition, GraphBuilder

    again = Condition(["n"], lambda state: state["n"] > 0, name="again")
    names = [f"action{k}" for k in range(len(changes))]
    transitions: list[Any] = list(pairwise(names))
    return (
        GraphBuilder()
        .with_actions(**{name: change(by) for name, by in zip(names, changes, strict=True)}, end=change(0))
        .with_transitions(*transitions, (names[-1], names[0], again), (names[-1], "end"))
        .build()
    )


def running(graph: Any, last: str = "end") -> Any:
    """Runs a graph from a number in the state; what the number is after an action."""
    from burr.core import ApplicationBuilder

    def run(n: int) -> Any:
        app = ApplicationBuilder().with_graph(graph).with_state(n=n).with_entrypoint("action0").build()
        return app.run(halt_after=[last])[2]["n"]

    return run


def simple_loop(size: int) -> Work:
    """An action with a transition to itself."""
    run = running(row(-1))
    return lambda: run(size)


def chain_loop(size: int) -> Work:
    """Actions in a circle."""
    run = running(row(-1, *[0] * CHAIN))
    return lambda: run(size)


def chain(size: int) -> Work:
    """Actions in a row; the one more at the end is where the loops go on from."""
    run = running(row(*[0] * size), last=f"action{size - 1}")
    return lambda: run(0)


def one_task(size: int) -> Work:
    """An application of one action, made and run again and again."""
    run = running(row(1), last="action0")
    return one_after_another(run, size)


def async_loop(size: int) -> Work:
    """A mapping action over two states, with a transition to itself."""
    from burr.core import ApplicationBuilder, State, action, default, expr
    from burr.core.parallelism import MapStates

    @action(reads=["n"], writes=["n"])
    async def wait(state: State) -> State:
        await asyncio.sleep(0)
        return state.update(n=state["n"])

    class Both(MapStates):
        def is_async(self) -> bool:
            return True

        def action(self, state: State, inputs: Any) -> Any:
            return wait

        async def states(self, state: State, context: Any, inputs: Any) -> Any:
            for n in (state["n"] - 1, state["n"]):
                yield state.update(n=n)

        async def reduce(self, state: State, states: Any) -> State:
            return state.update(n=min([each["n"] async for each in states]))

        reads = property(lambda _self: ["n"])
        writes = property(lambda _self: ["n"])

    @action(reads=["n"], writes=["n"])
    async def end(state: State) -> State:
        return state.update(n=state["n"])

    async def work() -> Any:
        app = await (
            ApplicationBuilder()
            .with_actions(both=Both(), end=end)
            .with_transitions(("both", "both", expr("n > 0")), ("both", "end", default))
            .with_state(n=size)
            .with_entrypoint("both")
            .abuild()
        )
        return (await app.arun(halt_after=["end"]))[2]["n"]

    return work


def fan_out(size: int) -> Work:
    """A mapping action over so many states; its reducer sums."""
    from burr.core import ApplicationBuilder, State
    from burr.core.parallelism import MapStates

    noop = change(0)

    class All(MapStates):
        def is_async(self) -> bool:
            return True

        def action(self, state: State, inputs: Any) -> Any:
            return noop

        async def states(self, state: State, context: Any, inputs: Any) -> Any:
            for n in range(size):
                yield state.update(n=n)

        async def reduce(self, state: State, states: Any) -> State:
            return state.update(n=sum([each["n"] async for each in states]))

        reads = property(lambda _self: [])
        writes = property(lambda _self: ["n"])

    async def work() -> Any:
        app = await ApplicationBuilder().with_actions(all=All()).with_state(n=0).with_entrypoint("all").abuild()
        return (await app.arun(halt_after=["all"]))[2]["n"]

    return work


def durable_loop(size: int, synchronous: str = "NORMAL") -> Work:
    """The loop of one action with the SQLite persister, a new application id for each run."""
    from burr.core import ApplicationBuilder
    from burr.core.persistence import SQLitePersister

    connection = sqlite3.connect("burr.db")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute(f"PRAGMA synchronous={synchronous}")
    persister = SQLitePersister("burr.db", connection=connection)
    persister.initialize()
    graph = row(-1)

    def work() -> Any:
        app = (
            ApplicationBuilder()
            .with_graph(graph)
            .with_state(n=size)
            .with_entrypoint("action0")
            .with_identifiers(app_id=uuid.uuid4().hex)
            .with_state_persister(persister)
            .build()
        )
        return app.run(halt_after=["end"])[2]["n"]

    return work


def flushed_loop(size: int) -> Work:
    """The same, and each commit waits for the disk."""
    return durable_loop(size, "FULL")


PEER = Peer(
    title="Burr",
    distribution="apache-burr",
    about="graph built once, application for every run; MapStates for what runs at once; SQLitePersister in WAL mode",
    workloads=ways(
        simple_loop=Way(simple_loop, 1_000),
        chain_loop=Way(chain_loop, 100),
        async_loop=Way(async_loop, 100),
        fan_out=Way(fan_out, 1_000),
        deep_chain=Way(chain, 1_000),
        one_task=Way(one_task, 200),
        durable_loop=Way(durable_loop, 1_000),
        flushed_loop=Way(flushed_loop, 200),
        memory=Way(simple_loop, 20_000),
    ),
    requirements=("apache-burr[tracking-client]==0.43.0",),
)
