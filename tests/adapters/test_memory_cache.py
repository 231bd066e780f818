"""`MemoryCache`: what was used last is kept, for as long as was asked."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from cascade import workflow as cs
from cascade.spec.protocols import CachePolicy
from cascade.testing.fakes import FakeClock


def load(cache: CachePolicy, key: str) -> Any:
    return asyncio.run(cache.load(key))


def store(cache: CachePolicy, key: str, value: Any, ttl_s: float | None = None) -> None:
    asyncio.run(cache.store(key, value, ttl_s))


def test_it_is_a_cache_policy() -> None:
    assert isinstance(cs.MemoryCache(), CachePolicy)


def test_none_is_a_value() -> None:
    cache = cs.MemoryCache()
    assert load(cache, "a") is None
    store(cache, "a", None)
    assert load(cache, "a") == (None,)


def test_the_value_that_was_not_used_for_longest_goes_first() -> None:
    cache = cs.MemoryCache(max_entries=2)
    store(cache, "a", 1)
    store(cache, "b", 2)
    assert load(cache, "a") == (1,)
    store(cache, "c", 3)
    assert [load(cache, key) for key in "abc"] == [(1,), None, (3,)]


def test_storing_a_key_again_replaces_the_value_and_keeps_the_others() -> None:
    cache = cs.MemoryCache(max_entries=2)
    for key, value in ("a", 1), ("b", 2), ("a", 3):
        store(cache, key, value)
    assert [load(cache, key) for key in "ab"] == [(3,), (2,)]


def test_a_value_is_found_until_its_time_is_over() -> None:
    clock = FakeClock(1_000.0)
    cache = cs.MemoryCache(ttl_s=10, clock=clock)
    store(cache, "a", 1)
    store(cache, "b", 2, ttl_s=20)
    store(cache, "c", 3, ttl_s=5)
    clock.advance(4.999)
    assert [load(cache, key) for key in "abc"] == [(1,), (2,), (3,)]
    clock.advance(0.001)
    assert [load(cache, key) for key in "abc"] == [(1,), (2,), None]
    clock.advance(5)
    assert [load(cache, key) for key in "abc"] == [None, (2,), None]
    clock.advance(10)
    assert [load(cache, key) for key in "abc"] == [None, None, None]


def test_clearing_says_how_much_was_forgotten() -> None:
    cache = cs.MemoryCache()
    store(cache, "a", 1)
    assert (cache.clear(), cache.clear(), load(cache, "a")) == (1, 0, None)


def test_two_memory_caches_are_different_policies() -> None:
    assert cs.MemoryCache() != cs.MemoryCache()


@pytest.mark.parametrize("options", [{"max_entries": 0}, {"ttl_s": 0}, {"ttl_s": -1}, {"ttl_s": float("nan")}])
def test_numbers_out_of_range_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must be (at least 1|greater than 0 seconds), not"):
        cs.MemoryCache(**options)


def test_threads_may_share_it() -> None:
    cache = cs.MemoryCache(max_entries=3)
    start = threading.Barrier(4)

    def work(number: int) -> None:
        async def program() -> None:
            for round_ in range(300):
                await cache.store(f"{(number + round_) % 5}", round_)
                await cache.load(f"{round_ % 5}")

        start.wait()
        asyncio.run(program())

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cache.clear() == 3
