"""What can be done with kept runs from outside: look at them, cancel and delete them."""

from __future__ import annotations

import json
import time
from typing import Any, Final, NamedTuple

from cascade.runtime.durability.entries import CALL, VALUE
from cascade.runtime.durability.leases import is_alive, new_holder, release
from cascade.runtime.durability.session import LEASE_S
from cascade.spec.errors import RunHeldError, RunNotFoundError
from cascade.spec.identifiers import RunId
from cascade.spec.protocols import StateStore
from cascade.spec.state import Ending, RunRecord, StateChange, StoredRun, is_held

_SHOWN: Final = 400
"""Characters shown of a call or a value."""


class RunView(NamedTuple):
    """What people are told of a run.

    Attributes:
        run_id: The run.
        status: ``Running``, ``Interrupted`` (its process is gone, or was stopped), ``Succeeded``, ``Failed`` or
            ``Cancelled``.
        step: The number of its current step, or of its last.
        created_at: When it began, in seconds since the Unix epoch.
        updated_at: When it was last changed.
        held_by: Who runs it, or ``None``.
        call: The call that its current step makes, as it is stored; only of a single run, like what follows.
        ended: What has ended inside the step.
        error: What it failed with.
        value: What it has ended with, as it is stored.
    """

    run_id: str
    status: str
    step: int
    created_at: float
    updated_at: float
    held_by: str | None
    call: str = ""
    ended: tuple[str, ...] = ()
    error: str = ""
    value: str = ""


async def views(store: StateStore) -> list[RunView]:
    """All runs, the one that was changed last coming first."""
    return [_view(record) for record in await store.runs()]


async def view_run(store: StateStore, run_id: str) -> RunView:
    """One run in full.

    Raises:
        RunNotFoundError: There is no such run.
    """
    stored = await _found(store, run_id)
    ended = sorted(f"{key.scope}{key.name}" for key, data in stored.entries.items() if data[:1] == VALUE)
    inner = sorted(f"{key.scope}{key.name} (in a loop)" for key, data in stored.entries.items() if data[:1] == CALL)
    ending = "" if stored.ending is None else stored.ending.data.decode("utf-8", "replace")
    has_failed = stored.record.status == "Failed"
    return _view(stored.record)._replace(
        call="" if stored.call is None else _shorten(_described(stored.call.data)),
        ended=(*ended, *inner),
        error=ending if has_failed else "",
        value="" if has_failed else _shorten(_content(ending)),
    )


async def cancel_run(store: StateStore, run_id: str) -> bool:
    """Stop a run, wherever it runs. It can be continued.

    Returns:
        Whether somebody holds it, who will see the request in a moment.

    Raises:
        RunNotFoundError: There is no such run, or it has ended.
    """
    stored = await _found(store, run_id)
    if stored.ending is not None:
        raise RunNotFoundError(f"run {run_id!r} has ended already: it is {stored.record.status}")
    holder = new_holder(time.time())
    try:
        backend = await store.open(RunId(run_id), holder, LEASE_S, is_alive)
        try:
            await backend.commit(StateChange(ending=Ending("Cancelled", b"")))
        finally:
            await backend.close()
    except RunHeldError:
        return await store.request_cancel(RunId(run_id))
    finally:
        release(holder)
    return False


async def prune_runs(store: StateStore, older_than_s: float = 0.0, *, resumable: bool = False) -> int:
    """Delete runs that nobody holds.

    Args:
        store: Where they are.
        older_than_s: Only those that were not changed for so many seconds.
        resumable: Also those that have not succeeded, and could be continued.

    Returns:
        How many were deleted.
    """
    count = 0
    before = time.time() - older_than_s
    for record in await store.runs():
        if record.updated_at <= before and (resumable or record.status == "Succeeded"):
            try:
                count += await store.delete(record.run_id, is_alive)
            except RunHeldError:
                continue
    return count


async def _found(store: StateStore, run_id: str) -> StoredRun:
    stored = await store.find(RunId(run_id))
    if stored is None:
        raise RunNotFoundError(f"there is no run {run_id!r}; cascade runs ls lists those that there are")
    return stored


def _view(record: RunRecord) -> RunView:
    holder, status = record.holder, str(record.status)
    held_by = None
    if holder is not None and is_held(holder, record.held_until, time.time(), is_alive):
        held_by = f"process {holder.pid} on {holder.host}"
    elif status == "Running":
        status = "Interrupted"
    return RunView(record.run_id, status, record.step, record.created_at, record.updated_at, held_by)


def _described(data: bytes) -> str:
    """A call in short: its task and its arguments, as they are stored."""
    try:
        document: Any = json.loads(data)
        part = document["parts"][document["call"]["v"]]
        name, version = document["tasks"][part["task"]]
        args = [_text(value, document) for value in part["args"]]
        args += [f"{key}={_text(value, document)}" for key, value in part.get("kwargs", {}).items()]
        return f"{name}{f' (version {version})' if version else ''}({', '.join(args)})"
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return data.decode("utf-8", "replace")


def _text(node: Any, document: Any) -> str:
    """A stored value in short; a call is shown by its name."""
    if isinstance(node, list):
        return f"[{', '.join(_text(item, document) for item in node)}]"
    if not isinstance(node, dict):
        return json.dumps(node, ensure_ascii=False)
    if node.get("$") == "ref":
        part = document["parts"][node["v"]]
        if isinstance(part, dict) and "task" in part:
            return f"{document['tasks'][part['task']][0].partition(':')[2]}(…)"
        return _text(part, document)
    if "$" in node:
        return f"{node.get('type', node['$'])}(…)"
    return f"{{{', '.join(f'{json.dumps(key)}: {_text(value, document)}' for key, value in node.items())}}}"


def _content(ending: str) -> str:
    """A value without what is around it."""
    try:
        return json.dumps(json.loads(ending[1:])["value"], ensure_ascii=False)
    except (ValueError, LookupError, TypeError):
        return ending[1:]


def _shorten(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


__all__ = ["RunView", "cancel_run", "prune_runs", "view_run", "views"]
