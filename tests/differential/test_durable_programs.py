"""Random programs whose process is lost in the middle, again and again, mean the same as in the model.

What crashes here is the store: at some change nothing works any more, as if the process had been killed there, and the
program is run again on another engine with the same file. Values are compared with the model, and calls: all that had
to be made were made, and none that should not have been. How often a call may be repeated is the business of
``tests/durability``.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from cascade import workflow as cs
from cascade.spec.state import Holder, IsAlive, RunRecord, StateChange, StoredRun

from .account import Failed
from .comparing import check_nothing_is_left, check_outcome
from .model import Model
from .profile import EXAMPLES_A_PROPERTY, examples
from .programs import Program
from .scope import Undefined
from .strategies import programs
from .translate import CAPACITY, Translation
from .values import Box, Pair, Spot

pytestmark = pytest.mark.slow

TYPES: Final = cs.TypeRegistry()
for kind in (Pair, Box, Spot):
    TYPES.register(kind)


class LostStore:
    """A store in which nothing works any more after so many changes, but for giving leases back."""

    def __init__(self, store: cs.SqliteStateStore, changes: int) -> None:
        self._store = store
        self._left = changes

    async def open(self, run_id: cs.RunId, holder: Holder, lease_s: float, is_alive: IsAlive) -> Any:
        backend = await self._store.open(run_id, holder, lease_s, is_alive)
        return LostBackend(self, backend)

    async def find(self, run_id: cs.RunId) -> StoredRun | None:
        return await self._store.find(run_id)

    async def runs(self) -> Sequence[RunRecord]:
        return await self._store.runs()

    async def request_cancel(self, run_id: cs.RunId) -> bool:
        return await self._store.request_cancel(run_id)

    async def delete(self, run_id: cs.RunId, is_alive: IsAlive) -> bool:
        return await self._store.delete(run_id, is_alive)

    async def close(self) -> None:
        await self._store.close()

    def use(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise cs.StateStoreError("lost")


class LostBackend:
    def __init__(self, store: LostStore, backend: Any) -> None:
        self._store = store
        self._backend = backend
        self.run_id = backend.run_id

    async def load(self) -> StoredRun:
        stored: StoredRun = await self._backend.load()
        return stored

    def try_commit(self, change: StateChange) -> bool:
        self._store.use()
        return bool(self._backend.try_commit(change))

    async def commit(self, change: StateChange) -> None:
        self._store.use()
        await self._backend.commit(change)

    async def renew(self) -> bool:
        return bool(await self._backend.renew())

    async def close(self) -> None:
        await self._backend.close()


def check_durable(program: Program, losses: Sequence[int], level: str) -> None:
    """Run a program that is lost several times, and compare all of it with the model."""
    model = Model(program)
    outcome = model.run()
    translation = Translation(program)
    made: Counter[tuple[int, str]] = Counter()
    seen = translation.seen
    with tempfile.TemporaryDirectory() as folder:
        for changes in [*losses, 1_000_000]:
            store = LostStore(cs.SqliteStateStore(Path(folder) / "runs.db"), changes)
            kept = {"run_id": "r1", "state": store, "durability": level, "resources": translation.resources}
            with cs.Engine(system_resources={"gpu": CAPACITY}, types=TYPES) as engine:
                seen = translation.run(engine, is_observed=False, **kept)
            asyncio.run(store.close())
            check_nothing_is_left(seen)
            made += Counter((task, arguments) for moment, task, arguments in seen.log if moment == "begin")
            if isinstance(seen.error, (cs.UnstorableValueError, cs.StoredValueError)):
                reject()  # such programs cannot be kept, and say so
            if not isinstance(seen.error, cs.StateStoreError):
                break
    check_outcome(outcome, seen)
    allowed = {(call.task, call.arguments) for call in model.account.calls}
    required = {
        (call.task, call.arguments)
        for index, call in enumerate(model.account.calls)
        if (outcome.needs if isinstance(outcome, Failed) else ~model.account.optional) >> index & 1
    }
    assert not made.keys() - allowed, "calls that should not have been made"
    assert not required - made.keys(), "calls that should have been made"


LOSSES: Final = st.lists(st.integers(0, 12), max_size=4)
LEVEL: Final = st.sampled_from(("step", "interval(25)"))


def check_defined(program: Program, losses: Sequence[int], level: str) -> None:
    try:
        check_durable(program, losses, level)
    except Undefined:
        reject()


@examples(EXAMPLES_A_PROPERTY // 5)
@given(program=programs(may_fail=False, loops=3), losses=LOSSES, level=LEVEL)
def test_lost_loops_mean_the_same(program: Program, losses: list[int], level: str) -> None:
    check_defined(program, losses, level)


@examples(EXAMPLES_A_PROPERTY // 5)
@given(program=programs(may_fail=False, loops=2, is_plain=True), losses=LOSSES, level=LEVEL)
def test_lost_loops_of_plain_tasks_mean_the_same(program: Program, losses: list[int], level: str) -> None:
    check_defined(program, losses, level)


@examples(EXAMPLES_A_PROPERTY // 5)
@given(program=programs(may_fail=False), losses=LOSSES, level=LEVEL)
def test_lost_graphs_mean_the_same(program: Program, losses: list[int], level: str) -> None:
    check_defined(program, losses, level)
