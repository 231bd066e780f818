"""Dask: custom graphs for its synchronous scheduler, which is its fastest for tasks as short as these.

A custom graph is a dict of tasks; ``dask.delayed`` would make the same at many times the cost. Dask runs acyclic
graphs, so the loops are the caller's own: a graph made and computed for each step. Threads and processes would only
add to the time of a no-op.
"""

from __future__ import annotations

from typing import Any, Final

from observatory.comparing.peer import Cannot, Peer, Way, Work, down_to_zero, one_after_another, ways
from observatory.comparing.workloads import CHAIN

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

    return down_to_zero(lambda n: dask.get(row(length, decrement, n), ("task", length - 1)), size)


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

    return one_after_another(lambda x: dask.get(row(1, increment, x), ("task", 0)), size)


PEER = Peer(
    title="Dask",
    distribution="dask",
    about="custom graphs, dask.get (synchronous scheduler)",
    workloads=ways(
        simple_loop=Way(simple_loop, 2_000, LOOP_NOTE),
        chain_loop=Way(chain_loop, 200, LOOP_NOTE),
        async_loop=Cannot("its local schedulers call functions; coroutines are for its distributed workers"),
        fan_out=Way(fan_out, 1_000),
        deep_chain=Way(chain, 1_000),
        one_task=Way(one_task, 2_000),
        durable_loop=Cannot(NO_STATE),
        flushed_loop=Cannot(NO_STATE),
        memory=Way(simple_loop, 20_000, LOOP_NOTE),
    ),
    requirements=("dask==2026.8.0",),
)
