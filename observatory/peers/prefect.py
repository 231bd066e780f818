"""Prefect: tasks called from a flow, with its ephemeral server, which is a process of its own on a SQLite file.

Loops and chains call tasks directly, the fan-out submits them to the flow's thread pool. A run of one task is a call of
a task without a flow, which is its shortest. Logging, analytics and caches are off, and results are not persisted, as
by default. FastAPI is held back to the oldest that it accepts: with newer ones its server does not start. Prefect 3.9
is not taken because it requires a release of certifi that could not be had when this was pinned.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from observatory.comparing.peer import Cannot, Peer, Way, Work, one_after_another, ways
from observatory.comparing.workloads import CHAIN

NOTE: Final = "each task reports to its server"
NO_STATE: Final = "records what ran, but a flow that was killed begins anew"


@contextmanager
def server() -> Iterator[None]:
    """The ephemeral server, with its files in the current folder."""
    os.environ["PREFECT_HOME"] = str(Path.cwd())  # read when Prefect is imported, and by the server
    yield
    logging.disable()  # what it says of its own end


def plain_task(function: Any) -> Any:
    """A task without a cache key, which would be computed for each call."""
    from prefect import task
    from prefect.cache_policies import NO_CACHE

    return task(cache_policy=NO_CACHE)(function)


def simple_loop(size: int) -> Work:
    """A flow with a loop of one task."""
    from prefect import flow

    @plain_task
    def decrement(n: int) -> int:
        return n - 1

    @flow
    def simple(n: int) -> int:
        while n > 0:
            n = decrement(n)
        return n

    return lambda: simple(size)


def chain_loop(size: int) -> Work:
    """A flow with a loop of twelve tasks."""
    from prefect import flow

    @plain_task
    def decrement(n: int) -> int:
        return n - 1

    @plain_task
    def noop(x: int) -> int:
        return x

    @flow
    def chains(n: int) -> int:
        while n > 0:
            n = decrement(n)
            for _ in range(CHAIN):
                n = noop(n)
        return n

    return lambda: chains(size)


def async_loop(size: int) -> Work:
    """A flow with a loop of two tasks that are gathered."""
    from prefect import flow

    @plain_task
    async def wait(x: int) -> int:
        await asyncio.sleep(0)
        return x

    @flow
    async def waiting(n: int) -> int:
        while n > 0:
            n = min(await asyncio.gather(wait(n - 1), wait(n)))
        return n

    return lambda: waiting(size)


def fan_out(size: int) -> Work:
    """A flow that submits so many tasks and one that takes them all."""
    from prefect import flow

    @plain_task
    def noop(x: int) -> int:
        return x

    @plain_task
    def total(values: list[int]) -> int:
        return sum(values)

    @flow
    def wide(size: int) -> Any:
        return total([noop.submit(k) for k in range(size)])

    return lambda: wide(size)


def chain(size: int) -> Work:
    """A flow of so many tasks."""
    from prefect import flow

    @plain_task
    def noop(x: int) -> int:
        return x

    @flow
    def deep(size: int) -> int:
        value = 0
        for _ in range(size):
            value = noop(value)
        return value

    return lambda: deep(size)


def one_task(size: int) -> Work:
    """A task without a flow, again and again."""

    @plain_task
    def increment(x: int) -> int:
        return x + 1

    return one_after_another(increment, size)


PEER = Peer(
    title="Prefect",
    distribution="prefect",
    about="ephemeral server, logging off; tasks called directly, submitted for the fan-out",
    workloads=ways(
        simple_loop=Way(simple_loop, 10, NOTE),
        chain_loop=Way(chain_loop, 2, NOTE),
        async_loop=Way(async_loop, 10, NOTE),
        fan_out=Way(fan_out, 20, NOTE),
        deep_chain=Way(chain, 10, NOTE),
        one_task=Way(one_task, 5, NOTE),
        durable_loop=Cannot(NO_STATE),
        flushed_loop=Cannot(NO_STATE),
        memory=Way(simple_loop, 60, NOTE),
    ),
    requirements=("prefect==3.8.8", "fastapi==0.139.0"),
    environment={
        "DO_NOT_TRACK": "1",
        "PREFECT_CLI_PROMPT": "false",
        "PREFECT_LOGGING_LEVEL": "CRITICAL",
        "PREFECT_LOGGING_TO_API_ENABLED": "false",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "60",
    },
    session=server,
)
