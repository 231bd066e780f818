"""DBOS: workflows of steps, with its system database in a SQLite file in WAL mode.

Every step of a workflow is committed before the next begins; there is no other kind. So all of its loops are durable
loops, and are to be compared with those. A workflow that was killed goes on by replaying its function, with the
recorded values of its steps. PostgreSQL, which its authors advise for production, would need a server.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

from observatory.comparing.peer import Peer, Way, Work, one_after_another, ways
from observatory.comparing.sqlite_files import commit_through_sqlalchemy
from observatory.comparing.workloads import CHAIN

NOTE: Final = "every step is committed to the file"
REPLAY_NOTE: Final = "goes on by replaying the function with the recorded values"


@contextmanager
def ended() -> Iterator[None]:
    """Ends DBOS, which the first work has launched."""
    from dbos import DBOS

    try:
        yield
    finally:
        DBOS.destroy()


@cache
def launch(synchronous: str) -> None:
    """DBOS on a file."""
    from dbos import DBOS

    commit_through_sqlalchemy("dbos.db", synchronous)
    DBOS(config={"name": "peer", "system_database_url": "sqlite:///dbos.db", "log_level": "CRITICAL"})
    workflows()
    DBOS.launch()


@cache
def workflows() -> dict[str, Any]:
    """All workflows, which have to be registered before the launch."""
    from dbos import DBOS

    @DBOS.step()
    def decrement(n: int) -> int:
        return n - 1

    @DBOS.step()
    def increment(n: int) -> int:
        return n + 1

    @DBOS.step()
    def noop(x: int) -> int:
        return x

    @DBOS.step()
    async def wait(x: int) -> int:
        await asyncio.sleep(0)
        return x

    @DBOS.step()
    async def async_noop(x: int) -> int:
        return x

    @DBOS.workflow()
    def simple(n: int) -> int:
        while n > 0:
            n = decrement(n)
        return n

    @DBOS.workflow()
    def chains(n: int) -> int:
        while n > 0:
            n = decrement(n)
            for _ in range(CHAIN):
                n = noop(n)
        return n

    @DBOS.workflow()
    async def waiting(n: int) -> int:
        while n > 0:
            n = min(await asyncio.gather(wait(n - 1), wait(n)))
        return n

    @DBOS.workflow()
    async def wide(size: int) -> int:
        return sum(await asyncio.gather(*[async_noop(k) for k in range(size)]))

    @DBOS.workflow()
    def deep(size: int) -> int:
        value = 0
        for _ in range(size):
            value = noop(value)
        return value

    @DBOS.workflow()
    def one(value: int) -> Any:
        return increment(value)

    return {workflow.__name__: workflow for workflow in (simple, chains, waiting, wide, deep, one)}


def running(name: str, size: int, synchronous: str = "NORMAL") -> Work:
    """The work of running a workflow."""
    launch(synchronous)
    workflow = workflows()[name]
    return lambda: workflow(size)


def simple_loop(size: int) -> Work:
    """A workflow with a loop of one step."""
    return running("simple", size)


def flushed_loop(size: int) -> Work:
    """The same, and each commit waits for the disk."""
    return running("simple", size, "FULL")


def chain_loop(size: int) -> Work:
    """A workflow with a loop of twelve steps."""
    return running("chains", size)


def async_loop(size: int) -> Work:
    """A workflow with a loop of two steps that are gathered."""
    return running("waiting", size)


def fan_out(size: int) -> Work:
    """A workflow that gathers so many steps."""
    return running("wide", size)


def chain(size: int) -> Work:
    """A workflow of so many steps."""
    return running("deep", size)


def one_task(size: int) -> Work:
    """A workflow of one step, again and again."""
    launch("NORMAL")
    workflow = workflows()["one"]
    return one_after_another(workflow, size)


PEER = Peer(
    title="DBOS",
    distribution="dbos",
    about="workflows of steps, SQLite in WAL mode",
    workloads=ways(
        simple_loop=Way(simple_loop, 50, NOTE),
        chain_loop=Way(chain_loop, 5, NOTE),
        async_loop=Way(async_loop, 20, NOTE),
        fan_out=Way(fan_out, 50, NOTE),
        deep_chain=Way(chain, 50, NOTE),
        one_task=Way(one_task, 20, NOTE),
        durable_loop=Way(simple_loop, 50, REPLAY_NOTE),
        flushed_loop=Way(flushed_loop, 50, REPLAY_NOTE),
        memory=Way(simple_loop, 1_000, NOTE),
    ),
    requirements=("dbos==3.4.0",),
    session=ended,
)
