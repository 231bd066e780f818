"""A store with injected faults: without them it is the store inside, and each fault leaves what it says."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from cascade.adapters.state.in_memory import InMemoryStateStore
from cascade.spec.errors import StateStoreError
from cascade.spec.identifiers import RunId
from cascade.spec.protocols import PromptStateBackend, StateBackend, StateStore
from cascade.spec.state import EntryKey, Holder, StateChange, StoredCall
from cascade.testing import FakeClock, Fault, Faults, FaultyStateStore, StateBackendConformance, run_in_virtual_time

RUN = RunId("run")
ME = Holder("me", "host", 1, "me", 0.0)
SEEDS = range(1_000)


def dead(_holder: Holder) -> bool:
    return False


class TestFaultyStateStoreWithoutFaults(StateBackendConformance):
    @pytest.fixture
    def clock(self) -> FakeClock:
        return FakeClock(1_700_000_000)

    @pytest.fixture
    def let_time_pass(self, clock: FakeClock) -> Callable[[float], None]:
        return clock.advance

    @pytest.fixture
    def make_store(self, clock: FakeClock) -> Callable[[], StateStore]:
        store = InMemoryStateStore(clock)
        return lambda: FaultyStateStore(store, Faults(1, rate=0))


class WithoutPromptness(InMemoryStateStore):
    """Its backends have no ``try_commit``."""

    async def open(self, *args: Any) -> Any:
        backend = await super().open(*args)

        class Slow:
            run_id = backend.run_id
            load, commit, renew, close = backend.load, backend.commit, backend.renew, backend.close

        return Slow()


def changed(
    plan: dict[tuple[str, int], Fault], change: Callable[[StateBackend], Coroutine[Any, Any, None]]
) -> tuple[int, bool, float]:
    """Open a run at step 1, change it, look: the step, whether everything has crashed, how long it took."""

    async def program() -> tuple[int, bool, float]:
        inside = InMemoryStateStore()
        backend = await inside.open(RUN, ME, 60, dead)
        await backend.commit(StateChange(call=StoredCall(1, b"one")))
        store = FaultyStateStore(inside, Faults(plan=plan))
        opened = await store.open(RUN, ME, 60, dead)
        (((_, number), fault),) = plan.items()
        if fault in (Fault.DELAY, Fault.DUPLICATE):
            await change(opened)
        else:
            with pytest.raises(StateStoreError, match=rf"injected.*call {number} of|call {number} of.*injected"):
                await change(opened)
        assert store.faults.plan == plan
        found = await inside.find(RUN)
        assert found is not None
        return found.record.step, store.has_crashed, asyncio.get_running_loop().time()

    return run_in_virtual_time(program())


async def commit(backend: StateBackend) -> None:
    await backend.commit(StateChange(call=StoredCall(2, b"two")))


async def try_commit(backend: StateBackend) -> None:
    assert isinstance(backend, PromptStateBackend)
    if not backend.try_commit(StateChange(call=StoredCall(2, b"two"))):
        await asyncio.sleep(0.5)


@pytest.mark.parametrize(("operation", "change"), [("commit", commit), ("try_commit", try_commit)])
@pytest.mark.parametrize(
    ("fault", "step"), [(Fault.ERROR, 1), (Fault.DISK_FULL, 1), (Fault.LOST, 2), (Fault.DUPLICATE, 2)]
)
def test_a_change_was_made_or_not_as_the_fault_says(operation: str, change: Any, fault: Fault, step: int) -> None:
    assert changed({(operation, 1): fault}, change) == (step, False, 0.0)


def test_a_delayed_change_is_made_later() -> None:
    step, _, seconds = changed({("commit", 1): Fault.DELAY}, commit)
    assert step == 2
    assert 0 < seconds <= 1


def test_a_backend_that_would_have_to_wait_is_not_prompt() -> None:
    assert changed({("try_commit", 1): Fault.DELAY}, try_commit) == (1, False, 0.5)


@pytest.mark.parametrize(("operation", "change"), [("commit", commit), ("try_commit", try_commit)])
def test_a_torn_change_was_made_or_not_and_then_nothing_works(operation: str, change: Any) -> None:
    outcomes = set()
    for count in range(1, 21):

        async def change_later(backend: StateBackend, count: int = count) -> None:
            for _ in range(count - 1):
                if isinstance(backend, PromptStateBackend) and operation == "try_commit":
                    backend.try_commit(StateChange())
                else:
                    await backend.commit(StateChange())
            await change(backend)

        step, has_crashed, _ = changed({(operation, count): Fault.TORN}, change_later)
        assert has_crashed
        outcomes.add(step)
    assert outcomes == {1, 2}


def test_after_a_crash_every_operation_fails_and_the_lease_is_still_held() -> None:
    async def program() -> None:
        inside = InMemoryStateStore()
        store = FaultyStateStore(inside, Faults(plan={("commit", 1): Fault.TORN}))
        backend = await store.open(RUN, ME, 60, dead)
        with pytest.raises(StateStoreError, match="TORN of call 1 of 'commit'"):
            await backend.commit(StateChange())
        for operation in (backend.load, backend.renew, store.runs, lambda: store.find(RUN)):
            with pytest.raises(StateStoreError, match="the process of this store was killed"):
                await operation()
        await backend.close()
        found = await FaultyStateStore(inside, Faults(1, rate=0)).find(RUN)
        assert found is not None
        assert found.record.holder == ME

    run_in_virtual_time(program())


def test_a_backend_is_prompt_if_the_one_inside_is() -> None:
    async def program(inside: StateStore) -> StateBackend:
        return await FaultyStateStore(inside, Faults(1, rate=0)).open(RUN, ME, 60, dead)

    assert isinstance(asyncio.run(program(InMemoryStateStore())), PromptStateBackend)
    assert not isinstance(asyncio.run(program(WithoutPromptness())), PromptStateBackend)


@pytest.mark.slow
def test_with_every_seed_a_change_that_was_confirmed_is_there_and_one_that_was_refused_is_not() -> None:
    """The writer knows after each change what may be in the store, and the next process finds nothing else."""
    struck: set[Fault] = set()
    for seed in SEEDS:
        faults = Faults(seed, rate=0.2)
        run_in_virtual_time(write_and_look(faults, random.Random(seed)))
        struck.update(faults.plan.values())
    assert struck == set(Fault)


async def write_and_look(faults: Faults, dice: random.Random) -> None:
    inside = InMemoryStateStore()
    store = FaultyStateStore(inside, faults)
    possible: set[tuple[int, frozenset[str]]] = {(0, frozenset())}
    try:
        backend = await store.open(RUN, ME, 60, dead)
    except StateStoreError:
        found = await inside.find(RUN)  # there is a run if the answer was lost, and nothing is in it
        assert found is None or (found.call, dict(found.entries)) == (None, {})
        return
    step = 0
    for number in range(30):
        if dice.random() < 0.5:
            step += 1
            change = StateChange(call=StoredCall(step, b""))
        else:
            change = StateChange(entries={EntryKey("", f"{number}"): b""})
        after = {_applied(state, change) for state in possible}
        try:
            await backend.commit(change)
        except StateStoreError as error:
            if any(fault in str(error) for fault in ("LOST", "TORN")):
                possible |= after
            if "killed" in str(error) or store.has_crashed:
                break
        else:
            possible = after
    found = await inside.find(RUN)
    assert found is not None
    assert (found.record.step, frozenset(key.name for key in found.entries)) in possible, repr(faults)


def _applied(state: tuple[int, frozenset[str]], change: StateChange) -> tuple[int, frozenset[str]]:
    if change.call is not None:
        return change.call.step, frozenset()
    return state[0], state[1] | {key.name for key in change.entries}
