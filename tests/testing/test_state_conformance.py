"""The stores in the tree keep the promises of state backends, and the kit finds each store that does not."""

from __future__ import annotations

import asyncio
import threading
from ast import literal_eval
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

from cascade.adapters.state.in_memory import InMemoryStateBackend, InMemoryStateStore
from cascade.adapters.state.sqlite import SqliteStateStore
from cascade.spec.errors import RunHeldError
from cascade.spec.identifiers import RunId
from cascade.spec.protocols import StateStore
from cascade.spec.state import EntryKey, Holder, IsAlive, RunRecord, StateChange, StoredRun, is_held
from cascade.testing import FakeClock, StateBackendConformance
from cascade.testing.conformance.state_machine import StateStoreMachine
from tests.support.kits import failed_promises, promises


class TestInMemoryStateStore(StateBackendConformance):
    @pytest.fixture
    def clock(self) -> FakeClock:
        return FakeClock(1_700_000_000)

    @pytest.fixture
    def let_time_pass(self, clock: FakeClock) -> Callable[[float], None]:
        return clock.advance

    @pytest.fixture
    def make_store(self, clock: FakeClock) -> Callable[[], StateStore]:
        store = InMemoryStateStore(clock)
        return lambda: store

    @pytest.fixture
    def size_bytes(self, make_store: Callable[[], StateStore]) -> Callable[[], int]:
        store = make_store()
        assert isinstance(store, InMemoryStateStore)
        return lambda: sum(len(data) for run in store._runs.values() for data in run.entries.values())


class TestSqliteStateStore(StateBackendConformance):
    @pytest.fixture
    def clock(self) -> FakeClock:
        return FakeClock(1_700_000_000)

    @pytest.fixture
    def let_time_pass(self, clock: FakeClock) -> Callable[[float], None]:
        return clock.advance

    @pytest.fixture
    def make_store(self, clock: FakeClock, tmp_path: Path) -> Callable[[], StateStore]:
        return lambda: SqliteStateStore(tmp_path / "runs.db", clock=clock)

    @pytest.fixture
    def files(self, tmp_path: Path) -> Callable[[], Iterable[Path]]:
        return lambda: tmp_path.glob("runs.db*")

    @pytest.fixture
    def size_bytes(self, tmp_path: Path) -> Callable[[], int]:
        return lambda: (tmp_path / "runs.db").stat().st_size  # the log beside it has a limit of its own


# --- Broken stores: a backend with one fault, or a store with one ----------------------------------------------------


class Store(InMemoryStateStore):
    """A store without faults, as a base for those that have one."""

    backend_kind: type[InMemoryStateBackend] = InMemoryStateBackend

    def __init__(self) -> None:
        self.clock = FakeClock(1_700_000_000)
        super().__init__(self.clock)

    async def open(self, run_id: RunId, holder: Holder, lease_s: float, is_alive: IsAlive) -> InMemoryStateBackend:
        backend = await super().open(run_id, holder, lease_s, is_alive)
        return self.backend_kind(backend._run, lease_s, self._clock)

    def size_bytes(self) -> int:
        return sum(len(data) for run in self._runs.values() for data in run.entries.values())


def store_of(kind: type[InMemoryStateBackend]) -> type[Store]:
    return type(f"StoreOf{kind.__name__}", (Store,), {"backend_kind": kind})


class BeginsAtOne(Store):
    async def open(self, run_id: RunId, holder: Holder, lease_s: float, is_alive: IsAlive) -> InMemoryStateBackend:
        is_new = run_id not in self._runs
        backend = await super().open(run_id, holder, lease_s, is_alive)
        if is_new:
            backend._run.step = 1
        return backend


class CreatesWhatIsLookedFor(Store):
    async def find(self, run_id: RunId) -> StoredRun | None:
        found = await super().find(run_id)
        if found is None:
            await super().open(run_id, Holder("", "", 0, "", 0), 0, lambda _: False)
        return found


class ShowsOldRecords(Store):
    async def find(self, run_id: RunId) -> StoredRun | None:
        found = await super().find(run_id)
        return found and found._replace(record=found.record._replace(updated_at=0.0))


class ListsNoSteps(Store):
    async def runs(self) -> list[RunRecord]:
        return [record._replace(step=0) for record in await super().runs()]


class Bent(InMemoryStateBackend):
    """Changes the changes."""

    def try_commit(self, change: StateChange) -> bool:
        return super().try_commit(self.bend(change))

    def bend(self, change: StateChange) -> StateChange:
        raise NotImplementedError


class DropsEmptyEntries(Bent):
    def bend(self, change: StateChange) -> StateChange:
        return change._replace(entries={key: data for key, data in change.entries.items() if data})


class TidiesNames(Bent):
    def bend(self, change: StateChange) -> StateChange:
        return change._replace(
            entries={EntryKey(k.scope.strip("/"), k.name): data for k, data in change.entries.items()}
        )


class WritesOnce(Bent):
    def bend(self, change: StateChange) -> StateChange:
        known = {} if change.call is not None else self._run.entries
        return change._replace(entries={key: data for key, data in change.entries.items() if key not in known})


class KeepsOldEntries(Bent):
    def bend(self, change: StateChange) -> StateChange:
        return change if change.call is None else change._replace(entries={**self._run.entries, **change.entries})


class ClearsByPrefix(Bent):
    def bend(self, change: StateChange) -> StateChange:
        scopes = {key.scope for key in self._run.entries if key.scope.startswith(tuple(change.cleared))}
        return change._replace(cleared=frozenset(scopes))


class IgnoresEmptyAbouts(Bent):
    def bend(self, change: StateChange) -> StateChange:
        return change._replace(about=change.about or None)


class ForgetsWhatWasCancelled(Bent):
    def bend(self, change: StateChange) -> StateChange:
        if change.ending is not None and change.ending.status == "Cancelled":
            self._run.entries.clear()
        return change


class KeepsTheLastCall(InMemoryStateBackend):
    def try_commit(self, change: StateChange) -> bool:
        call = self._run.call
        super().try_commit(change)
        if change.ending is not None and change.ending.status == "Succeeded":
            self._run.call = call
        return True


class ClearsByNothing(Bent):
    def bend(self, change: StateChange) -> StateChange:
        if change == StateChange():
            self._run.entries.clear()
        return change


class SaysItIsDone(InMemoryStateBackend):
    def try_commit(self, change: StateChange) -> bool:
        self._check_lease()
        return True

    async def commit(self, change: StateChange) -> None:
        InMemoryStateBackend.try_commit(self, change)


class ClearsEverybody(Store):
    async def open(self, run_id: RunId, holder: Holder, lease_s: float, is_alive: IsAlive) -> InMemoryStateBackend:
        runs = self._runs

        class Backend(Bent):
            def bend(self, change: StateChange) -> StateChange:
                for run in runs.values() if change.cleared else ():
                    run.entries.clear()
                return change

        backend = await super().open(run_id, holder, lease_s, is_alive)
        if run_id == "run 2":
            return Backend(backend._run, lease_s, self._clock)
        return backend


class ForgetsWhenClosed(Store):
    async def close(self) -> None:
        self._runs.clear()


class WritesWhenClosed(Store):
    async def open(self, run_id: RunId, holder: Holder, lease_s: float, is_alive: IsAlive) -> InMemoryStateBackend:
        run = self._runs.get(run_id)
        was_held = run is not None and run.holder is not None
        backend = await super().open(run_id, holder, lease_s, is_alive)
        if was_held:
            backend._run.entries.clear()
        return backend


class KeepsHistory(Store):
    def size_bytes(self) -> int:
        return super().size_bytes() + sum(1_000 * run.step for run in self._runs.values())


class BlamesTheWrongOne(Store):
    async def open(self, run_id: RunId, holder: Holder, lease_s: float, is_alive: IsAlive) -> InMemoryStateBackend:
        try:
            return await super().open(run_id, holder, lease_s, is_alive)
        except RunHeldError:
            raise RunHeldError(run_id, holder) from None


class ClosesTheDoorOfOthers(InMemoryStateBackend):
    async def close(self) -> None:
        self._run.holder = None


class GivesNothingBack(InMemoryStateBackend):
    async def close(self) -> None:
        pass


class Judges(Store):
    """Has an opinion of its own on who is alive."""

    def judge(self, alive: bool | None, held_until: float) -> bool | None:
        raise NotImplementedError

    async def open(self, run_id: RunId, holder: Holder, lease_s: float, is_alive: IsAlive) -> InMemoryStateBackend:
        run = self._runs.get(run_id)
        until = 0.0 if run is None else run.held_until
        return await super().open(run_id, holder, lease_s, lambda other: self.judge(is_alive(other), until))


class WaitsForTheDead(Judges):
    def judge(self, alive: bool | None, held_until: float) -> bool | None:
        return alive or None


class TakesTheUnknownForDead(Judges):
    def judge(self, alive: bool | None, held_until: float) -> bool | None:
        return bool(alive)


class TrustsTheLeaseOnly(Judges):
    def judge(self, alive: bool | None, held_until: float) -> bool | None:
        return alive if self.clock.timestamp() < held_until else False


class RenewsNothing(InMemoryStateBackend):
    async def renew(self) -> bool:
        self._check_lease()
        return self._run.is_cancel_requested


class ChecksNoLease(InMemoryStateBackend):
    def _check_lease(self) -> None:
        if self._run.holder is None:
            super()._check_lease()


class ForgetsWhoDeleted(Store):
    async def delete(self, run_id: RunId, is_alive: IsAlive) -> bool:
        run = self._runs.get(run_id)
        holder = None if run is None else run.holder
        was_there = await super().delete(run_id, is_alive)
        if run is not None:
            run.holder = holder
        return was_there


class Racing(Store):
    async def open(self, run_id: RunId, holder: Holder, lease_s: float, is_alive: IsAlive) -> InMemoryStateBackend:
        run = self._runs.get(run_id)
        is_free = run is None or not is_held(run.holder, run.held_until, self.clock.timestamp(), is_alive)
        await asyncio.sleep(0.005)
        return await super().open(run_id, holder, lease_s, (lambda _: False) if is_free else is_alive)


class DeafToRequests(InMemoryStateBackend):
    async def renew(self) -> bool:
        await super().renew()
        return False


class BearsGrudges(Store):
    async def open(self, run_id: RunId, holder: Holder, lease_s: float, is_alive: IsAlive) -> InMemoryStateBackend:
        run = self._runs.get(run_id)
        was_requested = run is not None and run.is_cancel_requested
        backend = await super().open(run_id, holder, lease_s, is_alive)
        backend._run.is_cancel_requested = was_requested
        return backend


class CancelsAnything(Store):
    async def request_cancel(self, run_id: RunId) -> bool:
        await super().request_cancel(run_id)
        return True


class ListsByAge(Store):
    async def runs(self) -> list[RunRecord]:
        return sorted(await super().runs(), key=lambda record: record.created_at, reverse=True)


class DeletesWhatIsNotThere(Store):
    async def delete(self, run_id: RunId, is_alive: IsAlive) -> bool:
        await super().delete(run_id, is_alive)
        return True


class DeletesWhatIsHeld(Store):
    async def delete(self, run_id: RunId, is_alive: IsAlive) -> bool:
        return await super().delete(run_id, lambda _: False)


class OneThreadOnly(Store):
    async def open(self, run_id: RunId, holder: Holder, lease_s: float, is_alive: IsAlive) -> InMemoryStateBackend:
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("the connection belongs to another thread")
        return await super().open(run_id, holder, lease_s, is_alive)


class ClosesOnce(Store):
    closed = 0

    async def close(self) -> None:
        self.closed += 1
        if self.closed == 3:  # the stores of one place are one object here, and some tests have two
            raise RuntimeError("this store is closed already")


class ReadsHalfAFile(Store):
    """Keeps entries in a file, and takes what it finds there for everything."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.file = file

    async def open(self, run_id: RunId, holder: Holder, lease_s: float, is_alive: IsAlive) -> InMemoryStateBackend:
        file = self.file

        class Backend(InMemoryStateBackend):
            def try_commit(self, change: StateChange) -> bool:
                super().try_commit(change)
                file.write_text("".join(f"{tuple(key)!r}: {data!r}\n" for key, data in self._run.entries.items()))
                return True

        backend = await super().open(run_id, holder, lease_s, is_alive)
        return Backend(backend._run, lease_s, self._clock)

    async def find(self, run_id: RunId) -> StoredRun | None:
        found = await super().find(run_id)
        whole = [line for line in self.file.read_text().splitlines(keepends=True) if line.endswith("\n")]
        entries = {EntryKey(*key): data for line in whole for key, data in literal_eval(f"{{{line}}}").items()}
        return found and found._replace(entries=entries)


class LosesCallsAmongClearedScopes(Bent):
    def bend(self, change: StateChange) -> StateChange:
        return change._replace(call=None) if change.cleared and change.entries else change


BROKEN: list[tuple[type[Store], set[str]]] = [
    (Store, set()),
    (BeginsAtOne, {"test_a_new_run_is_empty", "test_a_run_that_is_deleted_is_gone"}),
    (ShowsOldRecords, {"test_a_run_can_be_looked_at_without_opening_it"}),
    (ListsNoSteps, {"test_the_record_says_the_step_and_the_status"}),
    (store_of(DropsEmptyEntries), {"test_gives_back_the_bytes_that_were_kept"}),
    (store_of(TidiesNames), {"test_any_text_may_be_the_name_of_a_run_or_an_entry"}),
    (store_of(WritesOnce), {"test_an_entry_takes_the_place_of_one_of_the_same_key"}),
    (store_of(ClearsByPrefix), {"test_a_scope_that_is_cleared_is_forgotten_and_no_other"}),
    (store_of(IgnoresEmptyAbouts), {"test_about_stays_until_it_is_replaced"}),
    (store_of(ForgetsWhatWasCancelled), {"test_a_run_that_failed_can_be_continued"}),
    (store_of(KeepsTheLastCall), {"test_a_run_that_succeeded_keeps_its_value_only"}),
    (store_of(ClearsByNothing), {"test_a_change_of_nothing_changes_nothing"}),
    (store_of(SaysItIsDone), {"test_a_prompt_change_is_made_or_not"}),
    (ClearsEverybody, {"test_runs_do_not_see_each_other"}),
    (ForgetsWhenClosed, {"test_what_was_committed_is_there_after_the_store_was_closed"}),
    (WritesWhenClosed, {"test_what_was_committed_is_there_although_nothing_was_closed"}),
    (KeepsHistory, {"test_what_is_kept_stays_as_small_as_one_step"}),
    (BlamesTheWrongOne, {"test_a_run_that_is_held_cannot_be_opened"}),
    (TakesTheUnknownForDead, {"test_a_lease_decides_where_nothing_is_known_of_the_holder"}),
    (TrustsTheLeaseOnly, {"test_the_run_of_a_living_process_is_held_even_if_its_lease_has_expired"}),
    (store_of(RenewsNothing), {"test_renewing_prolongs_the_lease"}),
    (ForgetsWhoDeleted, {"test_a_run_that_was_deleted_cannot_be_changed"}),
    (Racing, {"test_only_one_of_many_gets_a_run"}),
    (store_of(DeafToRequests), {"test_a_request_to_cancel_reaches_the_holder"}),
    (BearsGrudges, {"test_opening_a_run_forgets_a_request_to_cancel"}),
    (CancelsAnything, {"test_what_has_ended_or_never_was_cannot_be_cancelled"}),
    (ListsByAge, {"test_lists_all_runs_the_last_changed_first"}),
    (DeletesWhatIsNotThere, {"test_a_run_that_is_deleted_is_gone"}),
    (DeletesWhatIsHeld, {"test_a_run_that_is_held_cannot_be_deleted"}),
    # Faults that break several promises.
    (
        CreatesWhatIsLookedFor,
        {
            "test_what_was_never_opened_is_not_found",
            "test_a_run_that_is_deleted_is_gone",
            "test_a_run_that_was_deleted_cannot_be_changed",
        },
    ),
    (
        store_of(KeepsOldEntries),
        {
            "test_a_call_takes_the_place_of_the_one_before_and_forgets_its_entries",
            "test_what_is_kept_stays_as_small_as_one_step",
        },
    ),
    (store_of(ChecksNoLease), {"test_who_has_lost_the_lease_can_change_nothing"}),
    (
        store_of(ClosesTheDoorOfOthers),
        {
            "test_who_has_lost_the_lease_does_not_give_back_that_of_another",
            "test_a_run_whose_lease_was_given_back_can_be_opened_at_once",
        },
    ),
    (ClosesOnce, {"test_closing_a_store_again_does_nothing", "test_only_one_of_many_gets_a_run"}),
    (OneThreadOnly, {"test_serves_several_event_loops_at_once", "test_only_one_of_many_gets_a_run"}),
    (
        WaitsForTheDead,
        {
            "test_a_run_of_a_dead_process_can_be_opened_at_once",
            "test_what_was_committed_is_there_although_nothing_was_closed",
            "test_who_has_lost_the_lease_can_change_nothing",
            "test_who_has_lost_the_lease_does_not_give_back_that_of_another",
        },
    ),
]

MACHINE = "test_agrees_with_a_model_whatever_happens"
TORN = "test_a_torn_file_is_an_error_or_an_older_state"


class KitWithoutMachine(StateBackendConformance):
    def test_agrees_with_a_model_whatever_happens(self) -> None:  # type: ignore[override]
        """Takes too long for each of many stores."""


def fixtures(kind: type[Store]) -> dict[str, Callable[[], Any]]:
    made: list[Store] = []

    def make() -> Store:
        made.append(kind())
        return made[-1]

    def last() -> Store:
        return made[-1]

    return {
        "store": make,
        "make_store": lambda: (make(), last)[1],
        "let_time_pass": lambda: lambda seconds: last().clock.advance(seconds),
        "size_bytes": lambda: last().size_bytes,
        "files": lambda: None,
    }


@pytest.mark.parametrize(("kind", "broken"), BROKEN, ids=[kind.__name__ for kind, _ in BROKEN])
def test_a_broken_store_fails_exactly_the_promise_that_it_breaks(kind: type[Store], broken: set[str]) -> None:
    assert failed_promises(KitWithoutMachine, fixtures(kind)) == broken


def test_a_store_that_takes_half_a_file_for_the_whole_is_found(tmp_path: Path) -> None:
    store = ReadsHalfAFile(tmp_path / "entries")
    with pytest.raises(AssertionError, match="entries was cut to 0 of"):
        StateBackendConformance().test_a_torn_file_is_an_error_or_an_older_state(lambda: store, lambda: [store.file])


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind",
    [store_of(LosesCallsAmongClearedScopes), store_of(ChecksNoLease), WritesWhenClosed, BearsGrudges],
    ids=lambda kind: kind.__name__,
)
def test_the_machine_finds_a_broken_store(kind: type[Store]) -> None:
    store = kind()
    without_shrinking = settings(
        max_examples=2_000,
        stateful_step_count=25,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    with pytest.raises(AssertionError):
        StateStoreMachine.check(lambda: store, store.clock.advance, without_shrinking)


def test_every_promise_of_state_backends_is_tried_on_a_broken_one() -> None:
    tried = set().union(*(broken for _, broken in BROKEN)) | {MACHINE, TORN}
    assert tried == {name for name, _ in promises(StateBackendConformance)}
