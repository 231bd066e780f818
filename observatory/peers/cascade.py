"""Cascade, in our own environment, measured in the same way as the others.

Creating the lazy results is part of every run, since that is how a graph is made. Tasks are inline where they do not
await, so that no figure depends on when ``auto`` finds them short; one engine serves all runs.
"""

from __future__ import annotations

from observatory.comparing.peer import Cannot, Peer, Way, Work
from observatory.comparing.workloads import (
    ASYNC_LOOP,
    CHAIN,
    CHAIN_LOOP,
    DEEP_CHAIN,
    DURABLE_LOOP,
    FAN_OUT,
    MEMORY,
    ONE_TASK,
    SIMPLE_LOOP,
)


def simple_loop(size: int) -> Work:
    """A task that returns a call of itself."""
    from cascade import workflow as cs

    @cs.task(mode="inline")
    def countdown(n: int) -> int:
        return 0 if n <= 0 else countdown(n - 1)

    engine = cs.Engine()
    return lambda: cs.run(countdown(size), engine=engine)


def chain_loop(size: int) -> Work:
    """A task that returns a call of itself, whose argument goes through a chain of calls."""
    from cascade import workflow as cs

    @cs.task(mode="inline")
    def noop(x: int) -> int:
        return x

    @cs.task(mode="inline")
    def countdown(n: int) -> int:
        if n <= 0:
            return 0
        x = noop(n - 1)
        for _ in range(CHAIN - 1):
            x = noop(x)
        return countdown(x)

    engine = cs.Engine()
    return lambda: cs.run(countdown(size), engine=engine)


def async_loop(size: int) -> Work:
    """A task that returns a call of itself, which takes the values of two others."""
    import asyncio

    from cascade import workflow as cs

    @cs.task
    async def wait(x: int) -> int:
        await asyncio.sleep(0)
        return x

    @cs.task(mode="inline")
    def countdown(n: int, _other: int = 0) -> int:
        return 0 if n <= 0 else countdown(wait(n - 1), wait(n))

    engine = cs.Engine()
    return lambda: cs.run(countdown(size), engine=engine)


def fan_out(size: int) -> Work:
    """A call that takes a list of calls."""
    from cascade import workflow as cs

    @cs.task(mode="inline")
    def noop(x: int) -> int:
        return x

    @cs.task(mode="inline")
    def total(values: list[int]) -> int:
        return sum(values)

    engine = cs.Engine()
    return lambda: cs.run(total([noop(number) for number in range(size)]), engine=engine)


def chain(size: int) -> Work:
    """Calls, each of which takes the one before."""
    from cascade import workflow as cs

    @cs.task(mode="inline")
    def noop(x: int) -> int:
        return x

    engine = cs.Engine()

    def work() -> int:
        call = noop(0)
        for _ in range(size - 1):
            call = noop(call)
        return cs.run(call, engine=engine)

    return work


def one_task(size: int) -> Work:
    """Runs one after the other."""
    from cascade import workflow as cs

    @cs.task(mode="inline")
    def increment(x: int) -> int:
        return x + 1

    engine = cs.Engine()

    def work() -> int:
        value = 0
        for _ in range(size):
            value = cs.run(increment(value), engine=engine)
        return value

    return work


PEER = Peer(
    title="Cascade",
    distribution="cascade-workflow",
    about="cs.run with one engine; inline tasks",
    workloads={
        SIMPLE_LOOP: Way(simple_loop, 100_000),
        CHAIN_LOOP: Way(chain_loop, 10_000),
        ASYNC_LOOP: Way(async_loop, 1_000),
        FAN_OUT: Way(fan_out, 1_000),
        DEEP_CHAIN: Way(chain, 1_000),
        ONE_TASK: Way(one_task, 500),
        DURABLE_LOOP: Cannot("durable runs are not part of this version"),
        MEMORY: Way(simple_loop, 2_000_000),
    },
)
