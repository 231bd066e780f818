"""`Peer`: an engine that can be compared, and how it does each workload.

A peer is a module of ``observatory.peers`` with a constant ``PEER``. The module is imported twice: here, to know what
there is to install and to measure, and in the environment of the engine, to do the work. So it imports its engine
inside functions only, and otherwise nothing but the standard library and this module. That environment holds nothing
of ours, not even Cascade, and ours nothing of theirs.

For each workload a peer says how it does it, or why it cannot. The way is a function that prepares the work for a
size and returns it: what an engine allows to be made once and used for many runs (a compiled graph, a driver, a
server) is prepared, and what a user would pay for in every run is part of the work. If the work is a coroutine
function it is awaited, always in the same event loop.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from observatory.comparing.workloads import (
    ASYNC_LOOP,
    CHAIN_LOOP,
    DEEP_CHAIN,
    DURABLE_LOOP,
    FAN_OUT,
    FLUSHED_LOOP,
    MEMORY,
    ONE_TASK,
    SIMPLE_LOOP,
)

Work: TypeAlias = Callable[[], Any]
"""Does everything once and gives the answer, or an awaitable of it."""


class Way(NamedTuple):
    """How a peer does a workload.

    Attributes:
        prepare: Makes the work of so many steps.
        size: How many steps one sample has: as many as take a fraction of a second.
        note: What a reader should know who compares it with others.
    """

    prepare: Callable[[int], Work]
    size: int
    note: str = ""


class Cannot(NamedTuple):
    """A peer cannot do a workload.

    Attributes:
        why: In a line, for the report.
    """

    why: str


class CannotError(Exception):
    """A way turned out to be closed in the environment at hand; the message says why."""


@dataclass(frozen=True)
class Peer:
    """An engine that can be compared.

    Attributes:
        title: Its name as its authors write it.
        distribution: The distribution whose version is reported.
        about: Which of its interfaces is used, with which settings, in a line or two.
        workloads: For the name of each workload the way to do it, or why there is none.
        requirements: What to install, pinned. Without any it runs in our own environment.
        environment: Environment variables for its processes: telemetry off, logging off.
        session: Held open while work is prepared and done: a server, a cluster.
    """

    title: str
    distribution: str
    about: str
    workloads: Mapping[str, Way | Cannot] = field(repr=False)
    requirements: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    session: Callable[[], AbstractContextManager[Any]] = nullcontext


def ways(
    *,
    simple_loop: Way | Cannot,
    chain_loop: Way | Cannot,
    async_loop: Way | Cannot,
    fan_out: Way | Cannot,
    deep_chain: Way | Cannot,
    one_task: Way | Cannot,
    durable_loop: Way | Cannot,
    flushed_loop: Way | Cannot,
    memory: Way | Cannot,
) -> dict[str, Way | Cannot]:
    """The ways of a peer by the names of the workloads, none of which can be forgotten."""
    return {
        SIMPLE_LOOP: simple_loop,
        CHAIN_LOOP: chain_loop,
        ASYNC_LOOP: async_loop,
        FAN_OUT: fan_out,
        DEEP_CHAIN: deep_chain,
        ONE_TASK: one_task,
        DURABLE_LOOP: durable_loop,
        FLUSHED_LOOP: flushed_loop,
        MEMORY: memory,
    }


def down_to_zero(step: Callable[[int], Any], size: int) -> Work:
    """The loop of an engine that has none: the caller's own, around one step after the other."""

    def work() -> int:
        n = size
        while n > 0:
            n = step(n)
        return n

    return work


def one_after_another(run: Callable[[Any], Any], size: int) -> Work:
    """So many runs, each of which takes the value of the one before and adds 1."""

    def work() -> Any:
        value = 0
        for _ in range(size):
            value = run(value)
        return value

    return work


def awaited_one_after_another(run: Callable[[Any], Awaitable[Any]], size: int) -> Work:
    """The same, awaited."""

    async def work() -> Any:
        value = 0
        for _ in range(size):
            value = await run(value)
        return value

    return work


__all__ = [
    "Cannot",
    "CannotError",
    "Peer",
    "Way",
    "Work",
    "awaited_one_after_another",
    "down_to_zero",
    "one_after_another",
    "ways",
]
