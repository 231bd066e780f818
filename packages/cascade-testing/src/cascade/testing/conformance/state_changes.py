"""`StateChangePromises`: what a state store keeps of a change, and for how long."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from cascade.spec.errors import CorruptDataError, StateStoreError
from cascade.spec.identifiers import RunId
from cascade.spec.protocols import PromptStateBackend, StateStore
from cascade.spec.state import Ending, EntryKey, StateChange, StoredCall, StoredRun
from cascade.testing.conformance.state_kit import INNER, LOAD, NAMES, OTHER, PARSE, RUN, StateKit, alive, dead, holder
from cascade.testing.conformance.state_machine import LONG_S


class StateChangePromises(StateKit):
    """What is committed is kept, byte by byte, by itself, and no longer than its step."""

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
                await backend.commit(StateChange(ending=Ending(status, b"why")))
                ended = await backend.load()
                assert (ended.record.status, ended.ending) == (status, Ending(status, b"why"))
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

    def test_a_torn_file_is_an_error_or_an_older_state(
        self, make_store: Callable[[], StateStore], files: Callable[[], Iterable[Path]] | None
    ) -> None:
        """When the end of a file is missing, the run is found as some commit has left it, or the error says so."""
        if files is None:
            pytest.skip("the test class has no fixture 'files'")

        async def write(store: StateStore) -> tuple[list[StoredRun | None], dict[Path, bytes]]:
            backend = await store.open(RUN, holder(), LONG_S, alive)
            states: list[StoredRun | None] = [None, await backend.load()]
            for step in range(1, 6):
                entries = {EntryKey("", f"node {step}"): bytes([step]) * 500}
                await backend.commit(StateChange(b"about", StoredCall(step, bytes([step]) * 500), entries=entries))
                states.append(await backend.load())
            return states, {file: file.read_bytes() for file in files()}  # and nothing was closed

        written, whole = self._run(store := make_store(), write(store))
        states = [state and state[1:] for state in written]
        for torn, content in whole.items():
            for size in range(0, len(content), max(1, len(content) // 20)):
                for file in files():
                    file.unlink()
                for file, kept in whole.items():
                    file.write_bytes(kept[:size] if file == torn else kept)
                try:
                    found = self._run(store := make_store(), store.find(RUN))
                except (CorruptDataError, StateStoreError):
                    continue
                assert (found and found[1:]) in states, f"{torn.name} was cut to {size} of {len(content)} bytes"

    def test_what_is_kept_stays_as_small_as_one_step(
        self, store: StateStore, size_bytes: Callable[[], int] | None
    ) -> None:
        """A loop of many steps does not let the store grow."""
        if size_bytes is None:
            pytest.skip("the test class has no fixture 'size_bytes'")

        async def program() -> None:
            backend = await store.open(RUN, holder(), LONG_S, alive)
            sizes = []
            for step in range(1, 301):
                change = StateChange(call=StoredCall(step, b"c" * 100), entries={EntryKey("", f"{step}"): b"e" * 1_000})
                await backend.commit(change)
                if step in (100, 300):
                    sizes.append(size_bytes())
            assert sizes[1] <= sizes[0] + 20_000, "200 more steps have added more than a tenth of their data"
            await backend.close()

        self._run(store, program())


__all__ = ["StateChangePromises"]
