"""A thousand runs on stores and executors that fail: nothing hangs, nothing is lost, nothing is committed twice.

Each seed draws a loop with effects, a level of durability, and faults of the store and of the executor; some runs are
cancelled from outside, too. A run that ends with an error is continued, as the next process would, with other faults,
until it has its value. Virtual time: a seed costs some milliseconds, and a hang is an error.

What must hold, whatever happens:

* the value is the one of a run without faults: no step is lost or counted twice;
* at level ``step``, the call of a step is in the store before anything of the step is done, and once a later step has
  done something, nothing of an earlier one is ever done again;
* what was in the store when a run was continued is not done again: neither a step before the stored one, nor a node of it
  whose value is there;
* an error is a `StateStoreError` or the task's own, and says what has happened.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field

import pytest

from cascade import workflow as cs
from cascade.adapters.executors.local import LocalExecutor
from cascade.adapters.state.in_memory import InMemoryStateStore
from cascade.spec.errors import StateStoreError
from cascade.spec.identifiers import RunId
from cascade.spec.state import StoredRun
from cascade.testing import (
    Fault,
    Faults,
    FaultyExecutor,
    FaultyStateStore,
    InjectedError,
    LoopClock,
    run_in_virtual_time,
)
from tests.faults.programs import Effect, Program, begin

SEEDS = range(1_000)
RUN = RunId("run")
MOST_INCARNATIONS = 40


@dataclass
class Account:
    """What has happened to a run, for the sums over all seeds."""

    outcomes: Counter[str] = field(default_factory=Counter)
    faults: Counter[Fault] = field(default_factory=Counter)
    incarnations: int = 0
    effects: int = 0


class History:
    """One run, from its beginning to its value, through as many incarnations as it takes."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.seed = seed
        self.program = Program.draw(self.dice)
        self.level = self.dice.choice(["step", "step", "interval", "interval(200)"])
        self.rate = self.dice.choice([0.02, 0.1, 0.3])
        self.inside = InMemoryStateStore()
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
            self.ledger.incarnation = incarnation
            # In the end the world gets better: a run must come through then.
            rate = self.rate if incarnation < MOST_INCARNATIONS // 2 else 0.0
            self.before = run_in_virtual_time(self.inside.find(RUN))
            store_faults = Faults(1_000 * self.seed + 2 * incarnation, rate=rate)
            call_faults = Faults(1_000 * self.seed + 2 * incarnation + 1, rate=rate / 2)
            outcome = run_in_virtual_time(self.incarnate(store_faults, call_faults))
            assert not self.violations, "; ".join(self.violations)
            self.account.outcomes[outcome] += 1
            self.account.faults.update(store_faults.plan.values())
            self.account.faults.update(call_faults.plan.values())
            if outcome == "value":
                self.account.incarnations, self.account.effects = incarnation + 1, len(self.ledger.effects)
                return self.account
        raise AssertionError(f"the run has no value after {MOST_INCARNATIONS} incarnations")

    async def incarnate(self, store_faults: Faults, call_faults: Faults) -> str:
        """One process, as it were."""
        store = FaultyStateStore(self.inside, store_faults)
        executor = FaultyExecutor(LocalExecutor(), call_faults)
        engine = cs.Engine(executor=executor, clock=LoopClock(1_700_000_000))
        run = asyncio.ensure_future(engine.run(self.program.target(), run_id=RUN, state=store, durability=self.level))
        if self.dice.random() < 0.2:
            asyncio.get_running_loop().call_later(self.dice.random(), run.cancel)
        try:
            value = await run
        except asyncio.CancelledError:
            outcome = "cancelled"
        except StateStoreError as error:
            assert "injected" in str(error) or "was killed by" in str(error), repr(error)
            outcome = "store"
        except InjectedError as error:
            assert error.__notes__[0].startswith("Cascade: in task "), "the error does not say where"
            outcome = "task"
        else:
            assert value == self.program.value
            outcome = "value"
        others = asyncio.all_tasks() - {asyncio.current_task()}
        assert not others, f"this outlives the run: {others}"
        return outcome

    def check_effect(self, effect: Effect) -> None:
        """When something is done, it must be its turn."""
        # The first step makes the call whose arguments are the effects of the second.
        step = self.program.steps - effect.left + 2
        stored = self.inside._runs[RUN].stored()
        if self.level == "step":
            if stored.call is None or stored.call.step != step:
                self.violations.append(f"step {step} acts while {stored.call} is in the store")
            if effect.left > self.last_left:
                self.violations.append(f"step {step} acts again, and a later one has acted already")
            self.last_left = effect.left
        if self.before is not None and self.before.call is not None and step < self.before.call.step:
            self.violations.append(f"step {step} is done again, {self.before.call.step} was in the store")


def live(seed: int) -> Account:
    """Live a run; whatever goes wrong is said with the seed, which is all that is needed to see it again."""
    history = History(seed)
    try:
        return history.live()
    except BaseException as error:
        error.add_note(f"in {history!r}, incarnation {history.ledger.incarnation}")
        raise


@pytest.mark.slow
def test_no_seed_loses_or_doubles_a_step() -> None:
    accounts = [live(seed) for seed in SEEDS]
    outcomes: Counter[str] = sum((account.outcomes for account in accounts), Counter())
    faults: Counter[Fault] = sum((account.faults for account in accounts), Counter())
    # That everything has been tried, and often.
    assert outcomes["value"] == len(SEEDS)
    assert min(outcomes[name] for name in ("store", "task", "cancelled")) > 50, outcomes
    assert min(faults[fault] for fault in Fault) > 50, faults
    assert max(account.incarnations for account in accounts) > 5
