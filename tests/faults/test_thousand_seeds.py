"""A thousand runs on stores and executors that fail: nothing hangs, nothing is lost, nothing is committed twice.

Each seed draws a loop with effects, a level of durability, and faults of the store and of the executor; some runs are
cancelled from outside, too. A run that ends with an error is continued, as the next process would, with other faults,
until it has its value. Virtual time: a seed costs some milliseconds, and a hang is an error.

What must hold, whatever happens:

* the value is the one of a run without faults: no step is lost or counted twice;
* at level ``step``, the call of a step is in the store before anything of the step is done, and once a later step has
  done something, nothing of an earlier one is ever done again;
* at level ``interval``, no more time is lost than it says;
* what was in the store when a run was continued is not done again: neither a step before the stored one, nor a node of
  it whose value is there;
* an error is a `StateStoreError` or the task's own, and says what has happened.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pytest

from cascade import workflow as cs
from cascade.adapters.executors.local import LocalExecutor
from cascade.adapters.state.in_memory import InMemoryStateStore
from cascade.adapters.state.sqlite import SqliteStateStore
from cascade.spec.errors import StateStoreError
from cascade.spec.identifiers import RunId
from cascade.spec.protocols import StateStore
from cascade.spec.state import EntryKey, StoredRun
from cascade.testing import (
    Fault,
    Faults,
    FaultyExecutor,
    FaultyStateStore,
    InjectedError,
    real_time,
    run_in_virtual_time,
)
from tests.faults.programs import WORK_S, Effect, Program, WorkingClock, begin

SEEDS = range(1_000)
BLOCKS = 4
FILES = 40
"""So many more seeds are tried with files, which take longer."""

INTERVALS_S = {"interval": 0.05, "interval(200)": 0.2}
SLACK_S = 0.01 + WORK_S
"""What a level may be exceeded by: two turns of the event loop, and the step in flight."""

RUN = RunId("run")
MOST_INCARNATIONS = 40


@dataclass
class Account:
    """What has happened to a run, for the sums over all seeds."""

    outcomes: Counter[str] = field(default_factory=Counter)
    faults: Counter[Fault] = field(default_factory=Counter)
    incarnations: int = 0
    effects: int = 0


class Place(Protocol):
    """Where the runs of a test are kept."""

    def make_store(self) -> StateStore:
        """The store, as one more process sees it."""
        ...

    def step(self) -> int:
        """The step that the run is at in the store; 0 if there is none."""
        ...


class Memory:
    """A store in memory: the same for all."""

    def __init__(self) -> None:
        self.store = InMemoryStateStore()

    def make_store(self) -> StateStore:
        return self.store

    def step(self) -> int:
        run = self.store._runs.get(RUN)
        return 0 if run is None or run.call is None else run.call.step


class Database:
    """A file of SQLite."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def make_store(self) -> StateStore:
        return SqliteStateStore(self.file)

    def step(self) -> int:
        with closing(sqlite3.connect(self.file)) as connection:
            row = connection.execute("SELECT step FROM runs WHERE id = ? AND call IS NOT NULL", (RUN,)).fetchone()
        return 0 if row is None else int(row[0])


class History:
    """One run, from its beginning to its value, through as many incarnations as it takes."""

    def __init__(self, seed: int, place: Place) -> None:
        self.dice = random.Random(seed)
        self.seed = seed
        self.program = Program.draw(self.dice)
        self.level = self.dice.choice(["step", "step", "interval", "interval(200)"])
        self.rate = self.dice.choice([0.02, 0.1, 0.3])
        self.place = place
        self.ledger = begin(self.check_effect)
        self.before: StoredRun | None = None
        """What was in the store when this incarnation began."""
        self.account = Account()
        self.last_left = self.program.steps
        self.violations: list[str] = []
        """Kept here and not raised where they happen: a task's error may be tried again, or be hidden by another."""

    def __repr__(self) -> str:
        return f"seed {self.seed}: {self.program}, durability={self.level!r}, rate={self.rate}"

    def live(self) -> Account:
        """Continue the run until it has its value."""
        for incarnation in range(MOST_INCARNATIONS):
            self.ledger.incarnation, self.ledger.clock = incarnation, WorkingClock()
            # In the end the world gets better: a run must come through then.
            rate = self.rate if incarnation < MOST_INCARNATIONS // 2 else 0.0
            self.before = run_in_virtual_time(self.find())
            store_faults = Faults(1_000 * self.seed + 2 * incarnation, rate=rate)
            call_faults = Faults(1_000 * self.seed + 2 * incarnation + 1, rate=rate / 2)
            outcome = run_in_virtual_time(self.incarnate(store_faults, call_faults), limit_s=1_000)
            self.check_loss()
            assert not self.violations, "; ".join(self.violations)
            self.account.outcomes[outcome] += 1
            self.account.faults.update(store_faults.plan.values())
            self.account.faults.update(call_faults.plan.values())
            if outcome == "value":
                self.account.incarnations, self.account.effects = incarnation + 1, len(self.ledger.effects)
                return self.account
        raise AssertionError(f"the run has no value after {MOST_INCARNATIONS} incarnations")

    async def find(self) -> StoredRun | None:
        """What is in the store."""
        store = self.place.make_store()
        try:
            with real_time():
                return await store.find(RUN)
        finally:
            await store.close()

    async def incarnate(self, store_faults: Faults, call_faults: Faults) -> str:
        """One process, as it were."""
        inside = self.place.make_store()
        store = FaultyStateStore(inside, store_faults)
        executor = FaultyExecutor(LocalExecutor(), call_faults)
        engine = cs.Engine(executor=executor, clock=self.ledger.clock)
        run = asyncio.ensure_future(engine.run(self.program.target(), run_id=RUN, state=store, durability=self.level))
        if self.dice.random() < 0.2:
            asyncio.get_running_loop().call_later(self.dice.random(), run.cancel)
        result: Any = (await asyncio.gather(run, return_exceptions=True))[0]
        match result:
            case self.program.value:
                outcome = "value"
            case asyncio.CancelledError():
                outcome = "cancelled"
            case StateStoreError():
                assert "injected" in str(result) or "was killed by" in str(result), repr(result)
                outcome = "store"
            case InjectedError():
                assert result.__notes__[0].startswith("Cascade: in task "), "the error does not say where"
                outcome = "task"
            case BaseException():
                raise result
            case _:
                raise AssertionError(f"the value is {result!r} and not {self.program.value!r}")
        await inside.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        assert not others, f"this outlives the run: {others}"
        return outcome

    def check_effect(self, effect: Effect) -> None:
        """When something is done, it must be its turn."""
        step = self.step_of(effect)
        if self.level == "step":
            stored = self.place.step()
            if stored != step:
                self.violations.append(f"step {step} acts while step {stored} is in the store")
            if effect.left > self.last_left:
                self.violations.append(f"step {step} acts again, and a later one has acted already")
            self.last_left = effect.left
        if self.before is None or self.before.call is None:
            return
        if step < self.before.call.step:
            self.violations.append(f"step {step} is done again, and {self.before.call.step} was in the store")
        name = {"plain": "note", "parallel": "charge"}.get(self.program.name)
        if step == self.before.call.step and EntryKey("", f"{name}-{effect.place}") in self.before.entries:
            self.violations.append(f"call {effect.place} of step {step} is made again, and its value was in the store")

    def check_loss(self) -> None:
        """When a run was interrupted, what is missing in the store must not be older than the level says."""
        stored = self.place.step()
        if self.level == "step" or not stored:  # nothing is in the store yet, or it has the value
            return
        lost = [
            (self.step_of(effect), effect.time)
            for effect in self.ledger.effects
            if effect.incarnation == self.ledger.incarnation and self.step_of(effect) > stored
        ]
        if lost:
            in_flight = max(step for step, _ in lost)
            times = [time for step, time in lost if step < in_flight]
            if times and max(times) - min(times) > INTERVALS_S[self.level] + SLACK_S:
                self.violations.append(f"what was done from {min(times)} s to {max(times)} s is not in the store")

    def step_of(self, effect: Effect) -> int:
        """The step that an effect belongs to: the first step makes the call whose arguments are those of the second."""
        return self.program.steps - effect.left + 2


def live(seed: int, place: Place | None = None) -> Account:
    """Live a run; whatever goes wrong is said with the seed, which is all that is needed to see it again."""
    history = History(seed, place or Memory())
    try:
        return history.live()
    except BaseException as error:
        error.add_note(f"in {history!r}, incarnation {history.ledger.incarnation}")
        raise


@pytest.mark.slow
@pytest.mark.parametrize("block", range(BLOCKS))
def test_no_seed_loses_or_doubles_a_step(block: int) -> None:
    accounts = [live(seed) for seed in SEEDS[block::BLOCKS]]
    outcomes: Counter[str] = sum((account.outcomes for account in accounts), Counter())
    faults: Counter[Fault] = sum((account.faults for account in accounts), Counter())
    # That everything has been tried, and often.
    assert outcomes["value"] == len(SEEDS) // BLOCKS
    assert min(outcomes[name] for name in ("store", "task", "cancelled")) > 20, outcomes
    assert min(faults[fault] for fault in Fault) > 20, faults
    assert max(account.incarnations for account in accounts) > 5


@pytest.mark.slow
def test_a_file_of_sqlite_loses_nothing_either(tmp_path: Path) -> None:
    accounts = [live(seed, Database(tmp_path / f"{seed}.db")) for seed in range(len(SEEDS), len(SEEDS) + FILES)]
    assert sum(account.incarnations for account in accounts) > 2 * FILES
