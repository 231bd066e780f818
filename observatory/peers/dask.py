"""Dask: custom graphs for its synchronous scheduler, which is its fastest for tasks as short as these.

A custom graph is a dict of tasks; ``dask.delayed`` would make the same at many times the cost. Dask runs acyclic
graphs, so the loops are the caller's own: a graph made and computed for each step. Threads and processes would only
add to the time of a no-op.
"""

from __future__ import annotations

from typing import Any, Final

from observatory.comparing.peer import Cannot, Peer, Way, Work
from observatory.comparing.workloads import (
    ASYNC_LOOP,
    CHAIN,
    CHAIN_LOOP,
    DEEP_CHAIN,
    DURABLE_LOOP,
    FAN_OUT,
    FLUSHED_LOOP,
    MEMORY,
    ONE_TASK,
    SIMPLE_LOOP,
)

LOOP_NOTE: Final = "the loop is the caller's: a graph for each step"
NO_STATE: Final = "runs acyclic graphs in one go and keeps no state of a loop"


def noop(x: int) -> int:
    """Do nothing."""
    return x


def decrement(x: int) -> int:
    """Count down."""
    return x - 1


def increment(x: int) -> int:
    """Count up."""
    return x + 1


def row(length: int, first: Any, start: int) -> dict[Any, Any]:
    """The graph of tasks in a row."""
    graph: dict[Any, Any] = {("task", 0): (first, start)}
    for k in range(1, length):
        graph["task", k] = (noop, ("task", k - 1))
    return graph


def looping(length: int, size: int) -> Work:
    """The loop around graphs."""
    import dask

    def work() -> int:
        n = size
        while n > 0:
            n = dask.get(row(length, decrement, n), ("task", length - 1))
        return n

    return work


def simple_loop(size: int) -> Work:
    """One task a step."""
    return looping(1, size)


def chain_loop(size: int) -> Work:
    """Twelve tasks a step."""
    return looping(1 + CHAIN, size)


def fan_out(size: int) -> Work:
    """A task that takes the values of all others."""
    import dask

    graph: dict[Any, Any] = {("task", k): (noop, k) for k in range(size)}
    graph["total"] = (sum, list(graph))
    return lambda: dask.get(graph, "total")


def chain(size: int) -> Work:
    """Tasks in a row."""
    import dask

    graph = row(size, noop, 0)
    return lambda: dask.get(graph, ("task", size - 1))


def one_task(size: int) -> Work:
    """A graph of one task, again and again."""
    import dask

    def work() -> int:
        value = 0
        for _ in range(size):
            value = dask.get(row(1, increment, value), ("task", 0))
        return value

    return work


PEER = Peer(
    title="Dask",
    distribution="dask",
    about="custom graphs, dask.get (synchronous scheduler)",
    workloads={
        SIMPLE_LOOP: Way(simple_loop, 2_000, LOOP_NOTE),
        CHAIN_LOOP: Way(chain_loop, 200, LOOP_NOTE),
        ASYNC_LOOP: Cannot("its local schedulers call functions; coroutines are for its distributed workers"),
        FAN_OUT: Way(fan_out, 1_000),
        DEEP_CHAIN: Way(chain, 1_000),
        ONE_TASK: Way(one_task, 2_000),
        DURABLE_LOOP: Cannot(NO_STATE),
        FLUSHED_LOOP: Cannot(NO_STATE),
        MEMORY: Way(simple_loop, 20_000, LOOP_NOTE),
    },
    requirements=("dask==2026.8.0",),
)
