"""`StateStoreMachine`: random histories of a state store, compared with a model in plain dictionaries.

Hypothesis draws openings, changes, crashes of processes, takeovers, expired leases, deletions and reopened stores in
any order, and shrinks a history that goes wrong to the shortest one. After every step all runs in the store are what
they are in the model.

There is no clock in the model. A lease is either long, and does not expire in the course of a test, or short, and is
over as soon as it was taken: time passes before anything else happens.
"""

from __future__ import annotations

import asyncio
import itertools
import uuid
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from cascade.spec.errors import LeaseLostError, RunHeldError
from cascade.spec.identifiers import RunId
from cascade.spec.protocols import PromptStateBackend, StateBackend, StateStore
from cascade.spec.state import Ending, EntryKey, Holder, StateChange, StoredCall, StoredRun

T = TypeVar("T")

LONG_S: Final = 3600.0
SHORT_S: Final = 0.02
EXPIRED_S: Final = 0.03
"""Seconds after which a short lease has expired."""

RUNS: Final = 2
PROCESSES: Final = ("ant", "bee")
_SCOPES: Final = ("", "loop", "loop/1")

_datas = st.binary(max_size=4)
_keys = st.builds(EntryKey, st.sampled_from(_SCOPES), st.sampled_from(["a", "b", "ä/1"]))
_endings = st.builds(Ending, st.sampled_from(["Succeeded", "Failed", "Cancelled"]), _datas)
_changes = st.builds(
    StateChange,
    about=st.none() | _datas,
    call=st.none() | st.builds(StoredCall, st.integers(1, 2**40), _datas),
    cleared=st.frozensets(st.sampled_from(_SCOPES), max_size=2),
    entries=st.dictionaries(_keys, _datas, max_size=3),
    ending=st.none() | _endings,
)


@dataclass
class _Model:
    """One run as it must be."""

    holder: Holder | None = None
    is_expired: bool = False
    status: str = "Running"
    step: int = 0
    is_cancel_requested: bool = False
    about: bytes | None = None
    call: StoredCall | None = None
    entries: dict[EntryKey, bytes] = field(default_factory=dict)
    ending: Ending | None = None

    def change(self, change: StateChange) -> None:
        if change.about is not None:
            self.about = change.about
        if change.call is not None:
            self.call, self.step, self.entries = change.call, change.call.step, {}
        self.entries = {key: data for key, data in self.entries.items() if key.scope not in change.cleared}
        self.entries |= change.entries
        if change.ending is not None:
            self.ending, self.status = change.ending, change.ending.status
            if self.status == "Succeeded":
                self.call, self.entries = None, {}

    def described(self) -> dict[str, Any]:
        return dict(vars(self), is_expired=None)


def _described(run: StoredRun) -> dict[str, Any]:
    record = run.record
    return {
        "holder": record.holder,
        "is_expired": None,
        "status": record.status,
        "step": record.step,
        "is_cancel_requested": record.is_cancel_requested,
        "about": run.about,
        "call": run.call,
        "entries": dict(run.entries),
        "ending": run.ending,
    }


@dataclass
class _Opened:
    """A backend in the hands of a process."""

    process: str
    run: RunId
    token: str
    lease_s: float
    backend: StateBackend


def _has_opened(machine: Any) -> bool:
    return bool(machine._opened)


class StateStoreMachine(RuleBasedStateMachine):
    """The rules.

    Args:
        make_store: Makes a store object of the place under test. Each example has runs of its own there.
        let_time_pass: Lets seconds pass for the store.
    """

    def __init__(self, make_store: Callable[[], StateStore], let_time_pass: Callable[[float], None]) -> None:
        super().__init__()
        self._make_store = make_store
        self._let_time_pass = let_time_pass
        self._loop = asyncio.new_event_loop()
        self._ids = [RunId(f"{uuid.uuid4().hex} {number}") for number in range(RUNS)]
        self._model: dict[RunId, _Model] = {}
        self._opened: list[_Opened] = []
        self._stores: dict[str, StateStore] = {}
        self._abandoned: list[StateStore] = []
        self._generation = dict.fromkeys(PROCESSES, 0)
        self._tokens = itertools.count()

    @classmethod
    def check(cls, make_store: Callable[[], StateStore], let_time_pass: Callable[[float], None], how: settings) -> None:
        """Run histories until one goes wrong.

        Args:
            make_store: As for the class.
            let_time_pass: As for the class.
            how: How many histories, how long.
        """
        machine: Any = partial(cls, make_store, let_time_pass)  # Hypothesis calls it like a class
        run_state_machine_as_test(machine, settings=how)

    def teardown(self) -> None:
        """Give everything back, so that the next example finds the place in order."""
        for opened in self._opened:
            self._do(opened.backend.close())
        for store in [*self._abandoned, *self._stores.values()]:
            self._do(store.close())
        self._loop.close()

    # --- What processes do ----------------------------------------------------------------------------------------

    @rule(
        process=st.sampled_from(PROCESSES),
        number=st.integers(0, RUNS - 1),
        is_short=st.booleans(),
        is_far=st.booleans(),
    )
    def open(self, process: str, number: int, is_short: bool, is_far: bool) -> None:
        """A process opens a run; what it knows of the holder depends on whether that is on another machine."""
        run, lease_s = self._ids[number], SHORT_S if is_short else LONG_S
        token = f"{self._ids[0]} {next(self._tokens)}"
        me = Holder(token, "host", 1, self._name(process), 1.5)
        model = self._model.get(run)
        is_held = model is not None and self._is_held(model, is_far)
        backend = self._do(_opened_or_refused(self._store(process).open(run, me, lease_s, self._is_alive(is_far))))
        if isinstance(backend, RunHeldError):
            assert model is not None, f"a new run is held by {backend.holder}"
            assert is_held, f"the run of {model.holder} is free, but it could not be opened"
            assert (backend.run_id, backend.holder) == (run, model.holder)
            return
        assert not is_held, "a run that somebody holds was opened"
        model = self._model.setdefault(run, _Model())
        model.holder, model.is_expired, model.is_cancel_requested = me, is_short, False
        if model.status != "Succeeded":
            model.status, model.ending = "Running", None
        self._opened.append(_Opened(process, run, token, lease_s, backend))
        if is_short:
            self._let_time_pass(EXPIRED_S)

    @precondition(_has_opened)
    @rule(data=st.data(), change=_changes, is_prompt=st.booleans())
    def commit(self, data: st.DataObject, change: StateChange, is_prompt: bool) -> None:
        """A process changes a run that it holds, or thinks that it holds."""
        opened = self._choose(data)
        model = self._held_by(opened)
        try:
            if is_prompt and isinstance(opened.backend, PromptStateBackend):
                if not opened.backend.try_commit(change):
                    return
            else:
                self._do(opened.backend.commit(change))
        except LeaseLostError:
            assert model is None, "the holder has lost its lease to nobody"
            return
        assert model is not None, "a change was made without a lease"
        model.change(change)

    @precondition(_has_opened)
    @rule(data=st.data())
    def renew(self, data: st.DataObject) -> None:
        """A process prolongs a lease."""
        opened = self._choose(data)
        model = self._held_by(opened)
        try:
            is_requested = self._do(opened.backend.renew())
        except LeaseLostError:
            assert model is None, "the holder has lost its lease to nobody"
            return
        assert model is not None, "a lease that was lost was renewed"
        assert is_requested == model.is_cancel_requested
        if opened.lease_s == SHORT_S:
            self._let_time_pass(EXPIRED_S)

    @precondition(_has_opened)
    @rule(data=st.data())
    def load(self, data: st.DataObject) -> None:
        """A process reads a run that it holds."""
        opened = self._choose(data)
        model = self._held_by(opened)
        if model is not None:
            assert _described(self._do(opened.backend.load())) == model.described()

    @precondition(_has_opened)
    @rule(data=st.data())
    def close(self, data: st.DataObject) -> None:
        """A process gives a lease back, if it has it still."""
        opened = self._choose(data)
        self._do(opened.backend.close())
        model = self._held_by(opened)
        if model is not None:
            model.holder = None
        self._opened.remove(opened)

    @rule(process=st.sampled_from(PROCESSES))
    def crash(self, process: str) -> None:
        """A process ends without a word. Another one of the same name is started."""
        self._generation[process] += 1
        self._opened = [opened for opened in self._opened if opened.process != process]
        if process in self._stores:
            # The end of a process closes its files; this one goes on, and does so when nobody looks any more.
            self._abandoned.append(self._stores.pop(process))

    @rule(process=st.sampled_from(PROCESSES))
    def leave(self, process: str) -> None:
        """A process closes what it has and makes a new store object."""
        for opened in [opened for opened in self._opened if opened.process == process]:
            self._do(opened.backend.close())
            model = self._held_by(opened)
            if model is not None:
                model.holder = None
            self._opened.remove(opened)
        if process in self._stores:
            self._do(self._stores.pop(process).close())

    @rule(process=st.sampled_from(PROCESSES), number=st.integers(0, RUNS - 1))
    def request_cancel(self, process: str, number: int) -> None:
        """Somebody asks for a run to be stopped."""
        model = self._model.get(self._ids[number])
        is_running = model is not None and model.ending is None
        assert self._do(self._store(process).request_cancel(self._ids[number])) is is_running
        if model is not None and is_running:
            model.is_cancel_requested = True

    @rule(process=st.sampled_from(PROCESSES), number=st.integers(0, RUNS - 1), is_far=st.booleans())
    def delete(self, process: str, number: int, is_far: bool) -> None:
        """Somebody deletes a run."""
        run = self._ids[number]
        model = self._model.get(run)
        is_held = model is not None and self._is_held(model, is_far)
        try:
            was_there = self._do(self._store(process).delete(run, self._is_alive(is_far)))
        except RunHeldError:
            assert is_held, "a run that is free could not be deleted"
            return
        assert not is_held, "a run that somebody holds was deleted"
        assert was_there == (model is not None)
        self._model.pop(run, None)

    @invariant()
    def the_store_is_as_the_model(self) -> None:
        """Every run in the store is what it is in the model, for a bystander who opens nothing."""
        store = self._store(PROCESSES[0])
        for run in self._ids:
            found, model = self._do(store.find(run)), self._model.get(run)
            assert (found and _described(found)) == (model and model.described())
        listed = {record.run_id: record for record in self._do(store.runs()) if record.run_id in self._ids}
        assert listed.keys() == self._model.keys()
        assert all(record.step == self._model[run].step for run, record in listed.items())

    # --- How ------------------------------------------------------------------------------------------------------

    def _do(self, operation: Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(operation)

    def _store(self, process: str) -> StateStore:
        if process not in self._stores:
            self._stores[process] = self._make_store()
        return self._stores[process]

    def _name(self, process: str) -> str:
        return f"{process} {self._generation[process]}"

    def _is_alive(self, is_far: bool) -> Callable[[Holder], bool | None]:
        living = {self._name(process) for process in PROCESSES}
        return lambda holder: None if is_far else holder.process in living

    def _is_held(self, model: _Model, is_far: bool) -> bool:
        if model.holder is None:
            return False
        return not model.is_expired if is_far else bool(self._is_alive(False)(model.holder))

    def _choose(self, data: st.DataObject) -> _Opened:
        return self._opened[data.draw(st.integers(0, len(self._opened) - 1), "which of the opened runs")]

    def _held_by(self, opened: _Opened) -> _Model | None:
        """The run, if the backend still holds it."""
        model = self._model.get(opened.run)
        return model if model is not None and model.holder is not None and model.holder.token == opened.token else None


async def _opened_or_refused(opening: Coroutine[Any, Any, StateBackend]) -> StateBackend | RunHeldError:
    try:
        return await opening
    except RunHeldError as refusal:
        return refusal


__all__ = ["EXPIRED_S", "LONG_S", "SHORT_S", "StateStoreMachine"]
