"""`SqliteStateStore`: files that are damaged, locked, full or of another version, and a loop that waits for none."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cascade import workflow as cs
from cascade.adapters import sqlite_file
from cascade.adapters.state import sqlite, sqlite_writer
from cascade.runtime.durability.leases import is_alive, new_holder
from cascade.spec.identifiers import RunId
from cascade.spec.state import EntryKey, StateChange, StoredCall
from cascade.testing import FakeClock

from .programs import CALLS, count, join, work

R1 = RunId("r1")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


@pytest.fixture(autouse=True)
def counted_from_zero() -> None:
    CALLS.clear()


def url(file: Path, options: str = "") -> str:
    return f"sqlite:///{file}{options}"


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Another program is writing."""
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


def test_the_file_is_for_its_owner_only(file: Path) -> None:
    cs.run(count(1), run_id="r1", state=url(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("level", ["step", "interval"])
def test_full_synchronisation_keeps_what_normal_does(file: Path, level: str) -> None:
    state = url(file, "?synchronous=full")
    assert cs.run(count(20), run_id="r1", state=state, durability=level) == 210
    assert cs.run(count(20), run_id="r1", state=state) == 210
    assert CALLS["count 20"] == 1


def test_a_damaged_file_is_refused_and_not_touched(file: Path) -> None:
    file.write_bytes(b"SQLite format 3\0" + b"damaged " * 1000)
    before = file.read_bytes()
    with pytest.raises(
        cs.CorruptDataError, match=r"runs\.db is no SQLite database, or a damaged one .* nothing was chan"
    ):
        cs.run(count(1), run_id="r1", state=url(file))
    assert file.read_bytes() == before
    assert not CALLS


def test_a_damaged_page_inside_a_file_is_named_when_it_is_met(file: Path) -> None:
    state = url(file)
    cs.run(count(1), run_id="r1", state=state)
    data = bytearray(file.read_bytes())
    data[1024:] = b"\xff" * len(data[1024:])
    file.write_bytes(data)
    with pytest.raises(cs.CorruptDataError, match=r"put back a copy, or choose another file"):
        cs.run(count(1), run_id="r2", state=state)


def test_a_folder_in_place_of_the_file_is_named_as_one(tmp_path: Path) -> None:
    with pytest.raises(cs.StateStoreError, match="cannot be used: it is a folder, or a file that you may"):
        cs.run(count(1), run_id="r1", state=url(tmp_path))


def test_a_file_of_another_program_is_refused(file: Path) -> None:
    other = sqlite3.connect(file)
    other.execute("CREATE TABLE notes (text)")
    other.commit()
    other.close()
    with pytest.raises(cs.CorruptDataError, match="is the database of another program"):
        cs.run(count(1), run_id="r1", state=url(file))


def test_a_file_of_a_newer_version_is_refused(file: Path) -> None:
    cs.run(count(1), run_id="r1", state=url(file))
    newer = sqlite3.connect(file)
    newer.execute("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(cs.CorruptDataError, match=r"written by a newer version of Cascade \(schema 99"):
        cs.run(count(1), run_id="r2", state=url(file))


def test_a_file_of_an_older_version_is_migrated(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = url(file)
    assert cs.run(count(3), run_id="r1", state=state) == 6
    layout = sqlite._LAYOUT
    newer = layout._replace(migrations=(*layout.migrations, ("ALTER TABLE runs ADD COLUMN colour TEXT",)))
    monkeypatch.setattr(sqlite, "_LAYOUT", newer)
    assert cs.run(count(3), run_id="r1", state=state) == 6
    assert CALLS["count 3"] == 1
    with sqlite3.connect(file) as migrated:
        assert migrated.execute("PRAGMA user_version").fetchone() == (2,)
        assert migrated.execute("SELECT id, colour FROM runs").fetchall() == [("r1", None)]
    migrated.close()


def test_a_migration_that_fails_changes_nothing(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cs.run(count(3), run_id="r1", state=url(file))
    layout = sqlite._LAYOUT
    steps = ("ALTER TABLE runs ADD COLUMN colour TEXT", "this is no SQL")
    with pytest.raises(sqlite3.OperationalError):
        sqlite_file.open_database(str(file), layout._replace(migrations=(*layout.migrations, steps)), 1.0)
    assert cs.run(count(3), run_id="r1", state=url(file)) == 6


def test_a_file_that_stays_locked_is_an_error_that_says_so(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cs.run(count(1), run_id="r1", state=url(file))
    monkeypatch.setattr(sqlite_writer, "BUSY_TIMEOUT_S", 0.05)
    with (
        locked(file),
        pytest.raises(cs.StateStoreError, match=r"runs\.db cannot be used: it was locked by another prog"),
    ):
        cs.run(count(1), run_id="r2", state=url(file))


async def test_the_event_loop_goes_on_while_a_step_waits_for_a_lock(file: Path) -> None:
    """The lock is only released by what the event loop does meanwhile: if it waited for the lock, this would fail."""
    turns = 0
    with cs.Engine() as engine:
        store = cs.SqliteStateStore(file)
        await engine.run(count(1), run_id="r0", state=store)
        with locked(file):
            running = asyncio.create_task(engine.run(count(200), run_id="r1", state=store))
            while turns < 50:
                await asyncio.sleep(0.001)
                turns += 1
            assert not running.done()
        assert await running == sum(range(201))
        await store.close()


def test_a_full_disk_stops_the_run_and_loses_nothing(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit of pages gives the very error that a full disk gives."""
    opened: list[Any] = []
    original = sqlite_file.open_database

    def open_small(*args: Any) -> Any:
        connection = original(*args)
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages + 30}")
        opened.append(connection)
        return connection

    with monkeypatch.context() as patch:
        patch.setattr(sqlite_writer, "open_database", open_small)
        with pytest.raises(cs.StateStoreError, match="the disk is full; what was stored before is safe"):
            cs.run(grow(1, "x"), run_id="r1", state=url(file))
    assert opened
    stood = max(int(name.partition(" ")[2]) for name in CALLS)
    CALLS.clear()
    assert cs.run(grow(1, "x"), run_id="r1", state=url(file)) == 40_000
    assert min(int(name.partition(" ")[2]) for name in CALLS) in (stood, stood + 1)


@cs.task(mode="inline")
def grow(n: int, text: str) -> int:
    CALLS[f"grow {n}"] += 1
    return len(text) if len(text) >= 40_000 else grow(n + 1, (text + "x" * 2_000)[:40_000])


async def test_a_lost_lease_stops_whoever_had_it(file: Path) -> None:
    clock = FakeClock(1_000.0)
    store = cs.SqliteStateStore(file, clock=clock)
    stranger = new_holder(1_000.0)._replace(process="another machine 1", host="elsewhere")
    mine = await store.open(R1, stranger, 20.0, is_alive)
    await mine.commit(StateChange(call=StoredCall(1, b"one")))
    with pytest.raises(cs.RunHeldError, match=r"process \d+ on elsewhere, since 1970-01-01 00:16:40"):
        await store.open(R1, new_holder(1_000.0), 20.0, is_alive)
    clock.advance(21)
    other = await store.open(R1, new_holder(1_021.0), 20.0, is_alive)
    for attempt in (mine.commit(StateChange(call=StoredCall(2, b"two"))), mine.renew()):
        with pytest.raises(cs.LeaseLostError, match="its lease had expired"):
            await attempt
    with pytest.raises(cs.LeaseLostError):
        mine.try_commit(StateChange(call=StoredCall(2, b"two")))
    await mine.close()
    assert (await other.load()).call == StoredCall(1, b"one")
    await other.close()
    await store.close()


async def test_many_runs_of_a_process_share_their_transactions(file: Path) -> None:
    store = cs.SqliteStateStore(file, "FULL")
    with cs.Engine() as engine:
        runs = [engine.run(count(10), run_id=f"r{n}", state=store) for n in range(40)]
        assert await asyncio.gather(*runs) == [55] * 40
    assert len(await store.runs()) == 40
    await store.close()


async def test_entries_are_rows_of_their_step(file: Path) -> None:
    store = cs.SqliteStateStore(file)
    backend = await store.open(R1, new_holder(0.0), 20.0, is_alive)
    key = EntryKey("", "a")
    assert backend.try_commit(StateChange(call=StoredCall(1, b"one"), entries={key: b"1"}))
    assert (await backend.load()).entries == {key: b"1"}
    assert backend.try_commit(StateChange(call=StoredCall(2, b"two")))
    assert (await backend.load()).entries == {}
    await backend.close()
    await store.close()


def test_two_engines_of_one_process_cannot_run_the_same_run(file: Path) -> None:
    async def both() -> list[list[Any] | BaseException]:
        first = cs.arun(join("join", work("a"), work("b")), run_id="r1", state=url(file))
        second = cs.arun(join("join", work("a"), work("b")), run_id="r1", state=url(file))
        return list(await asyncio.gather(first, second, return_exceptions=True))

    outcomes = asyncio.run(both())
    assert sum(isinstance(outcome, cs.RunHeldError) for outcome in outcomes) == 1
    assert CALLS == {"a": 1, "b": 1, "join": 1}


def test_a_relative_path_is_the_same_file_wherever_the_program_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(tmp_path)
    store = cs.SqliteStateStore("runs.db")
    monkeypatch.chdir(elsewhere)
    assert asyncio.run(_found_and_closed(store)) == []
    assert (tmp_path / "runs.db").exists()
    assert list(elsewhere.iterdir()) == []


async def _found_and_closed(store: cs.SqliteStateStore) -> list[Any]:
    try:
        return list(await store.runs())
    finally:
        await store.close()


async def test_a_store_that_is_used_again_while_it_is_closed_works(file: Path) -> None:
    store = cs.SqliteStateStore(file)
    begun, released = threading.Event(), threading.Event()

    def slowly(_connection: Any) -> int:
        begun.set()
        assert released.wait(10)
        return 1

    slow = asyncio.create_task(store._writer.change(slowly))
    await asyncio.to_thread(begun.wait, 10)
    closing = asyncio.create_task(store.close())
    await asyncio.sleep(0)
    again = asyncio.create_task(store.runs())
    await asyncio.sleep(0)
    released.set()
    async with asyncio.timeout(10):
        assert await slow == 1
        assert await again == []
        await closing
        await store.close()
