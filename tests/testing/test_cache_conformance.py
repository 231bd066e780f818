"""The caches keep the promises of caches, and the kit finds each cache that does not."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from cascade.adapters.caches.file_target import FileTarget
from cascade.adapters.caches.memory import MemoryCache
from cascade.adapters.caches.sqlite import SqliteCache
from cascade.spec.errors import CorruptDataError, UnhashableValueError, UnstorableValueError
from cascade.spec.task import Task
from cascade.testing import CacheConformance, FakeClock
from tests.support.kits import failed_promises, promises


class InVirtualTime(CacheConformance):
    """The kit for caches that take a clock."""

    @pytest.fixture
    def clock(self) -> FakeClock:
        return FakeClock()

    @pytest.fixture
    def let_time_pass(self, clock: FakeClock) -> Callable[[float], None]:
        return clock.advance


class TestMemoryCache(InVirtualTime):
    keeps_anything = True

    @pytest.fixture
    def cache(self, clock: FakeClock) -> MemoryCache:
        return MemoryCache(clock=clock)


class TestSqliteCache(InVirtualTime):
    @pytest.fixture
    def cache(self, clock: FakeClock, tmp_path: Path) -> Iterator[SqliteCache]:
        with SqliteCache(tmp_path / "results.db", clock=clock) as cache:
            yield cache


class TestFileTarget(InVirtualTime):
    @pytest.fixture
    def cache(self, clock: FakeClock, tmp_path: Path) -> FileTarget:
        return FileTarget(tmp_path / "{key}.json", clock=clock)


class Pickling(MemoryCache):
    """A cache without faults that refuses what it cannot keep, as a base for those that have one."""

    clock: FakeClock

    def __init__(self) -> None:
        self.clock = FakeClock()
        super().__init__(clock=self.clock)

    async def load(self, key: str) -> tuple[Any] | None:
        found = await super().load(key)
        return None if found is None else (pickle.loads(found[0]),)

    async def store(self, key: str, value: Any, ttl_s: float | None = None) -> None:
        try:
            data = pickle.dumps(value)
        except Exception as error:
            raise UnstorableValueError("value", "cannot be pickled") from error
        await super().store(key, data, ttl_s)


class BytesAsKeys(Pickling):
    def key(self, task: Any, args: Any, kwargs: Any) -> Any:
        return super().key(task, args, kwargs).encode()


class KeysAsWritten(Pickling):
    def key(self, task: Task[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
        return super().key(task, args, kwargs) + repr(list(kwargs))


class KeysByRepr(Pickling):
    def key(self, task: Task[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
        return super().key(task, args, kwargs) + (repr(args) if args and isinstance(args[0], set) else "")


class UntypedKeys(Pickling):
    def key(self, task: Task[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
        return super().key(task, [int(arg) if isinstance(arg, bool) else arg for arg in args], kwargs)


class KeysWithoutTask(Pickling):
    def key(self, task: Task[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
        return super().key(Task(_anything, version=task.version), args, kwargs)


class KeysWithoutVersion(Pickling):
    def key(self, task: Task[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
        return super().key(Task(task.fn), args, kwargs)


def _anything(base: Any, exponent: Any = 2) -> None: ...


class HashesAnything(Pickling):
    def key(self, task: Task[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
        try:
            return super().key(task, args, kwargs)
        except UnhashableValueError:
            return "anything"


class NeverMisses(Pickling):
    async def load(self, key: str) -> tuple[Any] | None:
        return await super().load(key) or (None,)


class NoneIsAMiss(Pickling):
    async def load(self, key: str) -> tuple[Any] | None:
        found = await super().load(key)
        return None if found == (None,) else found


class KeepsTheFirst(Pickling):
    async def store(self, key: str, value: Any, ttl_s: float | None = None) -> None:
        if key not in self._entries:
            await super().store(key, value, ttl_s)


class OneEntry(Pickling):
    async def store(self, key: str, value: Any, ttl_s: float | None = None) -> None:
        if isinstance(value, int):  # the threads of another promise keep lists
            self._entries.clear()
        await super().store(key, value, ttl_s)


class TimedOut(Pickling):
    async def store(self, key: str, value: Any, ttl_s: float | None = None) -> None:
        if ttl_s == 3600:
            return
        await super().store(key, value, ttl_s)


class Immortal(Pickling):
    async def store(self, key: str, value: Any, ttl_s: float | None = None) -> None:
        await super().store(key, value)


class OldTimes(Pickling):
    async def store(self, key: str, value: Any, ttl_s: float | None = None) -> None:
        before = self._entries.get(key, (None, None))[1]
        await super().store(key, value, ttl_s)
        if ttl_s is None and before is not None:
            self._entries[key] = self._entries[key][0], before


class SilentMisses(Pickling):
    async def store(self, key: str, value: Any, ttl_s: float | None = None) -> None:
        try:
            await super().store(key, value, ttl_s)
        except UnstorableValueError:
            pass


class ForgetsBeforeItKeeps(Pickling):
    async def store(self, key: str, value: Any, ttl_s: float | None = None) -> None:
        self._entries.pop(key, None)
        await super().store(key, value, ttl_s)


class Unhashable(Pickling):
    __hash__ = None  # type: ignore[assignment]


class OneThreadOnly(Pickling):
    async def load(self, key: str) -> tuple[Any] | None:
        if threading.current_thread() is not threading.main_thread():
            raise CorruptDataError("the connection belongs to another thread")
        return await super().load(key)


BROKEN: list[tuple[type[Pickling], set[str]]] = [
    (Pickling, set()),
    (BytesAsKeys, {"test_a_key_is_a_text"}),
    (KeysAsWritten, {"test_the_same_call_has_the_same_key_however_it_is_written"}),
    (KeysByRepr, {"test_equal_content_has_the_same_key"}),
    (UntypedKeys, {"test_other_arguments_have_other_keys"}),
    (KeysWithoutTask, {"test_another_task_has_another_key"}),
    (KeysWithoutVersion, {"test_another_version_has_another_key"}),
    (HashesAnything, {"test_what_has_no_stable_hash_is_refused"}),
    (NoneIsAMiss, {"test_gives_back_what_was_kept"}),
    (OneEntry, {"test_keys_are_apart"}),
    (TimedOut, {"test_a_value_is_found_until_its_time_is_over"}),
    (OldTimes, {"test_a_value_that_is_kept_again_has_a_new_time_to_live"}),
    (SilentMisses, {"test_what_cannot_be_kept_is_an_error"}),
    (ForgetsBeforeItKeeps, {"test_what_cannot_be_kept_is_an_error"}),
    (Unhashable, {"test_can_be_part_of_the_options_of_a_call"}),
    (OneThreadOnly, {"test_serves_several_event_loops_at_once"}),
    (Immortal, {"test_a_value_is_not_found_when_its_time_is_over"}),
    # What is never missing is not missing when its time is over, either.
    (NeverMisses, {"test_an_unknown_key_has_no_value", "test_a_value_is_not_found_when_its_time_is_over"}),
    (
        KeepsTheFirst,
        {
            "test_a_value_takes_the_place_of_an_older_one",
            "test_a_value_that_is_kept_again_has_a_new_time_to_live",
            "test_what_cannot_be_kept_is_an_error",
        },
    ),
]


@pytest.mark.parametrize(("kind", "broken"), BROKEN, ids=[kind.__name__ for kind, _ in BROKEN])
def test_a_broken_cache_fails_exactly_the_promise_that_it_breaks(kind: type[Pickling], broken: set[str]) -> None:
    made: list[Pickling] = []

    def make() -> Pickling:
        made.append(kind())
        return made[-1]

    fixtures = {"cache": make, "let_time_pass": lambda: lambda seconds: made[-1].clock.advance(seconds)}
    assert failed_promises(CacheConformance, fixtures) == broken


def test_every_promise_of_caches_is_tried_on_a_broken_one() -> None:
    assert set().union(*(broken for _, broken in BROKEN)) == {name for name, _ in promises(CacheConformance)}
