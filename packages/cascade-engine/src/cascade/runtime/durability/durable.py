"""`DurableJournal`: collects what the interpreter says into changes of the store, and has them written in time.

What is said is one of two things. The *call* of a step: at level ``step`` it is written before the step begins, at
level ``interval`` it is written now and then. *Entries* inside the step, which are values of nodes and the latest calls
of loops that nodes run: they are written a few milliseconds later, and those of a step that has ended by then never
are. So a short step costs one change, and a slow node is safe soon after it has ended.

To go on from a change is to go on from a state in which the run really was. Values are shared, and may be changed by
the next task that gets them, so what can be changed is turned into bytes before anybody can: a value when its node
ends, a call when its step begins. Calls that are not written at once (level ``interval``, inner loops) are turned into
bytes when the event loop has its turn. Until then only whole calls were made, in this thread; each of them either is in
the change with its value, or will be made again with what it would have got.

At most one change is under way; what is said in the meantime is merged into the next.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

from cascade.adapters.serializers.data import DataSerializer
from cascade.runtime.durability.calls import CallCodec
from cascade.runtime.durability.entries import (
    CALL,
    SKIP,
    call_entry,
    read_entry,
    skip_entry,
    template_entry,
    value_entry,
)
from cascade.runtime.durability.levels import Durability
from cascade.runtime.durability.names import Names
from cascade.runtime.durability.scopes import Scopes, key_of, map_scope
from cascade.runtime.flow import Skip
from cascade.runtime.strategies.frame import Frame, path_below
from cascade.runtime.strategies.journal import UNKNOWN, Journal, KnownCall
from cascade.runtime.strategies.mapping import MapRun
from cascade.spec.common import LiteralValue
from cascade.spec.errors import UnstorableValueError
from cascade.spec.events import ResultNotStored
from cascade.spec.policies import Failure
from cascade.spec.protocols import Clock, PromptStateBackend, StateBackend
from cascade.spec.state import Ending, EntryKey, StateChange, StoredCall

_DELAY_S: Final = 0.005
"""What is not awaited is written so many seconds later, together with what comes until then."""

_UNCHANGEABLE: Final = frozenset({int, float, str, bool, bytes, complex, type(None)})


class _Leaf:
    """A value that nobody can change, which is turned into bytes when it is written."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


class DurableJournal(Journal):
    """Keeps one run in a store.

    Args:
        backend: The run in the store.
        codec: Writes and reads calls.
        serializer: Writes and reads values.
        names: Knows the classes that values are made of.
        level: When changes are to be written.
        clock: Measures the interval.
        publish: Publishes an event of the run.
        known: The entries of the step that the run goes on with.

    Attributes:
        is_stored: Whether anything was stored.
    """

    is_kept = True

    def __init__(
        self,
        backend: StateBackend,
        codec: CallCodec,
        serializer: DataSerializer,
        names: Names,
        level: Durability,
        clock: Clock,
        publish: Callable[..., None],
        known: Mapping[EntryKey, bytes],
    ) -> None:
        self._backend = backend
        self._try_commit = backend.try_commit if isinstance(backend, PromptStateBackend) else None
        self._codec = codec
        self._serializer = serializer
        self._names = names
        self.every_step = level.every_step
        # What can be lost: one pause between what is in the store and what is on the way there, two pauses in which the
        # run does not wait for the store yet, and two turns of the event loop (10 ms).
        self._pause_s = level.interval_s / 5
        self._now = clock.monotonic
        self._publish = publish
        self.is_stored = False
        self._unstorable: set[str] = set()
        """Tasks of which it was said that their values are not kept."""
        # The current step.
        self._step = 0
        self._call: Any = None
        self._is_said = False
        """Whether the call of the step is in the store, or in a change: only then entries can be."""
        self._said_at = float("-inf")
        self._is_touched = bool(known)
        self._known = {key: data for key, data in known.items() if key.name}
        self._templates = {key.scope: data for key, data in known.items() if not key.name}
        self.knows = bool(self._known)
        self._scopes = Scopes()
        self._stored_scopes = {key.scope for key in known}
        self._kept: dict[str, set[str]] = {}
        """By scope, the names of the entries that hold a value."""
        self._unsaid: list[tuple[Frame | MapRun, int, Any]] = []
        """Values of a step whose call is not said yet."""
        self._inner: dict[str, dict[str, tuple[Frame | MapRun, int, int, Any]]] = {}
        """By scope and name, the owners, steps and calls of loops inside the step, until they are bytes."""
        # The next change.
        self._about: bytes | None = None
        self._next_call: StoredCall | None = None
        self._cleared: set[str] = set()
        self._entries: dict[str, dict[str, bytes | _Leaf]] = {}
        self._dirty_since: float | None = None
        self._writing_since: float | None = None
        self._is_stopped = False
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None
        self._error: BaseException | None = None

    # --- What the run says ------------------------------------------------------------------------------------------

    def tell_about(self, about: bytes) -> None:
        """Keep something as long as the run; it is written with the next change."""
        self._about = about

    def resume_at(self, step: int) -> None:
        """The run goes on at a step that is in the store, with all that is known of it."""
        self._step, self._is_said, self._said_at = step, True, self._now()

    def begin_step(self, step: int, call: Any) -> bool:
        """Say the call of a step: at once, or when it is time."""
        if step == self._step and self._is_said:
            return not self.every_step or (self._writing is None and self._next_call is None)
        self._check()
        if self._is_touched:
            self._forget_step()
        self._step, self._call, self._is_said = step, call, False
        if not self.every_step:
            now = self._now()
            if now - self._said_at >= self._pause_s:
                self._say(now)
            since = self._dirty_since if self._writing_since is None else self._writing_since
            return since is None or now - since < 2 * self._pause_s
        stored = StoredCall(step, self._encode(call))
        self._is_said = True
        self._cleared.clear()
        if self._writing is None:
            if self._timer is not None:
                self._stop_timer()
            if self._try_commit is not None and self._try_commit(StateChange(self._about, stored)):
                self._about = self._next_call = self._dirty_since = None
                self.is_stored = True
                return True
        self._next_call = stored
        self._be_dirty()
        return False

    def fail_step(self, step: int, call: Any) -> None:
        """Remember the call of a step; it is only said at the `end`, and if nothing in it can have been changed."""
        if step != self._step or not self._is_said:
            self._forget_step()
            self._step, self._call, self._is_said = step, call, False

    def begin_inner(self, parent: Frame | MapRun, slot: int, step: int, call: Any) -> None:
        """Note the call of a step of an inner loop, and forget what was kept of the step before."""
        owner = self._enter_scope(parent, slot, path_below(parent, slot, step))
        self._inner.setdefault(owner.scope, {})[owner.name] = parent, slot, step, call

    def put(self, frame: Frame, index: int, value: Any) -> None:
        """Keep the value of a node.

        Not that of a root, which is at once the value of whatever waits for the frame. Not that of an expression, which
        is made again from its operands, unless it had a loop of its own.
        """
        if index == frame.root or (frame.nodes[index].task is None and not self._scopes.is_loop(key_of(frame, index))):
            return
        if frame.parent is not None:
            self._enter_scope(frame.parent, frame.slot, frame.path)
        self._put(frame, index, value)

    def put_item(self, items: MapRun, item: int, value: Any) -> None:
        """Keep the value of an item."""
        if items.options.keeps_results and type(value) is not Failure:
            self._put(items, item, value)

    def settle(self, under_way: int) -> None:
        """Turn what may be changed from now on into bytes, and see to it that it is written soon."""
        self._check()
        if not self._is_said:
            now = self._now()
            if not under_way and now - self._said_at < self._pause_s:
                return
            self._say(now)
        if self._inner:
            self._keep_inner()
        if self._entries or self._cleared:
            self._be_dirty(_DELAY_S)

    async def written(self) -> None:
        """Wait until everything that was said is in the store."""
        while self._writing is not None or (self._dirty_since is not None and self._error is None):
            self._write()
            if self._writing is not None:
                await asyncio.shield(self._writing)
        self._check()

    async def stop(self) -> None:
        """Begin to write nothing more, and wait for what is under way."""
        self._is_stopped = True
        self._stop_timer()
        if self._writing is not None:
            await asyncio.shield(self._writing)

    async def end(self, ending: Ending | None) -> None:
        """Write what is left to be said, and how the run has ended.

        Calls and values that a failing task may have changed are left out.
        """
        await self.stop()
        self._check()
        if not self._is_said and (data := self._codec.encode_simple(self._call)) is not None:
            self._cleared.clear()
            self._entries.clear()
            self._next_call = StoredCall(self._step, data)
        await self._backend.commit(self._take()._replace(ending=ending))
        self.is_stored = True

    # --- What is known from before ----------------------------------------------------------------------------------

    def known(self, frame: Frame, index: int) -> Any:
        """What is in the store of a node."""
        key = key_of(frame, index)
        if key not in self._known:
            return UNKNOWN
        if self._templates.get(key.scope) != template_entry(frame.graph.root.template_id):
            self._disown(key.scope)
            return UNKNOWN
        if frame.parent is not None:
            self._enter_scope(frame.parent, frame.slot, frame.path)
        node = frame.nodes[index]
        if node.task is not None:
            self._names.register(node.task)
        return self._read(key)

    def known_item(self, items: MapRun, item: int, call: Any) -> tuple[int, Any]:
        """What is in the store of an item."""
        key = key_of(items, item)
        if key not in self._known:
            return 1, call
        self._enter_scope(items.parent, items.slot, key.scope)
        assert items.node.task is not None
        self._names.register(items.node.task)
        found = self._read(key)
        return (found.step, found.call) if type(found) is KnownCall else (1, found)

    def _read(self, key: EntryKey) -> Any:
        entry = read_entry(key, self._known.pop(key))
        self.knows = bool(self._known)
        if entry.kind == CALL:
            return KnownCall(entry.step, self._codec.decode(entry.data).call)
        self._kept.setdefault(key.scope, set()).add(key.name)
        if entry.kind == SKIP:
            return Skip(entry.reason, entry.data.decode())
        return LiteralValue(self._serializer.loads(entry.data))

    def _disown(self, scope: str) -> None:
        """What is in the store of a scope is of another structure: the program has changed."""
        strange = {inner for inner in self._stored_scopes if inner.startswith(scope)}
        self._known = {key: data for key, data in self._known.items() if key.scope not in strange}
        self.knows = bool(self._known)
        for inner in strange:
            self._templates.pop(inner, None)
        self._stored_scopes -= strange
        self._cleared |= strange

    # --- The current step -------------------------------------------------------------------------------------------

    def _encode(self, call: Any) -> bytes:
        try:
            return self._codec.encode(call)
        except UnstorableValueError as error:
            raise error.said_of(f"the call of step {self._step} of run {self._backend.run_id!r}") from error

    def _say(self, now: float) -> None:
        """Put the call of the current step, and what has ended in it, into the next change."""
        self._next_call = StoredCall(self._step, self._encode(self._call))
        self._cleared.clear()
        self._entries.clear()
        self._is_said, self._said_at = True, now
        unsaid, self._unsaid = self._unsaid, []
        for owner, place, value in unsaid:
            self._put(owner, place, value)
        self._be_dirty(_DELAY_S)

    def _forget_step(self) -> None:
        self._is_touched = self.knows = False
        self._scopes = Scopes()
        for kept in (self._known, self._templates, self._kept, self._inner, self._entries):
            kept.clear()
        self._stored_scopes.clear()
        self._unsaid.clear()

    def _enter_scope(self, parent: Frame | MapRun, slot: int, scope: str) -> EntryKey:
        """A node or an item stands at this scope now; its key."""
        self._is_touched = True
        owner = key_of(parent, slot)
        before = self._scopes.begin_loop(owner, scope)
        if before is not None:
            self._clear(before)
        return owner

    def _put(self, owner: Frame | MapRun, place: int, value: Any) -> None:
        """Put a value into the next change, in the place of what has led to it."""
        self._is_touched = True
        if not self._is_said:
            self._unsaid.append((owner, place, value))
            return
        key = key_of(owner, place)
        kept = self._kept.setdefault(key.scope, set())
        if key.name in kept:
            return
        data: bytes | _Leaf
        if type(value) is Skip:
            data = skip_entry(value.reason, value.name)
        elif type(value) in _UNCHANGEABLE:
            data = _Leaf(value)
        else:
            node = owner.nodes[place] if type(owner) is Frame else owner.node
            if node.task is not None:
                self._names.register(node.task)
            try:
                data = value_entry(self._serializer.dumps(value))
            except UnstorableValueError as error:
                self._report(owner, place, error)
                return
        kept.add(key.name)
        self._inner.get(key.scope, {}).pop(key.name, None)
        self._add(owner, key, data)
        below = self._scopes.end_loop(key)
        if below is not None:
            self._clear(below)

    def _keep_inner(self) -> None:
        inner, self._inner = self._inner, {}
        for scope, loops in inner.items():
            for name, (owner, place, step, call) in loops.items():
                try:
                    self._add(owner, EntryKey(scope, name), call_entry(step, self._codec.encode(call)))
                except UnstorableValueError as error:
                    self._report(owner, place, error)

    def _add(self, owner: Frame | MapRun, key: EntryKey, data: bytes | _Leaf) -> None:
        entries = self._entries.setdefault(key.scope, {})
        if type(owner) is MapRun:
            self._enter_scope(owner.parent, owner.slot, map_scope(owner))
        elif key.scope not in self._templates:
            assert type(owner) is Frame
            self._templates[key.scope] = entries[""] = template_entry(owner.graph.root.template_id)
        self._stored_scopes.add(key.scope)
        entries[key.name] = data

    def _clear(self, scope: str) -> None:
        """Forget everything of a scope and below."""
        for gone in self._scopes.drop(scope):
            self._inner.pop(gone, None)
            self._kept.pop(gone, None)
            self._templates.pop(gone, None)
            self._entries.pop(gone, None)
            if gone in self._stored_scopes:
                self._stored_scopes.remove(gone)
                self._cleared.add(gone)

    def _report(self, owner: Frame | MapRun, place: int, error: UnstorableValueError) -> None:
        """Say once a task that its values are not kept, so that its nodes are run again after an interruption."""
        frame, index = (owner, place) if type(owner) is Frame else (owner.parent, owner.slot)
        task = frame.node_name(index)
        if task not in self._unstorable:
            self._unstorable.add(task)
            fields = {"task": task, "node_id": frame.node_id(index), "step": frame.step, "reason": str(error)}
            self._publish(ResultNotStored, **fields)

    # --- Writing ----------------------------------------------------------------------------------------------------

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

    def _be_dirty(self, delay_s: float | None = None) -> None:
        """There is something to be written: when somebody waits for it, or after a delay."""
        if self._dirty_since is None:
            self._dirty_since = self._now()
        if delay_s is not None and self._timer is None and self._writing is None and not self._is_stopped:
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._write)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _write(self) -> None:
        self._stop_timer()
        if self._writing is not None or self._dirty_since is None or self._error is not None:
            return
        since, change = self._dirty_since, self._take()
        try:
            if self._try_commit is not None and self._try_commit(change):
                self.is_stored = True
                return
        except Exception as error:  # this may be a timer, which nobody waits for: the run hears of it at its next word
            self._error = error
            return
        self._writing_since = since
        self._writing = asyncio.get_running_loop().create_task(self._commit(change), name="cascade durable run")

    async def _commit(self, change: StateChange) -> None:
        try:
            await self._backend.commit(change)
            self.is_stored = True
        except BaseException as error:  # also that the event loop ends
            self._error = error
        finally:
            self._writing = self._writing_since = None
            if self._dirty_since is not None:
                self._be_dirty(_DELAY_S)

    def _take(self) -> StateChange:
        """The next change, which begins anew."""
        entries = {
            EntryKey(scope, name): value_entry(self._serializer.dumps(data.value)) if isinstance(data, _Leaf) else data
            for scope, named in self._entries.items()
            for name, data in named.items()
        }
        change = StateChange(self._about, self._next_call, frozenset(self._cleared), entries)
        self._about = self._next_call = self._dirty_since = None
        self._cleared.clear()
        self._entries.clear()
        return change


__all__ = ["DurableJournal"]
