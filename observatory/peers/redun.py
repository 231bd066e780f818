"""redun: tasks that return calls of tasks, as in Cascade, run by a scheduler with its default thread pool.

Caching and the recording of provenance are off, except in the durable loop: there the database is a file in WAL mode,
and a run that was killed goes on by looking up the recorded calls from the beginning.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from functools import cache
from typing import Any, Final

from observatory.comparing.peer import Peer, Way, Work, one_after_another, ways
from observatory.comparing.sqlite_files import commit_through_sqlalchemy
from observatory.comparing.workloads import CHAIN

REPLAY_NOTE: Final = "goes on by looking up every recorded call from the beginning"
UNRECORDED: Final = {"namespace": "peer", "cache": False, "prov": False}


@cache
def scheduler() -> Any:
    """A scheduler with its database in memory."""
    from redun import Scheduler

    logging.getLogger("redun").setLevel(logging.CRITICAL)
    made = Scheduler()
    made.load()
    return made


@cache
def noop() -> Any:
    """A task that does nothing."""
    from redun import task

    @task(**UNRECORDED)
    def noop(x: int) -> int:
        return x

    return noop


@cache
def decrement() -> Any:
    """A task that counts down."""
    from redun import task

    @task(**UNRECORDED)
    def decrement(x: int) -> int:
        return x - 1

    return decrement


def running(call: Any) -> Work:
    """The work of running a call."""
    return lambda: scheduler().run(call)


def simple_loop(size: int) -> Work:
    """A task that returns a call of itself."""
    from redun import task

    @task(**UNRECORDED)
    def countdown(n: int) -> Any:
        return 0 if n <= 0 else countdown(n - 1)

    return running(countdown(size))


def chain_loop(size: int) -> Work:
    """A task that returns a call of itself, whose argument goes through a chain of calls."""
    from redun import task

    @task(**UNRECORDED)
    def chain_countdown(n: int) -> Any:
        if n <= 0:
            return 0
        x = noop()(n - 1)
        for _ in range(CHAIN - 1):
            x = noop()(x)
        return chain_countdown(x)

    return running(chain_countdown(size))


def async_loop(size: int) -> Work:
    """A task that returns a call of itself, which takes the values of two coroutine tasks."""
    from redun import task

    @task(**UNRECORDED)
    async def wait(x: int) -> int:
        await asyncio.sleep(0)
        return x

    @task(**UNRECORDED)
    def both_countdown(n: int, _other: int = 0) -> Any:
        return 0 if n <= 0 else both_countdown(wait(n - 1), wait(n))

    return running(both_countdown(size))


def fan_out(size: int) -> Work:
    """A call that takes a list of calls."""
    from redun import task

    @task(**UNRECORDED)
    def total(values: list[int]) -> int:
        return sum(values)

    return running(total([noop()(k) for k in range(size)]))


def chain(size: int) -> Work:
    """Calls, each of which takes the one before."""
    call = noop()(0)
    for _ in range(size - 1):
        call = noop()(call)
    return running(call)


def one_task(size: int) -> Work:
    """Runs one after the other."""
    from redun import task

    @task(**UNRECORDED)
    def increment(x: int) -> int:
        return x + 1

    return one_after_another(lambda x: scheduler().run(increment(x)), size)


def durable_loop(size: int, synchronous: str = "NORMAL") -> Work:
    """The loop of one task with caching and provenance on, and the database in a file."""
    from redun import Scheduler, task
    from redun.config import Config

    logging.getLogger("redun").setLevel(logging.CRITICAL)
    commit_through_sqlalchemy("redun.db", synchronous)
    made = Scheduler(config=Config({"backend": {"db_uri": "sqlite:///redun.db"}}))
    made.load()

    @task(namespace="peer")
    def durable_countdown(n: int, run: str) -> Any:
        return 0 if n <= 0 else durable_countdown(n - 1, run)

    # A run of its own each time: what was recorded of another would be looked up instead of done.
    return lambda: made.run(durable_countdown(size, uuid.uuid4().hex))


def flushed_loop(size: int) -> Work:
    """The same, and each commit waits for the disk."""
    return durable_loop(size, "FULL")


PEER = Peer(
    title="redun",
    distribution="redun",
    about="one Scheduler, cache=False, prov=False; in the durable loop both on, SQLite in WAL mode",
    workloads=ways(
        simple_loop=Way(simple_loop, 200),
        chain_loop=Way(chain_loop, 20),
        async_loop=Way(async_loop, 50),
        fan_out=Way(fan_out, 500),
        deep_chain=Way(chain, 100, "100 in a row: it recurses, and 200 are a RecursionError"),
        one_task=Way(one_task, 20),
        durable_loop=Way(durable_loop, 20, REPLAY_NOTE),
        flushed_loop=Way(flushed_loop, 20, REPLAY_NOTE),
        memory=Way(simple_loop, 2_000),
    ),
    requirements=("redun==0.44.1",),
)
