"""LangGraph: ``StateGraph``, compiled once and invoked for every run.

A loop is a node that says with ``Command`` where to go on, which takes about half the time of a conditional edge, and a
fifth of that of the functional interface. Each node is a superstep. The fan-out is made with ``Send``, which is how
LangGraph fans out over data. Durable loops have the SQLite checkpointer on a file, which it puts into WAL mode, with
``durability="sync"``: the checkpoint of a step is written before the next begins. Tracing is off.
"""

from __future__ import annotations

import asyncio
import operator
import sqlite3
import uuid
from itertools import pairwise
from typing import Annotated, Any, TypedDict

from observatory.comparing.peer import Peer, Way, Work, one_after_another, ways
from observatory.comparing.workloads import CHAIN


class Number(TypedDict):
    """The state of loops and chains."""

    n: int


class Pair(TypedDict):
    """The state of the loop with two tasks at once."""

    n: int
    a: int
    b: int


class Values(TypedDict):
    """The state of the fan-out; what tasks give is appended."""

    values: Annotated[list[int], operator.add]
    total: int


def noop(state: Any) -> Any:
    """The node that does nothing."""
    return {"n": state["n"]}


def countdown(checkpointer: Any = None) -> Any:
    """A graph of one node that leads to itself."""
    from langgraph.graph import END, START, StateGraph
    from langgraph.types import Command

    def step(state: Any) -> Any:
        n = state["n"] - 1
        return Command(update={"n": n}, goto="step" if n > 0 else END)

    builder = StateGraph(Number)
    builder.add_node("step", step, destinations=("step", END))
    builder.add_edge(START, "step")
    return builder.compile(checkpointer=checkpointer)


def simple_loop(size: int) -> Work:
    """A node that leads to itself."""
    graph = countdown()
    return lambda: graph.invoke({"n": size}, {"recursion_limit": size + 1})["n"]


def chain_loop(size: int) -> Work:
    """A circle of nodes."""
    from langgraph.graph import END, START, StateGraph
    from langgraph.types import Command

    def last(state: Any) -> Any:
        return Command(update={"n": state["n"]}, goto="step" if state["n"] > 0 else END)

    builder = StateGraph(Number)
    builder.add_node("step", lambda state: {"n": state["n"] - 1})
    names = [f"noop{k}" for k in range(CHAIN - 1)]
    for name in names:
        builder.add_node(name, noop)
    builder.add_node("last", last, destinations=("step", END))
    for before, after in pairwise([START, "step", *names, "last"]):
        builder.add_edge(before, after)
    graph = builder.compile()
    return lambda: graph.invoke({"n": size}, {"recursion_limit": size * (CHAIN + 1) + 1})["n"]


def async_loop(size: int) -> Work:
    """Two nodes in the same superstep, and one that waits for both."""
    from langgraph.graph import END, START, StateGraph
    from langgraph.types import Command

    async def wait_a(state: Any) -> Any:
        await asyncio.sleep(0)
        return {"a": state["n"] - 1}

    async def wait_b(state: Any) -> Any:
        await asyncio.sleep(0)
        return {"b": state["n"]}

    async def join(state: Any) -> Any:
        n = min(state["a"], state["b"])
        return Command(update={"n": n}, goto=["a", "b"] if n > 0 else END)

    builder = StateGraph(Pair)
    builder.add_node("a", wait_a)
    builder.add_node("b", wait_b)
    builder.add_node("join", join, destinations=("a", "b", END))
    builder.add_edge(START, "a")
    builder.add_edge(START, "b")
    builder.add_edge(["a", "b"], "join")
    graph = builder.compile()

    async def work() -> Any:
        return (await graph.ainvoke({"n": size}, {"recursion_limit": 2 * size + 1}))["n"]

    return work


def fan_out(size: int) -> Work:
    """A ``Send`` for each task; a reducer gathers what they give."""
    from langgraph.graph import END, START, StateGraph
    from langgraph.types import Send

    builder = StateGraph(Values)
    builder.add_node("noop", lambda x: {"values": [x]})
    builder.add_node("join", lambda state: {"total": sum(state["values"])})
    builder.add_conditional_edges(START, lambda _state: [Send("noop", x) for x in range(size)], ["noop"])
    builder.add_edge("noop", "join")
    builder.add_edge("join", END)
    graph = builder.compile()
    return lambda: graph.invoke({"values": []})["total"]


def chain(size: int) -> Work:
    """A graph of so many nodes in a row."""
    from langgraph.graph import END, START, StateGraph

    builder = StateGraph(Number)
    names = [f"noop{k}" for k in range(size)]
    for name in names:
        builder.add_node(name, noop)
    for before, after in pairwise([START, *names, END]):
        builder.add_edge(before, after)
    graph = builder.compile()
    return lambda: graph.invoke({"n": 0}, {"recursion_limit": size + 1})["n"]


def one_task(size: int) -> Work:
    """A graph of one node, invoked again and again."""
    from langgraph.graph import END, START, StateGraph

    builder = StateGraph(Number)
    builder.add_node("increment", lambda state: {"n": state["n"] + 1})
    builder.add_edge(START, "increment")
    builder.add_edge("increment", END)
    graph = builder.compile()
    return one_after_another(lambda x: graph.invoke({"n": x})["n"], size)


def durable_loop(size: int, synchronous: str = "NORMAL") -> Work:
    """The loop of one node with the SQLite checkpointer, a new thread of checkpoints for each run."""
    from langgraph.checkpoint.sqlite import SqliteSaver

    connection = sqlite3.connect("langgraph.db", check_same_thread=False)
    connection.execute(f"PRAGMA synchronous={synchronous}")
    graph = countdown(SqliteSaver(connection))

    def work() -> int:
        config = {"recursion_limit": size + 1, "configurable": {"thread_id": uuid.uuid4().hex}}
        return int(graph.invoke({"n": size}, config, durability="sync")["n"])

    return work


def flushed_loop(size: int) -> Work:
    """The same, and each commit waits for the disk."""
    return durable_loop(size, "FULL")


PEER = Peer(
    title="LangGraph",
    distribution="langgraph",
    about='StateGraph compiled once; Send for the fan-out; SqliteSaver on a file with durability="sync"',
    workloads=ways(
        simple_loop=Way(simple_loop, 500),
        chain_loop=Way(chain_loop, 50),
        async_loop=Way(async_loop, 200),
        fan_out=Way(fan_out, 1_000),
        deep_chain=Way(chain, 1_000),
        one_task=Way(one_task, 100),
        durable_loop=Way(durable_loop, 400),
        flushed_loop=Way(flushed_loop, 100),
        memory=Way(simple_loop, 5_000),
    ),
    requirements=("langgraph==1.2.22", "langgraph-checkpoint-sqlite==3.1.2"),
    environment={"LANGSMITH_TRACING": "false", "LANGCHAIN_TRACING_V2": "false"},
)
