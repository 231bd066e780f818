"""Cascade, in our own environment, measured in the same way as the others.

Creating the lazy results is part of every run, since that is how a graph is made. Tasks are inline where they do not
await, so that no figure depends on when ``auto`` finds them short; one engine serves all runs. Its tasks stand at the
top of the module, because a durable run finds them by their names.
"""

from __future__ import annotations

import asyncio
from typing import Any

from cascade import workflow as cs
from observatory.comparing.peer import Peer, Way, Work, awaited_one_after_another, ways
from observatory.comparing.workloads import CHAIN

inline = cs.task(mode="inline")


@inline
def countdown(n: int) -> int:
    """One task a step."""
    return 0 if n <= 0 else countdown(n - 1)


@inline
def noop(x: int) -> int:
    """Do nothing."""
    return x


@inline
def chain_countdown(n: int) -> int:
    """A chain of nested no-ops in each step."""
    if n <= 0:
        return 0
    x = noop(n - 1)
    for _ in range(CHAIN - 1):
        x = noop(x)
    return chain_countdown(x)


@cs.task
async def wait(x: int) -> int:
    """Suspend once."""
    await asyncio.sleep(0)
    return x


@inline
def async_countdown(n: int, _other: int = 0) -> int:
    """Two coroutines at once in each step."""
    return 0 if n <= 0 else async_countdown(wait(n - 1), wait(n))


@inline
def total(values: list[int]) -> int:
    """Sum."""
    return sum(values)


@inline
def increment(x: int) -> int:
    """Count up."""
    return x + 1


def simple_loop(size: int) -> Work:
    """A task that returns a call of itself."""
    engine = cs.Engine(jit=True)
    return lambda: cs.run(countdown(size), engine=engine)


def chain_loop(size: int) -> Work:
    """A task that returns a call of itself, whose argument goes through a chain of calls."""
    engine = cs.Engine(jit=True)
    return lambda: cs.run(chain_countdown(size), engine=engine)


def async_loop(size: int) -> Work:
    """A task that returns a call of itself, which takes the values of two others."""
    engine = cs.Engine(jit=True)
    return lambda: cs.run(async_countdown(size), engine=engine)


def fan_out(size: int) -> Work:
    """A call that takes a list of calls."""
    engine = cs.Engine(jit=True)
    return lambda: cs.run(total([noop(number) for number in range(size)]), engine=engine)


def chain(size: int) -> Work:
    """Calls, each of which takes the one before."""
    engine = cs.Engine(jit=True)

    def work() -> int:
        call = noop(0)
        for _ in range(size - 1):
            call = noop(call)
        return cs.run(call, engine=engine)

    return work


def one_task(size: int) -> Work:
    """Runs one after the other in one event loop, which ``cs.run`` would start anew for each."""
    engine = cs.Engine(jit=True)
    return awaited_one_after_another(lambda x: engine.run(increment(x)), size)


def durable_loop(size: int, synchronous: str = "normal") -> Work:
    """The loop of one task, with a checkpoint of each step in a file."""
    engine = cs.Engine(jit=True)
    options: dict[str, Any] = {"state": f"sqlite:///cascade.db?synchronous={synchronous}", "durability": "step"}

    async def work() -> int:
        return await engine.run(countdown(size), **options)

    return work


def flushed_loop(size: int) -> Work:
    """The same, and each commit waits for the disk."""
    return durable_loop(size, "full")


PEER = Peer(
    title="Cascade",
    distribution="cascade-workflow",
    about='one engine; inline tasks; SQLite with durability="step"',
    workloads=ways(
        simple_loop=Way(simple_loop, 100_000),
        chain_loop=Way(chain_loop, 10_000),
        async_loop=Way(async_loop, 1_000),
        fan_out=Way(fan_out, 1_000),
        deep_chain=Way(chain, 1_000),
        one_task=Way(one_task, 2_000),
        durable_loop=Way(durable_loop, 2_000),
        flushed_loop=Way(flushed_loop, 200),
        memory=Way(simple_loop, 2_000_000),
    ),
)
