"""What a state store keeps of a run, as plain records of opaque bytes.

The consistent cut of a run is its tail-call boundary. What is kept of a run is the *call* that its current step makes,
and *entries* for what has ended inside this step. A change that brings the next call forgets all entries, so what is
stored stays as small as one step, however long the loop.

Stores never look into the bytes: the engine writes and reads them. So a store needs no serializer and knows no task.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from cascade.spec.identifiers import RunId

StoredStatus = Literal["Running", "Succeeded", "Failed", "Cancelled"]
"""``"Running"`` without a holder, or with one that is gone, is a run that was interrupted."""


class Holder(NamedTuple):
    """Who holds a run: the only process that may continue it.

    Attributes:
        token: Unique for each time that a run is opened.
        host: The machine, for people.
        pid: The process, for people.
        process: Tells this very process from all others, later ones of the same number included.
        since: When the run was opened, in seconds since the Unix epoch.
    """

    token: str
    host: str
    pid: int
    process: str
    since: float


IsAlive = Callable[[Holder], bool | None]
"""Whether the process of a holder is alive; ``None`` if that cannot be told from here (it is on another machine)."""


def is_held(holder: Holder | None, held_until: float, now: float, is_alive: IsAlive) -> bool:
    """Whether a run may not be opened by anybody else: the rule of all stores.

    Args:
        holder: Who has the run, if anybody.
        held_until: When the holder's lease expires, in seconds since the Unix epoch.
        now: The time now, likewise.
        is_alive: Knows about processes.
    """
    if holder is None:
        return False
    alive = is_alive(holder)
    return now < held_until if alive is None else alive


class EntryKey(NamedTuple):
    """The name of an entry inside the current step of a run.

    Attributes:
        scope: ``""`` for the nodes of the step itself; for nodes of a loop inside it, the path to that loop.
        name: The node, or the item of a map.
    """

    scope: str
    name: str


class StoredCall(NamedTuple):
    """A step and the call that it makes.

    Attributes:
        step: The number of the step, from 1.
        data: The call.
    """

    step: int
    data: bytes


class Ending(NamedTuple):
    """How a run has ended.

    Attributes:
        status: ``"Succeeded"`` is for good. ``"Failed"`` and ``"Cancelled"`` keep the call and the entries, so that the
            run can be continued.
        data: The value, or what is to be said of the failure.
    """

    status: Literal["Succeeded", "Failed", "Cancelled"]
    data: bytes


class StateChange(NamedTuple):
    """One atomic change of a run. What it holds is applied in the order of the attributes; nothing is the default.

    Attributes:
        about: What is kept as long as the run, in place of what was kept before.
        call: A step begins: all entries are forgotten, and this call is kept in place of the one before.
        cleared: All entries of these scopes are forgotten.
        entries: Entries to be kept, in place of those of the same key.
        ending: The run has ended. ``"Succeeded"`` forgets the call and all entries.
    """

    about: bytes | None = None
    call: StoredCall | None = None
    cleared: frozenset[str] = frozenset()
    entries: Mapping[EntryKey, bytes] = {}
    ending: Ending | None = None


class RunRecord(NamedTuple):
    """What a store says of one run.

    Attributes:
        run_id: The run.
        status: How it stands.
        step: The number of its current step; 0 before the first.
        created_at: When it was first opened, in seconds since the Unix epoch.
        updated_at: When it was last changed.
        holder: Who holds it, or ``None``.
        held_until: When the holder's lease expires unless it is renewed, in seconds since the Unix epoch.
        is_cancel_requested: Whether its holder is to stop it.
    """

    run_id: RunId
    status: StoredStatus
    step: int
    created_at: float
    updated_at: float
    holder: Holder | None
    held_until: float
    is_cancel_requested: bool


class StoredRun(NamedTuple):
    """Everything that is kept of a run.

    Attributes:
        record: What a listing says of it.
        about: See `StateChange`.
        call: The current step; ``None`` before the first, and after success.
        entries: What has ended inside the step.
        ending: How it has ended; ``None`` while it has not.
    """

    record: RunRecord
    about: bytes | None
    call: StoredCall | None
    entries: Mapping[EntryKey, bytes]
    ending: Ending | None


__all__ = [
    "Ending",
    "EntryKey",
    "Holder",
    "IsAlive",
    "RunRecord",
    "StateChange",
    "StoredCall",
    "StoredRun",
    "StoredStatus",
    "is_held",
]
