"""`SqliteCache`: values that several processes share; a file that is damaged or of others is said to be so."""

from __future__ import annotations

import asyncio
import multiprocessing
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cascade import workflow as cs
from cascade.adapters.caches.sqlite import SCHEMA_VERSION, CacheEntry
from cascade.adapters.serializers.data import DataSerializer
from cascade.adapters.serializers.pickled import PickleSerializer
from cascade.spec.protocols import CachePolicy
from cascade.testing.fakes import FakeClock
from tests.adapters.records import Colour, Order
from tests.adapters.test_memory_cache import load, store


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "cache.db"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(1_000.0)


@pytest.fixture
def cache(file: Path, clock: FakeClock) -> Iterator[cs.SqliteCache]:
    with cs.SqliteCache(file, clock=clock) as cache:
        yield cache


def test_it_is_a_cache_policy(cache: cs.SqliteCache) -> None:
    assert isinstance(cache, CachePolicy)


def test_values_are_found_by_whoever_opens_the_file(cache: cs.SqliteCache, file: Path) -> None:
    store(cache, "a", {"x": (1, None)})
    store(cache, "b", None)
    cache.close()
    with cs.SqliteCache(file) as other:
        assert [load(other, key) for key in "abc"] == [({"x": (1, None)},), (None,), None]


def test_the_file_is_for_its_owner_only(cache: cs.SqliteCache, file: Path) -> None:
    store(cache, "a", 1)
    modes = {beside.name: beside.stat().st_mode & 0o777 for beside in file.parent.iterdir()}
    assert modes == {"cache.db": 0o600, "cache.db-wal": 0o600, "cache.db-shm": 0o600}


def test_the_database_is_in_wal_mode_and_says_its_version(cache: cs.SqliteCache, file: Path) -> None:
    store(cache, "a", 1)
    connection = sqlite3.connect(file)
    pragmas = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "user_version")]
    connection.close()
    assert pragmas == ["wal", SCHEMA_VERSION]


def test_a_value_is_found_until_its_time_is_over(cache: cs.SqliteCache, clock: FakeClock) -> None:
    store(cache, "a", 1, ttl_s=5)
    store(cache, "b", 2)
    clock.advance(4)
    assert load(cache, "a") == (1,)
    clock.advance(1)
    assert load(cache, "a") is None
    store(cache, "c", 3)
    assert [entry.key for entry in cache.entries()] == ["c", "b"], "what is over is deleted when others are stored"


def test_the_cache_has_a_time_to_live_for_calls_that_give_none(file: Path, clock: FakeClock) -> None:
    with cs.SqliteCache(file, ttl_s=10, clock=clock) as cache:
        store(cache, "a", 1)
        store(cache, "b", 2, ttl_s=20)
        clock.advance(10)
        assert [load(cache, key) for key in "ab"] == [None, (2,)]


def test_entries_say_what_there_is(cache: cs.SqliteCache, clock: FakeClock) -> None:
    store(cache, "module.f:12", "abc", ttl_s=60)
    clock.advance(2)
    store(cache, "g:34", 1)
    clock.advance(1)
    size = len(DataSerializer().dumps("abc"))
    assert cache.entries() == [
        CacheEntry("g:34", "g", size - 4, 1.0, None),
        CacheEntry("module.f:12", "module.f", size, 3.0, 57.0),
    ]


def test_clearing_takes_everything_or_one_task_or_what_is_over(cache: cs.SqliteCache, clock: FakeClock) -> None:
    for key, ttl_s in ("f:1", 5.0), ("f:2", None), ("g:1", 5.0), ("g:2", 50.0), ("h:1", None):
        store(cache, key, 1, ttl_s)
    clock.advance(5)
    assert cache.clear("f", expired_only=True) == 1
    assert cache.clear(expired_only=True) == 1
    assert cache.clear("g") == 1
    assert sorted(entry.key for entry in cache.entries()) == ["f:2", "h:1"]
    assert (cache.clear(), cache.entries()) == (2, [])


def test_values_are_equal_by_file_and_options(file: Path) -> None:
    serializer = DataSerializer()
    caches = [
        cs.SqliteCache(file),
        cs.SqliteCache(str(file)),
        cs.SqliteCache(file, ttl_s=1),
        cs.SqliteCache(file, serializer=serializer),
        cs.SqliteCache(file.with_name("other")),
    ]
    assert caches[0] == caches[1]
    assert len({*caches}) == 4


def test_another_serializer_may_be_given(file: Path) -> None:
    with cs.SqliteCache(file, serializer=PickleSerializer(key="0123456789abcdef")) as cache:
        store(cache, "a", ValueError)
        assert load(cache, "a") == (ValueError,)


def test_the_event_loop_goes_on_while_the_file_is_locked(cache: cs.SqliteCache, file: Path) -> None:
    store(cache, "a", 1)
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    async def program() -> str:
        storing = asyncio.create_task(cache.store("b", 2))
        for _ in range(3):
            await asyncio.sleep(0)
        state = "done" if storing.done() else "waits"
        other.execute("COMMIT")
        await storing
        return state

    assert asyncio.run(program()) == "waits"
    other.close()
    assert load(cache, "b") == (2,)


def test_a_store_that_is_cancelled_has_ended_when_the_cancellation_is_over(cache: cs.SqliteCache, file: Path) -> None:
    store(cache, "a", 1)
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    async def program() -> None:
        storing = asyncio.create_task(cache.store("b", 2))
        await asyncio.sleep(0)
        storing.cancel()
        await asyncio.sleep(0)
        other.execute("COMMIT")
        with pytest.raises(asyncio.CancelledError):
            await storing
        assert await cache.load("b") == (2,)

    asyncio.run(program())
    other.close()


@pytest.mark.parametrize("content", [b"x" * 1_000, b"SQLite format 3\0" + b"\xff" * 4_096])
def test_a_file_that_is_no_database_is_left_alone(file: Path, cache: cs.SqliteCache, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(
        cs.CorruptDataError, match=r"cache\.db is no SQLite database, or a damaged one .* delete the file"
    ):
        load(cache, "a")
    assert file.read_bytes() == content


def test_a_database_of_another_program_is_left_alone(file: Path, cache: cs.SqliteCache) -> None:
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE entries (x)")
    connection.close()
    with pytest.raises(cs.CorruptDataError, match=r"cache\.db is the database of another program; choose another path"):
        store(cache, "a", 1)


def test_a_newer_schema_is_refused(file: Path, cache: cs.SqliteCache) -> None:
    store(cache, "a", 1)
    cache.close()
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(cs.CorruptDataError, match=r"a newer version of Cascade \(schema 99, and this one knows 1\)"):
        load(cache, "a")


def test_a_value_that_cannot_be_read_is_named(file: Path, cache: cs.SqliteCache) -> None:
    store(cache, "f:1", 1)
    connection = sqlite3.connect(file)
    with connection:
        connection.execute("UPDATE entries SET value = x'00'")
    connection.close()
    with pytest.raises(cs.CorruptDataError, match=r"cache\.db: the value of f:1 cannot be used: .*clear\(task='f'\)"):
        load(cache, "f:1")


def test_a_folder_that_is_not_there_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load(cs.SqliteCache(tmp_path / "no folder" / "cache.db"), "a")


def test_what_cannot_be_stored_leaves_the_file_as_it_was(cache: cs.SqliteCache) -> None:
    store(cache, "a", 1)
    with pytest.raises(cs.UnstorableValueError, match=r"value\[1\] is a builtins.object"):
        store(cache, "a", [1, object()])
    assert load(cache, "a") == (1,)


def test_threads_may_share_it(cache: cs.SqliteCache) -> None:
    start = threading.Barrier(4)

    def work(number: int) -> None:
        start.wait()
        for round_ in range(10):
            store(cache, f"{round_}", number)
            load(cache, f"{round_}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(cache.entries()) == 10


PROGRAM = """
import asyncio, sys
from cascade import workflow as cs

async def work(number):
    with cs.SqliteCache("cache.db") as cache:
        print("ready", flush=True)
        sys.stdin.readline()  # so that all create the file at the same time
        for round_ in range(20):
            await cache.store(f"{number}:{round_}", [number, round_])
            await cache.store("shared:1", "x" * 10_000)
        print(number, await cache.load("shared:1") == ("x" * 10_000,))

asyncio.run(work(int(sys.argv[1])))
"""


@pytest.mark.slow
def test_processes_may_share_it_from_its_creation_on(file: Path) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(number)],
            cwd=file.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(3)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [process.communicate(timeout=60)[0] for process in processes]
    assert answers == ["0 True\n", "1 True\n", "2 True\n"]
    with cs.SqliteCache(file) as cache:
        assert len(cache.entries()) == 61
        assert load(cache, "2:19") == ([2, 19],)


def _load_in_fork(cache: cs.SqliteCache, done: Any) -> None:
    store(cache, "child", 2)
    done.put(load(cache, "a"))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_fork_opens_the_file_for_itself(cache: cs.SqliteCache) -> None:
    store(cache, "a", 1)
    context = multiprocessing.get_context("fork")
    done = context.Queue()
    process = context.Process(target=_load_in_fork, args=(cache, done))
    process.start()
    assert done.get(timeout=60) == (1,)
    process.join()
    store(cache, "b", 3)
    assert [load(cache, key) for key in ("a", "b", "child")] == [(1,), (3,), (2,)]


@cs.task
def order(items: list[int]) -> Order:
    return Order(list(items), Colour.GREEN)


def test_classes_are_learnt_from_the_annotations_of_the_tasks(file: Path) -> None:
    with cs.SqliteCache(file, serializer=DataSerializer()) as cache:
        assert cs.run(order.with_cache(cache)([1])) == Order([1], Colour.GREEN)
    with cs.SqliteCache(file, serializer=DataSerializer()) as cache:
        key = cache.key(order, ([1],), {})
        assert load(cache, key) == (Order([1], Colour.GREEN),)
