"""`StateBackendConformance`: the promises of `cascade.spec.protocols.StateStore` and of the `StateBackend`s it opens."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from cascade.spec.errors import LeaseLostError, RunHeldError
from cascade.spec.identifiers import RunId
from cascade.spec.protocols import PromptStateBackend, StateBackend, StateStore
from cascade.spec.state import Ending, EntryKey, Holder, IsAlive, StateChange, StoredCall
from cascade.testing.conformance.state_machine import EXPIRED_S, LONG_S, SHORT_S, StateStoreMachine

T = TypeVar("T")

PATIENCE_S: Final = 30.0
"""Real seconds after which a call is taken to hang."""

RUN: Final = RunId("run 1")
OTHER: Final = RunId("run 2")
LOAD: Final = EntryKey("", "load")
PARSE: Final = EntryKey("", "parse")
INNER: Final = EntryKey("parse", "load")

NAMES: Final = ["", "/", "a/b", "ä€😀", 'it\'s "quoted"', "%_\\", "line\nbreak", "x" * 500]
"""Texts that are hard to use as a part of a path, a pattern or a query."""

_machine_settings = settings(
    max_examples=25,
    stateful_step_count=25,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.target, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)


def holder(name: str = "first") -> Holder:
    """Somebody who opens a run; each time with another token."""
    return Holder(uuid.uuid4().hex, "host", 4711, name, 1_700_000_000.0)


def alive(_holder: Holder) -> bool | None:
    """All processes are alive."""
    return True


def dead(_holder: Holder) -> bool | None:
    """All processes have ended."""
    return False


def unknown(_holder: Holder) -> bool | None:
    """All processes are on other machines."""
    return None


class StateBackendConformance:
    """Give a fixture ``make_store`` that makes a store object of one place, which is empty when the test begins.

    Each call makes another object for the same place, as another process would. A store that is kept in memory has one
    object only, and gives that each time.
    """

    @pytest.fixture
    def make_store(self) -> Callable[[], StateStore]:
        """Makes a store object."""
        raise NotImplementedError(
            "give the test class a fixture 'make_store' that returns a function which makes a store of one place"
        )

    @pytest.fixture
    def store(self, make_store: Callable[[], StateStore]) -> StateStore:
        """A store in which there is nothing."""
        return make_store()

    @pytest.fixture
    def let_time_pass(self) -> Callable[[float], None]:
        """Lets so many seconds pass for the store; give one that moves a fake clock if the store takes a clock."""
        return time.sleep

    @pytest.fixture
    def size_bytes(self) -> Callable[[], int] | None:
        """Measures all that the store has written, where that can be done."""
        return None

    # --- Opening --------------------------------------------------------------------------------------------------

    def test_a_new_run_is_empty(self, store: StateStore) -> None:
        """A run that is opened for the first time has nothing but a record, which says who holds it."""

        async def program() -> None:
            me = holder()
            backend = await store.open(RUN, me, LONG_S, alive)
            assert backend.run_id == RUN
            found = await backend.load()
            assert (found.about, found.call, dict(found.entries), found.ending) == (None, None, {}, None)
            record = found.record
            assert (record.run_id, record.status, record.step, record.holder) == (RUN, "Running", 0, me)
            assert not record.is_cancel_requested
            await backend.close()

        self._run(store, program())

    def test_what_was_never_opened_is_not_found(self, store: StateStore) -> None:
        """``find`` of an unknown run is ``None``, ``runs`` is empty, and asking does not create a run."""

        async def program() -> None:
            assert await store.find(RUN) is None
            assert list(await store.runs()) == []
            assert await store.find(RUN) is None

        self._run(store, program())

    def test_a_run_can_be_looked_at_without_opening_it(self, store: StateStore) -> None:
        """``find`` gives what ``load`` gives, while somebody else holds the run."""

        async def program() -> None:
            backend = await store.open(RUN, holder(), LONG_S, alive)
            await backend.commit(StateChange(about=b"about", call=StoredCall(3, b"call"), entries={LOAD: b"1"}))
            assert await store.find(RUN) == await backend.load()
            await backend.close()

        self._run(store, program())

    def test_the_record_says_the_step_and_the_status(self, store: StateStore) -> None:
        """The record of a run has its current step and its status, in ``runs`` as well."""

        async def program() -> None:
            backend = await store.open(RUN, holder(), LONG_S, alive)
            await backend.commit(StateChange(call=StoredCall(7, b"call")))
            (record,) = await store.runs()
            assert (record.run_id, record.step, record.status) == (RUN, 7, "Running")
            await backend.commit(StateChange(ending=Ending("Failed", b"why")))
            (record,) = await store.runs()
            assert (record.step, record.status) == (7, "Failed")
            await backend.close()

        self._run(store, program())

    # --- Changes --------------------------------------------------------------------------------------------------

    def test_gives_back_the_bytes_that_were_kept(self, store: StateStore) -> None:
        """About, call, entries and ending come back byte by byte, empty ones and large ones, too."""
        every_byte, large = bytes(range(256)), b"x" * 1_000_000

        async def program() -> None:
            backend = await store.open(RUN, holder(), LONG_S, alive)
            change = StateChange(about=every_byte, call=StoredCall(1, large), entries={LOAD: b"", PARSE: every_byte})
            await backend.commit(change)
            await backend.commit(StateChange(ending=Ending("Failed", every_byte)))
            found = await backend.load()
            assert found.about == every_byte
            assert found.call == StoredCall(1, large)
            assert dict(found.entries) == {LOAD: b"", PARSE: every_byte}
            assert found.ending == Ending("Failed", every_byte)
            await backend.close()

        self._run(store, program())

    def test_any_text_may_be_the_name_of_a_run_or_an_entry(self, store: StateStore) -> None:
        """Names and scopes are texts of any characters, and names that look alike are apart."""

        async def program() -> None:
            keys = {EntryKey(scope, name): f"{scope}|{name}".encode() for scope in NAMES for name in NAMES}
            runs = [RunId(f"run {name}") for name in NAMES]
            for run in runs:
                backend = await store.open(run, holder(), LONG_S, alive)
                await backend.commit(StateChange(call=StoredCall(1, run.encode()), entries=keys))
                await backend.close()
            for run in runs:
                found = await store.find(run)
                assert found is not None
                assert (found.call, dict(found.entries)) == (StoredCall(1, run.encode()), keys)

        self._run(store, program())

    def test_an_entry_takes_the_place_of_one_of_the_same_key(self, store: StateStore) -> None:
        """The last entry of a key counts; the others stay."""

        async def program() -> None:
            backend = await store.open(RUN, holder(), LONG_S, alive)
            await backend.commit(StateChange(call=StoredCall(1, b"c"), entries={LOAD: b"old", PARSE: b"stays"}))
            await backend.commit(StateChange(entries={LOAD: b"new", INNER: b"inner"}))
            found = await backend.load()
            assert dict(found.entries) == {LOAD: b"new", PARSE: b"stays", INNER: b"inner"}
            assert found.call == StoredCall(1, b"c")
            await backend.close()

        self._run(store, program())

    def test_a_call_takes_the_place_of_the_one_before_and_forgets_its_entries(self, store: StateStore) -> None:
        """A new step begins without the entries of the step before; what it brings itself is kept, and about stays."""

        async def program() -> None:
            backend = await store.open(RUN, holder(), LONG_S, alive)
            await backend.commit(StateChange(b"about", StoredCall(1, b"one"), entries={LOAD: b"1", INNER: b"1"}))
            await backend.commit(StateChange(call=StoredCall(2, b"two"), entries={PARSE: b"2"}))
            found = await backend.load()
            assert (found.about, found.call) == (b"about", StoredCall(2, b"two"))
            assert dict(found.entries) == {PARSE: b"2"}
            await backend.close()

        self._run(store, program())

    def test_a_scope_that_is_cleared_is_forgotten_and_no_other(self, store: StateStore) -> None:
        """``cleared`` forgets the entries of exactly these scopes, before the entries of the same change are kept."""
        scopes = ["", "loop", "loop/inner", "loop2", "Loop"]

        async def program() -> None:
            backend = await store.open(RUN, holder(), LONG_S, alive)
            entries = {EntryKey(scope, "load"): b"old" for scope in scopes}
            await backend.commit(StateChange(call=StoredCall(1, b"c"), entries=entries))
            again = {EntryKey("loop", "parse"): b"new"}
            await backend.commit(StateChange(cleared=frozenset({"loop", "Loop"}), entries=again))
            left = {EntryKey(scope, "load"): b"old" for scope in ("", "loop/inner", "loop2")}
            assert dict((await backend.load()).entries) == left | again
            await backend.close()

        self._run(store, program())

    def test_about_stays_until_it_is_replaced(self, store: StateStore) -> None:
        """A change without ``about`` leaves it."""

        async def program() -> None:
            backend = await store.open(RUN, holder(), LONG_S, alive)
            for about, expected in ((b"one", b"one"), (None, b"one"), (b"", b""), (b"two", b"two")):
                await backend.commit(StateChange(about=about, call=StoredCall(1, b"c")))
                assert (await backend.load()).about == expected
            await backend.close()

        self._run(store, program())

    def test_a_run_that_failed_can_be_continued(self, store: StateStore) -> None:
        """A failed or cancelled run keeps its call and entries; when it is opened again it has no ending."""

        async def program() -> None:
            for status in ("Failed", "Cancelled"):
                run = RunId(status)
                backend = await store.open(run, holder(), LONG_S, alive)
                await backend.commit(StateChange(b"about", StoredCall(2, b"call"), entries={LOAD: b"1"}))
                await backend.commit(StateChange(ending=Ending(status, b"why")))  # type: ignore[arg-type]
                ended = await backend.load()
                assert (ended.record.status, ended.ending) == (status, Ending(status, b"why"))  # type: ignore[arg-type]
                await backend.close()
                backend = await store.open(run, holder(), LONG_S, alive)
                found = await backend.load()
                assert (found.record.status, found.ending) == ("Running", None)
                for kept in (ended, found):
                    assert (kept.about, kept.call, dict(kept.entries)) == (
                        b"about",
                        StoredCall(2, b"call"),
                        {LOAD: b"1"},
                    )
                await backend.close()

        self._run(store, program())

    def test_a_run_that_succeeded_keeps_its_value_only(self, store: StateStore) -> None:
        """Success forgets the call and the entries; opening the run again does not change that it has ended."""

        async def program() -> None:
            backend = await store.open(RUN, holder(), LONG_S, alive)
            await backend.commit(StateChange(b"about", StoredCall(2, b"call"), entries={LOAD: b"1"}))
            await backend.commit(StateChange(ending=Ending("Succeeded", b"value")))
            await backend.close()
            backend = await store.open(RUN, holder(), LONG_S, alive)
            found = await backend.load()
            assert (found.about, found.call, dict(found.entries)) == (b"about", None, {})
            assert (found.record.status, found.ending) == ("Succeeded", Ending("Succeeded", b"value"))
            await backend.close()

        self._run(store, program())

    def test_a_change_of_nothing_changes_nothing(self, store: StateStore) -> None:
        """An empty change leaves everything as it is."""

        async def program() -> None:
            backend = await store.open(RUN, holder(), LONG_S, alive)
            await backend.commit(StateChange(b"about", StoredCall(2, b"call"), entries={LOAD: b"1"}))
            before = await backend.load()
            await backend.commit(StateChange())
            assert (await backend.load())[1:] == before[1:]
            await backend.close()

        self._run(store, program())

    def test_a_prompt_change_is_made_or_not(self, store: StateStore) -> None:
        """``try_commit``, if there is one, says whether the change was made, and it was made wholly or not at all."""

        async def program() -> None:
            backend = await store.open(RUN, holder(), LONG_S, alive)
            if not isinstance(backend, PromptStateBackend):
                await backend.close()
                pytest.skip("the backend has no try_commit")
            change = StateChange(b"about", StoredCall(2, b"call"), entries={LOAD: b"1"})
            was_made = backend.try_commit(change)
            assert isinstance(was_made, bool)
            found = await backend.load()
            content = (found.about, found.call, dict(found.entries))
            assert content == ((b"about", StoredCall(2, b"call"), {LOAD: b"1"}) if was_made else (None, None, {}))
            await backend.close()

        self._run(store, program())

    def test_runs_do_not_see_each_other(self, store: StateStore) -> None:
        """What is changed, ended or deleted in one run changes nothing in another."""

        async def program() -> None:
            first = await store.open(RUN, holder(), LONG_S, alive)
            second = await store.open(OTHER, holder(), LONG_S, alive)
            await first.commit(StateChange(b"a", StoredCall(1, b"first"), entries={LOAD: b"1"}))
            await second.commit(StateChange(b"b", StoredCall(1, b"second"), entries={LOAD: b"2"}))
            before = (await first.load())[1:]
            await second.commit(StateChange(call=StoredCall(2, b"two"), cleared=frozenset({""})))
            await second.commit(StateChange(ending=Ending("Succeeded", b"")))
            await second.close()
            assert await store.delete(OTHER, alive)
            assert (await first.load())[1:] == before
            await first.close()

        self._run(store, program())

    # --- Durability -----------------------------------------------------------------------------------------------

    def test_what_was_committed_is_there_after_the_store_was_closed(self, make_store: Callable[[], StateStore]) -> None:
        """Another store object for the same place finds everything that was committed."""

        async def write(store: StateStore) -> None:
            backend = await store.open(RUN, holder(), LONG_S, alive)
            await backend.commit(StateChange(b"about", StoredCall(2, b"call"), entries={LOAD: b"1", INNER: b"2"}))
            await backend.close()

        async def read(store: StateStore) -> None:
            found = await store.find(RUN)
            assert found is not None
            assert (found.about, found.call) == (b"about", StoredCall(2, b"call"))
            assert dict(found.entries) == {LOAD: b"1", INNER: b"2"}
            assert found.record.holder is None

        for program in (write, read):
            store = make_store()
            self._run(store, program(store))

    def test_what_was_committed_is_there_although_nothing_was_closed(
        self, make_store: Callable[[], StateStore]
    ) -> None:
        """When ``commit`` returns, the change is safe: who looks from outside sees it, and can take over."""
        first, second = make_store(), make_store()

        async def program() -> None:
            backend = await first.open(RUN, holder(), LONG_S, alive)
            await backend.commit(StateChange(b"about", StoredCall(2, b"call"), entries={LOAD: b"1"}))
            taken = await second.open(RUN, holder("second"), LONG_S, dead)
            found = await taken.load()
            assert (found.about, found.call, dict(found.entries)) == (b"about", StoredCall(2, b"call"), {LOAD: b"1"})
            await taken.close()
            await backend.close()
            await second.close()

        self._run(first, program())

    def test_what_is_kept_stays_as_small_as_one_step(
        self, store: StateStore, size_bytes: Callable[[], int] | None
    ) -> None:
        """A loop of many steps does not let the store grow."""
        if size_bytes is None:
            pytest.skip("the test class has no fixture 'size_bytes'")

        async def program() -> None:
            backend = await store.open(RUN, holder(), LONG_S, alive)
            sizes = []
            for step in range(1, 1_001):
                change = StateChange(call=StoredCall(step, b"c" * 100), entries={EntryKey("", f"{step}"): b"e" * 1_000})
                await backend.commit(change)
                if step in (500, 1_000):
                    sizes.append(size_bytes())
            assert sizes[1] <= sizes[0] + 100_000, "the second 500 steps have added more than a tenth of their data"
            await backend.close()

        self._run(store, program())

    # --- Leases ---------------------------------------------------------------------------------------------------

    def test_a_run_that_is_held_cannot_be_opened(self, make_store: Callable[[], StateStore]) -> None:
        """While the process of the holder is alive, opening the run is a `RunHeldError` that names the holder."""
        store, elsewhere = make_store(), make_store()

        async def program() -> None:
            me = holder()
            backend = await store.open(RUN, me, LONG_S, alive)
            for other in (store, elsewhere):
                with pytest.raises(RunHeldError) as caught:
                    await other.open(RUN, holder("second"), LONG_S, alive)
                assert (caught.value.run_id, caught.value.holder) == (RUN, me)
            await backend.commit(StateChange(call=StoredCall(1, b"c")))  # it has lost nothing
            await backend.close()
            await elsewhere.close()

        self._run(store, program())

    def test_a_run_whose_lease_was_given_back_can_be_opened_at_once(self, store: StateStore) -> None:
        """``close`` gives the lease back, and may be called again."""

        async def program() -> None:
            backend = await store.open(RUN, holder(), LONG_S, alive)
            await backend.close()
            again = await store.open(RUN, holder(), LONG_S, alive)
            await backend.close()
            with pytest.raises(RunHeldError):
                await store.open(RUN, holder(), LONG_S, alive)
            await again.close()

        self._run(store, program())

    def test_a_run_of_a_dead_process_can_be_opened_at_once(self, store: StateStore) -> None:
        """If the process of the holder is known to have ended, nobody waits for its lease."""

        async def program() -> None:
            await store.open(RUN, holder(), LONG_S, alive)
            me = holder("second")
            backend = await store.open(RUN, me, LONG_S, dead)
            assert (await backend.load()).record.holder == me
            await backend.close()

        self._run(store, program())

    def test_a_lease_decides_where_nothing_is_known_of_the_holder(
        self, store: StateStore, let_time_pass: Callable[[float], None]
    ) -> None:
        """A run of another machine can be opened when its lease has expired, and not before."""

        async def program() -> None:
            await store.open(RUN, holder(), LONG_S, alive)
            await store.open(OTHER, holder(), SHORT_S, alive)
            let_time_pass(EXPIRED_S)
            with pytest.raises(RunHeldError):
                await store.open(RUN, holder("second"), LONG_S, unknown)
            backend = await store.open(OTHER, holder("second"), LONG_S, unknown)
            await backend.close()

        self._run(store, program())

    def test_the_run_of_a_living_process_is_held_even_if_its_lease_has_expired(
        self, store: StateStore, let_time_pass: Callable[[float], None]
    ) -> None:
        """A process that was slow to renew is not robbed by a neighbour who can see that it is alive."""

        async def program() -> None:
            backend = await store.open(RUN, holder(), SHORT_S, alive)
            let_time_pass(EXPIRED_S)
            with pytest.raises(RunHeldError):
                await store.open(RUN, holder("second"), LONG_S, alive)
            await backend.commit(StateChange(call=StoredCall(1, b"c")))
            await backend.close()

        self._run(store, program())

    def test_renewing_prolongs_the_lease(self, store: StateStore, let_time_pass: Callable[[float], None]) -> None:
        """``renew`` lets the lease expire later."""

        async def program() -> None:
            backend = await store.open(RUN, holder(), SHORT_S, alive)
            before = (await backend.load()).record.held_until
            let_time_pass(EXPIRED_S)
            await backend.renew()
            assert (await backend.load()).record.held_until >= before + SHORT_S
            await backend.close()

        self._run(store, program())

    def test_who_has_lost_the_lease_can_change_nothing(self, make_store: Callable[[], StateStore]) -> None:
        """After a takeover the old holder's ``commit`` and ``renew`` are `LeaseLostError`s without any effect."""
        store, elsewhere = make_store(), make_store()

        async def program() -> None:
            old = await store.open(RUN, holder(), LONG_S, alive)
            await old.commit(StateChange(b"about", StoredCall(1, b"c"), entries={LOAD: b"1"}))
            new = await elsewhere.open(RUN, holder("second"), LONG_S, dead)
            before = await new.load()
            with pytest.raises(LeaseLostError):
                await old.commit(StateChange(b"no", StoredCall(2, b"no"), entries={PARSE: b"no"}))
            with pytest.raises(LeaseLostError):
                await old.commit(StateChange(ending=Ending("Failed", b"no")))
            with pytest.raises(LeaseLostError):
                await old.renew()
            if isinstance(old, PromptStateBackend):
                try:
                    assert not old.try_commit(StateChange(about=b"no"))
                except LeaseLostError:
                    pass
            assert await new.load() == before
            await new.close()
            await elsewhere.close()

        self._run(store, program())

    def test_who_has_lost_the_lease_does_not_give_back_that_of_another(self, store: StateStore) -> None:
        """``close`` of the old holder is no error, and the new holder keeps the run."""

        async def program() -> None:
            old = await store.open(RUN, holder(), LONG_S, alive)
            new = await store.open(RUN, holder("second"), LONG_S, dead)
            await old.close()
            with pytest.raises(RunHeldError):
                await store.open(RUN, holder("third"), LONG_S, alive)
            await new.commit(StateChange(call=StoredCall(1, b"c")))
            await new.close()

        self._run(store, program())

    def test_only_one_of_many_gets_a_run(self, make_store: Callable[[], StateStore]) -> None:
        """Of several who open a run at the same time one gets it, and the others a `RunHeldError`."""
        stores = [make_store() for _ in range(4)]

        async def attempt(store: StateStore, run: RunId) -> bool:
            try:
                await store.open(run, holder(), LONG_S, alive)
            except RunHeldError:
                return False
            return True

        with ThreadPoolExecutor(len(stores)) as threads:
            for turn in range(5):
                run = RunId(f"run {turn}")
                won = threads.map(lambda store, run=run: asyncio.run(attempt(store, run)), stores)  # type: ignore[misc]
                assert sorted(won) == [False, False, False, True]
        for store in stores:
            asyncio.run(store.close())

    # --- Requests, lists, deletion --------------------------------------------------------------------------------

    def test_a_request_to_cancel_reaches_the_holder(self, make_store: Callable[[], StateStore]) -> None:
        """The holder hears of a request, wherever it was made, by its next ``renew``."""
        store, elsewhere = make_store(), make_store()

        async def program() -> None:
            backend = await store.open(RUN, holder(), LONG_S, alive)
            bystander = await store.open(OTHER, holder(), LONG_S, alive)
            assert await backend.renew() is False
            assert await elsewhere.request_cancel(RUN) is True
            assert (await backend.load()).record.is_cancel_requested
            assert [await backend.renew(), await bystander.renew()] == [True, False]
            for opened in (backend, bystander):
                await opened.close()
            await elsewhere.close()

        self._run(store, program())

    def test_opening_a_run_forgets_a_request_to_cancel(self, store: StateStore) -> None:
        """Who continues a run that was cancelled is not cancelled again."""

        async def program() -> None:
            backend = await store.open(RUN, holder(), LONG_S, alive)
            await store.request_cancel(RUN)
            await backend.close()
            backend = await store.open(RUN, holder(), LONG_S, alive)
            assert await backend.renew() is False
            await backend.close()

        self._run(store, program())

    def test_what_has_ended_or_never_was_cannot_be_cancelled(self, store: StateStore) -> None:
        """A request to cancel an unknown run, or one that has ended, is answered by ``False``."""

        async def program() -> None:
            assert await store.request_cancel(OTHER) is False
            backend = await store.open(RUN, holder(), LONG_S, alive)
            await backend.commit(StateChange(ending=Ending("Succeeded", b"")))
            await backend.close()
            assert await store.request_cancel(RUN) is False

        self._run(store, program())

    def test_lists_all_runs_the_last_changed_first(
        self, store: StateStore, let_time_pass: Callable[[float], None]
    ) -> None:
        """``runs`` has the record of each run; the one that was changed last comes first."""

        async def program() -> None:
            opened: list[StateBackend] = []
            for name in "abc":
                opened.append(await store.open(RunId(name), holder(), LONG_S, alive))
                let_time_pass(0.01)
            await opened[0].commit(StateChange(call=StoredCall(1, b"c")))
            records = list(await store.runs())
            assert [record.run_id for record in records] == ["a", "c", "b"]
            assert all(record.created_at <= record.updated_at for record in records)
            assert records[0].created_at < records[0].updated_at
            for backend in opened:
                await backend.close()

        self._run(store, program())

    def test_a_run_that_is_deleted_is_gone(self, store: StateStore) -> None:
        """``delete`` forgets all of a run, says whether there was one, and the run can be begun anew."""

        async def program() -> None:
            backend = await store.open(RUN, holder(), LONG_S, alive)
            await backend.commit(StateChange(b"about", StoredCall(2, b"call"), entries={LOAD: b"1"}))
            await backend.close()
            assert await store.delete(RUN, alive) is True
            assert await store.delete(RUN, alive) is False
            assert (await store.find(RUN), list(await store.runs())) == (None, [])
            backend = await store.open(RUN, holder(), LONG_S, alive)
            found = await backend.load()
            assert (found.about, found.call, dict(found.entries), found.record.step) == (None, None, {}, 0)
            await backend.close()

        self._run(store, program())

    def test_a_run_that_is_held_cannot_be_deleted(self, store: StateStore) -> None:
        """``delete`` of a run that is held is a `RunHeldError`; if its process has ended, it is deleted."""

        async def program() -> None:
            me = holder()
            backend = await store.open(RUN, me, LONG_S, alive)
            with pytest.raises(RunHeldError) as caught:
                await store.delete(RUN, alive)
            assert caught.value.holder == me
            await backend.commit(StateChange(call=StoredCall(1, b"c")))
            assert await store.delete(RUN, dead) is True

        self._run(store, program())

    # --- Use ------------------------------------------------------------------------------------------------------

    def test_serves_several_event_loops_at_once(self, store: StateStore) -> None:
        """Event loops in several threads may use one store object at the same time, each with runs of its own."""

        def live(number: int) -> list[int]:
            async def program() -> list[int]:
                backend = await store.open(RunId(f"run {number}"), holder(), LONG_S, alive)
                steps = []
                for step in range(1, 11):
                    await backend.commit(StateChange(call=StoredCall(step, b"c"), entries={LOAD: b"1"}))
                    steps.append((await backend.load()).record.step)
                await backend.close()
                return steps

            return asyncio.run(program())

        with ThreadPoolExecutor(4) as threads:
            assert list(threads.map(live, range(4))) == [list(range(1, 11))] * 4
        asyncio.run(store.close())

    def test_closing_a_store_again_does_nothing(self, store: StateStore) -> None:
        """``close`` may be called twice, and on a store that was never used."""

        async def program() -> None:
            await store.close()
            await store.close()

        self._run(store, program())

    def test_agrees_with_a_model_whatever_happens(
        self, make_store: Callable[[], StateStore], let_time_pass: Callable[[float], None]
    ) -> None:
        """After any sequence of openings, changes, crashes, takeovers, … the store holds what a plain model holds."""
        run_state_machine_as_test(lambda: StateStoreMachine(make_store, let_time_pass), settings=_machine_settings)

    # --- How ------------------------------------------------------------------------------------------------------

    def _run(self, store: StateStore, program: Coroutine[Any, Any, T]) -> T:
        async def limited() -> T:
            async with asyncio.timeout(PATIENCE_S):
                try:
                    return await program
                finally:
                    await store.close()

        return asyncio.run(limited())


__all__ = ["IsAlive", "StateBackendConformance"]
