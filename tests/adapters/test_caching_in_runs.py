"""Calls with caches in runs: what is looked up, what is stored, what is said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cascade import workflow as cs
from cascade.spec.policies import Policies
from cascade.spec.protocols import CachePolicy
from cascade.testing import RecordingBus
from cascade.testing.fakes import FakeClock

calls: list[Any] = []


@pytest.fixture(autouse=True)
def no_calls() -> None:
    calls.clear()


@pytest.fixture(params=["memory", "sqlite", "file", "files"])
def cache(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[CachePolicy]:
    kinds: dict[str, Callable[[], CachePolicy]] = {
        "memory": cs.MemoryCache,
        "sqlite": lambda: cs.SqliteCache(tmp_path / "cache.db"),
        "file": lambda: cs.FileTarget(tmp_path / "one.json"),
        "files": lambda: cs.FileTarget(tmp_path / "{key}.json"),
    }
    made = kinds[request.param]()
    yield made
    if isinstance(made, cs.SqliteCache):
        made.close()


@cs.task
def square(x: int, by: Any = None) -> int:
    calls.append(x)
    return x * x


@cs.task
async def square_slowly(x: int) -> int:
    calls.append(x)
    return x * x


@cs.task
def nothing() -> None:
    calls.append(None)


@cs.task
def fail(times: int) -> str:
    calls.append(times)
    if len(calls) <= times:
        raise ConnectionError("down")
    return "up"


@cs.task
def make_opaque() -> Any:
    calls.append(1)
    return {"a": [1, object()]}


@pytest.mark.parametrize("task", [square, square_slowly])
def test_a_value_is_computed_once(cache: CachePolicy, task: Any) -> None:
    kept = task.with_cache(cache)
    assert [cs.run(kept(3)), cs.run(kept(x=3)), cs.run(kept(4))] == [9, 9, 16]
    assert calls == [3, 4]


def test_none_is_computed_once(cache: CachePolicy) -> None:
    kept: Any = nothing.with_cache(cache)
    assert [cs.run(kept()), cs.run(kept())] == [None, None]
    assert calls == [None]


def test_a_hit_is_told_and_runs_nothing() -> None:
    bus = RecordingBus(cs.TaskEvent)
    engine = cs.Engine(bus=bus)
    kept = square.with_cache(cs.MemoryCache()).named("the square")
    for _ in range(2):
        cs.run(kept(3), engine=engine)
    kinds = [(type(event).__name__, event.task) for event in bus.of(cs.TaskEvent)]
    assert kinds == [
        ("TaskExecutionStarted", "the square"),
        ("TaskExecutionFinished", "the square"),
        ("CacheHit", "the square"),
    ]


def test_a_failure_is_not_kept(cache: CachePolicy) -> None:
    kept = fail.with_cache(cache)
    with pytest.raises(ConnectionError):
        cs.run(kept(1))
    assert cs.run(kept(1)) == "up"
    assert cs.run(kept(1)) == "up"
    assert calls == [1, 1]


def test_attempts_are_made_before_the_value_is_kept(cache: CachePolicy) -> None:
    kept = fail.with_cache(cache).with_retry(3)
    assert [cs.run(kept(2)), cs.run(kept(2))] == ["up", "up"]
    assert calls == [2, 2, 2]


@cs.task
def countdown(n: int) -> Any:
    calls.append(n)
    return "done" if n == 0 else countdown(n - 1)


@cs.task
def through_list(n: int) -> Any:
    calls.append("list")
    return [square(n), square(n + 1)]


@cs.task
def through_coroutine(n: int) -> Any:
    calls.append("coroutine")

    async def later() -> Any:
        return square(n)

    return later()


@pytest.mark.parametrize(
    ("task", "value", "ran"),
    [(countdown, "done", [2, 1, 0]), (through_list, [4, 9], ["list", 2, 3]), (through_coroutine, 4, ["coroutine", 2])],
)
def test_what_a_task_calls_in_the_end_is_evaluated_before_it_is_kept(
    cache: CachePolicy, task: Any, value: Any, ran: list[Any]
) -> None:
    kept = task.with_cache(cache)
    assert [cs.run(kept(2)), cs.run(kept(2))] == [value, value]
    assert sorted(map(str, calls)) == sorted(map(str, ran))


def test_a_cached_loop_of_cached_calls_fills_the_cache_on_its_way_out() -> None:
    cache = cs.MemoryCache()

    @cs.task
    def factorial(n: int) -> int:
        calls.append(n)
        return 1 if n == 0 else multiply(n, kept(n - 1))

    @cs.task
    def multiply(a: int, b: int) -> int:
        return a * b

    kept = factorial.with_cache(cache)
    assert cs.run(kept(5)) == 120
    assert cs.run(kept(7)) == 5040
    assert calls == [5, 4, 3, 2, 1, 0, 7, 6]


def test_the_cache_of_a_call_replaces_that_of_its_task() -> None:
    outer, inner = cs.MemoryCache(), cs.MemoryCache()
    kept = square.with_cache(outer, ttl_s=5)
    call: Any = kept(3)
    assert cs.run(call.with_cache(inner)) == 9
    assert (outer.clear(), inner.clear()) == (0, 1)
    options = call.with_cache(inner)._options.merged_into(kept._options)
    assert (options.policies.cache, options.policies.cache_ttl_s) == (inner, None)
    assert call.named("x")._options.merged_into(kept._options).policies.cache_ttl_s == 5


class Falsy(cs.MemoryCache):
    def __len__(self) -> int:
        return 0


def test_a_cache_that_is_false_is_a_cache() -> None:
    cache = Falsy()
    lazy: Any = square(3)
    assert cs.run(lazy.with_cache(cache)) == 9
    assert cache.clear() == 1


def test_policies_with_a_time_to_live_are_compared_by_value() -> None:
    cache = cs.MemoryCache()
    assert Policies(cache=cache, cache_ttl_s=1) == Policies(cache=cache, cache_ttl_s=1.0)
    assert Policies(cache=cache, cache_ttl_s=1) != Policies(cache=cache)
    assert len({Policies(cache=cache, cache_ttl_s=1), Policies(cache=cache, cache_ttl_s=1)}) == 1


def test_a_call_may_say_how_long_its_value_is_kept() -> None:
    clock = FakeClock(1_000.0)
    cache = cs.MemoryCache(ttl_s=100, clock=clock)
    kept = square.with_cache(cache, ttl_s=10)
    cs.run(kept(3))
    cs.run(square.with_cache(cache)(4))
    clock.advance(10)
    cs.run(kept(3))
    cs.run(square.with_cache(cache)(4))
    assert calls == [3, 4, 3]


@pytest.mark.parametrize("ttl_s", [0, -1, float("nan")])
def test_a_time_to_live_that_makes_no_sense_is_refused(ttl_s: float) -> None:
    with pytest.raises(cs.TaskDefinitionError, match="the ttl_s of a cache must be greater than 0 seconds, not "):
        square.with_cache(cs.MemoryCache(), ttl_s=ttl_s)


def test_another_version_is_another_call() -> None:
    cache = cs.MemoryCache()
    for version in 1, 2, 1:
        cs.run(cs.task(version=version)(square.fn).with_cache(cache)(3))
    assert calls == [3, 3]


def test_an_argument_without_a_stable_hash_is_refused_before_the_task_runs(cache: CachePolicy) -> None:
    with pytest.raises(cs.UnhashableValueError, match=r"^args\[0\]\['a'\]\[1\] is a builtins\.object") as caught:
        cs.run(square.with_cache(cache)({"a": [0, object()]}))  # type: ignore[arg-type]
    assert caught.value.__notes__ == ["Cascade: in task 'square', step 1"]
    assert calls == []


@pytest.mark.parametrize("kind", ["sqlite", "file"])
def test_a_result_that_cannot_be_stored_is_an_error_that_names_the_task(kind: str, tmp_path: Path) -> None:
    caches: dict[str, CachePolicy] = {
        "sqlite": cs.SqliteCache(tmp_path / "cache.db"),
        "file": cs.FileTarget(tmp_path / "one.json"),
    }
    kept = make_opaque.with_cache(caches[kind])
    for _ in range(2):
        with pytest.raises(cs.UnstorableValueError) as caught:
            cs.run(kept())
        assert caught.value.path == "value['a'][1]"
        assert str(caught.value).startswith(
            "the result of task 'make_opaque' cannot be stored: value['a'][1] is a builtins.object, which cannot"
        )
    assert calls == [1, 1]


@cs.resource(name="db")
def database() -> Iterator[Any]:
    yield object()


@cs.task
def query(sql: str, db: Any = cs.Inject("db")) -> str:
    calls.append(sql)
    return sql.upper()


def test_a_resource_is_in_the_key_by_its_name() -> None:
    kept = query.with_cache(cs.MemoryCache())
    for _ in range(2):
        assert cs.run(kept("select"), resources=[database]) == "SELECT"
    assert calls == ["select"]


def test_a_skipped_call_is_not_kept() -> None:
    cache = cs.MemoryCache()
    kept = square.with_cache(cache)
    assert cs.run(kept.run_if(False, otherwise=0)(3)) == 0

    @cs.task
    def skipped() -> Any:
        return square.run_if(False)(3)

    with pytest.raises(cs.DependencyMissingError):
        cs.run(skipped.with_cache(cache)())
    assert cache.clear() == 0


def test_a_cache_of_others_needs_no_time_to_live() -> None:
    class Simple:
        def __init__(self) -> None:
            self.kept: dict[str, Any] = {}

        def key(self, task: Any, args: Any, kwargs: Any) -> str:
            return repr((task, args, kwargs))

        async def load(self, key: str) -> Any:
            return self.kept.get(key)

        async def store(self, key: str, value: Any) -> None:
            self.kept[key] = (value,)

    kept: Any = square.with_cache(Simple())  # type: ignore[arg-type]
    assert [cs.run(kept(3)), cs.run(kept(3))] == [9, 9]
    assert calls == [3]


@pytest.mark.parametrize("fault", ["key", "load", "store"])
def test_what_a_cache_raises_ends_the_run(fault: str) -> None:
    class Broken(cs.MemoryCache):
        def key(self, *args: Any) -> str:
            return super().key(*args) if fault != "key" else self._fail()

        async def load(self, key: str) -> Any:
            return await super().load(key) if fault != "load" else self._fail()

        async def store(self, key: str, value: Any, ttl_s: float | None = None) -> None:
            await super().store(key, value, ttl_s) if fault != "store" else self._fail()

        def _fail(self) -> Any:
            raise OSError("disk on fire")

    kept = square.with_cache(Broken())
    for _ in range(2):
        with pytest.raises(OSError, match="disk on fire"):
            cs.run(kept(3))
