"""`LeasePromises`: who may change a run, and who finds it held."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from cascade.spec.errors import LeaseLostError, RunHeldError
from cascade.spec.identifiers import RunId
from cascade.spec.protocols import PromptStateBackend, StateStore
from cascade.spec.state import Ending, StateChange, StoredCall
from cascade.testing.conformance.state_kit import LOAD, OTHER, PARSE, RUN, StateKit, alive, dead, holder, unknown
from cascade.testing.conformance.state_machine import EXPIRED_S, LONG_S, SHORT_S


class LeasePromises(StateKit):
    """One holder at a time, and nobody is robbed or locked out for ever."""

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
                won = threads.map(lambda store, run=run: asyncio.run(attempt(store, run)), stores)
                assert sorted(won) == [False, False, False, True]
        for store in stores:
            asyncio.run(store.close())


__all__ = ["LeasePromises"]
