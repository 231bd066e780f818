"""`StateBackendConformance`: the promises of `cascade.spec.protocols.StateStore` and of its `StateBackend`s."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, Phase, settings

from cascade.spec.errors import LeaseLostError, RunHeldError
from cascade.spec.identifiers import RunId
from cascade.spec.protocols import StateBackend, StateStore
from cascade.spec.state import Ending, StateChange, StoredCall
from cascade.testing.conformance.state_changes import StateChangePromises
from cascade.testing.conformance.state_kit import LOAD, OTHER, RUN, alive, dead, holder
from cascade.testing.conformance.state_leases import LeasePromises
from cascade.testing.conformance.state_machine import LONG_S, StateStoreMachine

_machine_settings = settings(
    max_examples=25,
    stateful_step_count=25,
    deadline=None,
    report_multiple_bugs=False,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.target, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)


class StateBackendConformance(StateChangePromises, LeasePromises):
    """Give a fixture ``make_store`` that makes a store object of one place, which is empty when the test begins.

    Each call makes another object for the same place, as another process would. A store that is kept in memory has one
    object only, and gives that each time.
    """

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

    # --- Requests and lists, deletion --------------------------------------------------------------------------------

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

    def test_a_run_that_was_deleted_cannot_be_changed(self, store: StateStore) -> None:
        """Who held a run that was deleted has lost its lease, whether or not the run was begun anew."""

        async def program() -> None:
            old = await store.open(RUN, holder(), LONG_S, alive)
            await store.delete(RUN, dead)
            with pytest.raises(LeaseLostError):
                await old.commit(StateChange(call=StoredCall(1, b"no")))
            assert await store.find(RUN) is None
            new = await store.open(RUN, holder("second"), LONG_S, alive)
            for change in (old.commit(StateChange(call=StoredCall(1, b"no"))), old.renew()):
                with pytest.raises(LeaseLostError):
                    await change
            assert (await new.load()).call is None
            await old.close()
            await new.close()

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
        StateStoreMachine.check(make_store, let_time_pass, _machine_settings)


__all__ = ["StateBackendConformance"]
