"""`CacheConformance`: the promises of `cascade.spec.protocols.CachePolicy`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

import pytest

from cascade.spec.errors import UnhashableValueError, UnstorableValueError
from cascade.spec.protocols import CachePolicy
from cascade.spec.task import Task

T = TypeVar("T")

PATIENCE_S: Final = 30.0
"""Real seconds after which a call is taken to hang."""

_VALUES: Final[list[Any]] = [None, False, 0, 1.5, "text", [1, [2]], {"a": (1, 2)}, b"bytes"]


def power(base: Any, exponent: Any = 2) -> Any:
    return base**exponent


def root(base: Any, exponent: Any = 2) -> Any:
    return base ** (1 / exponent)


class CacheConformance:
    """Give a fixture ``cache`` that makes an empty cache which keeps values until it is told otherwise.

    Attributes:
        keeps_anything: Whether every Python object can be kept, as in memory. If so, nothing is ever refused.
    """

    keeps_anything: bool = False

    @pytest.fixture
    def cache(self) -> CachePolicy:
        """The cache under test."""
        raise NotImplementedError("give the test class a fixture 'cache' that returns an empty cache")

    @pytest.fixture
    def let_time_pass(self) -> Callable[[float], None]:
        """Lets so many seconds pass for the cache; give one that moves a fake clock if the cache takes a clock."""
        return time.sleep

    # --- Keys -----------------------------------------------------------------------------------------------------

    def test_a_key_is_a_text(self, cache: CachePolicy) -> None:
        """A key is a text that is not empty."""
        key = cache.key(Task(power), (3,), {})
        assert isinstance(key, str)
        assert key

    def test_the_same_call_has_the_same_key_however_it_is_written(self, cache: CachePolicy) -> None:
        """Positional, keyword and default arguments of the same call make the same key."""
        task: Task[..., Any] = Task(power)
        forms: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
            ((3,), {}),
            ((3, 2), {}),
            ((3,), {"exponent": 2}),
            ((), {"exponent": 2, "base": 3}),
        ]
        keys = {cache.key(task, args, kwargs) for args, kwargs in forms}
        assert len(keys) == 1, f"one call, but the keys are {keys}"

    def test_equal_content_has_the_same_key(self, cache: CachePolicy) -> None:
        """A key depends on the content of arguments, not on the objects or on an order that means nothing."""
        words = [f"word {number}" for number in range(50)]
        first, second = (cache.key(Task(power), (set(order),), {}) for order in (words, words[::-1]))
        assert first == second

    def test_other_arguments_have_other_keys(self, cache: CachePolicy) -> None:
        """Arguments of other content or another type make another key: 1, 1.0 and True are three."""
        arguments = [1, 2, 1.0, True, "1", b"1", None, [1], (1,), [1, 2], {1}, {"a": 1}, {"a": 2}, [[1]]]
        keys = [cache.key(Task(power), (argument,), {}) for argument in arguments]
        same = [(arguments[keys.index(key)], argument) for key, argument in zip(keys, arguments, strict=True)]
        assert [pair for pair in same if pair[0] is not pair[1]] == [], "these pairs have one key"

    def test_another_task_has_another_key(self, cache: CachePolicy) -> None:
        """Calls of two tasks never share a key."""
        assert cache.key(Task(power), (3,), {}) != cache.key(Task(root), (3,), {})

    def test_another_version_has_another_key(self, cache: CachePolicy) -> None:
        """Another version of a task makes other keys, so that old values are not found."""
        first, second = (cache.key(Task(power, version=version), (3,), {}) for version in ("1", "2"))
        assert first != second

    def test_what_has_no_stable_hash_is_refused(self, cache: CachePolicy) -> None:
        """An argument without stable content is an `UnhashableValueError` that says where it stands."""
        with pytest.raises(UnhashableValueError) as caught:
            cache.key(Task(power), ({"deep": [object()]},), {})
        assert caught.value.path

    # --- Values ---------------------------------------------------------------------------------------------------

    def test_an_unknown_key_has_no_value(self, cache: CachePolicy) -> None:
        """``load`` of a key under which nothing was kept is ``None``."""
        key, other = self._keys(cache)
        self._run(cache.store(other, 1))
        assert self._run(cache.load(key)) is None

    def test_gives_back_what_was_kept(self, cache: CachePolicy) -> None:
        """``load`` gives the value that was kept, of the same type, in a tuple of one; ``None`` is a value."""
        for number, value in enumerate(_VALUES):
            key = cache.key(Task(power), (number,), {})
            self._run(cache.store(key, value))
            found = self._run(cache.load(key))
            assert found == (value,)
            assert found is not None
            assert type(found[0]) is type(value)

    def test_a_value_takes_the_place_of_an_older_one(self, cache: CachePolicy) -> None:
        """The value that was kept last counts."""
        key, _ = self._keys(cache)
        self._run(cache.store(key, "old"))
        self._run(cache.store(key, "new"))
        assert self._run(cache.load(key)) == ("new",)

    def test_keys_are_apart(self, cache: CachePolicy) -> None:
        """What is kept under one key does not change what is found under another."""
        first, second = self._keys(cache)
        self._run(cache.store(first, 1))
        self._run(cache.store(second, 2))
        assert (self._run(cache.load(first)), self._run(cache.load(second))) == ((1,), (2,))

    def test_a_value_is_found_until_its_time_is_over(self, cache: CachePolicy) -> None:
        """A time to live that is not over changes nothing."""
        key, _ = self._keys(cache)
        self._run(cache.store(key, 1, 3600))
        assert self._run(cache.load(key)) == (1,)

    def test_a_value_is_not_found_when_its_time_is_over(
        self, cache: CachePolicy, let_time_pass: Callable[[float], None]
    ) -> None:
        """After the seconds that it may live a value is not found any more."""
        key, _ = self._keys(cache)
        self._run(cache.store(key, 1, 0.05))
        let_time_pass(0.06)
        assert self._run(cache.load(key)) is None

    def test_a_value_that_is_kept_again_has_a_new_time_to_live(
        self, cache: CachePolicy, let_time_pass: Callable[[float], None]
    ) -> None:
        """The time to live belongs to the value: a newer value does not take over that of the older one."""
        key, _ = self._keys(cache)
        self._run(cache.store(key, "old", 0.05))
        self._run(cache.store(key, "new"))
        let_time_pass(0.06)
        assert self._run(cache.load(key)) == ("new",)

    def test_what_cannot_be_kept_is_an_error(self, cache: CachePolicy) -> None:
        """A value that cannot be kept is an `UnstorableValueError`, not a silent miss; the older value stays."""
        if self.keeps_anything:
            pytest.skip("the cache keeps every object")
        key, _ = self._keys(cache)
        self._run(cache.store(key, "old"))
        with pytest.raises(UnstorableValueError):
            self._run(cache.store(key, {"rows": [lambda: None]}))
        assert self._run(cache.load(key)) == ("old",)

    # --- Use ------------------------------------------------------------------------------------------------------

    def test_can_be_part_of_the_options_of_a_call(self, cache: CachePolicy) -> None:
        """A cache can be hashed and compared, as all options of a call can."""
        assert cache == cache
        assert hash(cache) == hash(cache)

    def test_serves_several_event_loops_at_once(self, cache: CachePolicy) -> None:
        """Event loops in several threads may use one cache at the same time."""

        def live(number: int) -> list[Any]:
            async def program() -> list[Any]:
                found = []
                for turn in range(10):
                    key = cache.key(Task(power), (number, turn), {})
                    await cache.store(key, [number, turn])
                    found.append(await cache.load(key))
                return found

            return self._run(program())

        with ThreadPoolExecutor(4) as threads:
            found = list(threads.map(live, range(4)))
        assert found == [[([number, turn],) for turn in range(10)] for number in range(4)]

    # --- How ------------------------------------------------------------------------------------------------------

    def _keys(self, cache: CachePolicy) -> tuple[str, str]:
        return cache.key(Task(power), (1,), {}), cache.key(Task(power), (2,), {})

    def _run(self, program: Coroutine[Any, Any, T]) -> T:
        async def limited() -> T:
            async with asyncio.timeout(PATIENCE_S):
                return await program

        return asyncio.run(limited())


__all__ = ["CacheConformance"]
