"""A database is closed once and by its own process: by whoever drops it, if nobody else did, and never by a fork."""

from __future__ import annotations

import asyncio
import gc
import os
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from cascade import workflow as cs
from cascade.adapters import sqlite_file
from cascade.adapters.state import sqlite_writer
from tests.support.running import run_script

from .programs import count


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


def opened(folder: Path) -> list[str]:
    """Files of a folder that this process has open."""
    descriptors = Path("/proc/self/fd").iterdir()
    targets = [str(descriptor.readlink()) for descriptor in descriptors if descriptor.is_symlink()]
    return sorted(target for target in targets if target.startswith(str(folder)))


def state_threads() -> list[threading.Thread]:
    """Threads that write into databases."""
    return [thread for thread in threading.enumerate() if thread.name == "cascade state"]


def test_a_store_that_is_dropped_ends_its_thread_and_closes_its_file(file: Path) -> None:
    before = state_threads()
    store = cs.SqliteStateStore(file)
    with cs.Engine(state=store) as engine:
        assert asyncio.run(engine.run(count(3), run_id="r1")) == 6
    (thread,) = set(state_threads()) - set(before)
    assert opened(file.parent)
    del store, engine
    gc.collect()
    thread.join(timeout=60)
    assert opened(file.parent) == []
    assert cs.run(count(3), run_id="r1", state=f"sqlite:///{file}") == 6


def test_a_dropped_store_leaves_nothing_of_a_run_that_goes_on(file: Path) -> None:
    """The caller has no store any more, but its run has."""
    assert cs.run(count(500), state=cs.SqliteStateStore(file), run_id="r1", durability="interval") == sum(range(501))


def test_a_store_that_is_closed_while_others_use_it_serves_them_first(file: Path) -> None:
    async def program() -> list[Any]:
        store = cs.SqliteStateStore(file)
        asked = [store.request_cancel(cs.RunId("r1")), store.runs(), store.request_cancel(cs.RunId("r2")), store.runs()]
        asking = [asyncio.ensure_future(one) for one in asked]
        await asyncio.sleep(0)
        await store.close()
        return await asyncio.wait_for(asyncio.gather(*asking), 60)

    assert asyncio.run(program()) == [False, [], False, []]
    assert opened(file.parent) == []


def test_a_file_that_cannot_be_opened_twice_is_not_left_open_once(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second connection breaks after it was made."""
    original = sqlite_file.open_database
    made: list[sqlite3.Connection] = []

    def breaking(*arguments: Any) -> Any:
        connection = original(*arguments)
        made.append(connection)
        return connection if len(made) == 1 else Broken(connection)

    monkeypatch.setattr(sqlite_writer, "open_database", breaking)
    with pytest.raises(cs.StateStoreError, match="broken"):
        cs.run(count(1), state=f"sqlite:///{file}")
    assert len(made) == 2
    for connection in made:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            connection.execute("SELECT 1")


class Broken:
    """A connection on which nothing works but closing it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.close = connection.close

    def execute(self, *_: Any) -> Any:
        raise sqlite3.OperationalError("broken")


@pytest.mark.parametrize("kind", ["store", "cache"])
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_fork_that_drops_it_leaves_the_connections_of_its_parent(kind: str, file: Path) -> None:
    held: list[Any] = [cs.SqliteStateStore(file) if kind == "store" else cs.SqliteCache(file)]
    if kind == "store":
        asyncio.run(held[0].runs())
    else:
        held[0].entries()
    before = opened(file.parent)
    assert before
    child = os.fork()
    if child == 0:
        status = 1
        try:
            held.clear()
            gc.collect()
            status = 0 if opened(file.parent) == before else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    held.clear()


@pytest.mark.slow
def test_a_fork_that_ends_says_nothing_of_the_connections_of_its_parent(tmp_path: Path) -> None:
    """Python warns from 3.13 on when a connection is freed that nobody has closed."""
    said = run_script(
        tmp_path,
        f"""
        import asyncio, os, sys, warnings

        from cascade import workflow as cs

        store, cache = cs.SqliteStateStore({str(tmp_path / "runs.db")!r}), cs.SqliteCache({str(tmp_path / "c.db")!r})
        asyncio.run(store.runs())
        cache.entries()
        warnings.simplefilter("ignore", DeprecationWarning)  # of a fork while there are threads
        warnings.simplefilter("always", ResourceWarning)
        os.dup2(1, 2)
        if child := os.fork():
            assert os.waitpid(child, 0)[1] == 0
        """,
    )
    assert said == ""
