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

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

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


__all__ = ["Cannot", "CannotError", "Peer", "Way", "Work"]
