"""Injected faults: each kind does what it says, a seed is enough to see them again, and the engine copes with them."""

from __future__ import annotations

import asyncio
import errno
from typing import Any

import pytest

from cascade import workflow as cs
from cascade.adapters.caches.memory import MemoryCache
from cascade.adapters.executors.local import LocalExecutor
from cascade.spec.protocols import CachePolicy, Executor
from cascade.testing import Fault, Faults, FaultyCache, FaultyExecutor, InjectedError, run_in_virtual_time

KINDS = tuple(Fault)


class Ledger:
    """A task with an effect, on an engine whose executor has the given faults."""

    def __init__(self, *faults: Fault | None) -> None:
        self.entries: list[int] = []
        entries = self.entries

        @cs.task
        async def charge(amount: int) -> int:
            entries.append(amount)
            return 2 * amount

        self.charge = charge
        plan = {("execute charge", count): fault for count, fault in enumerate(faults, 1) if fault is not None}
        self.faults = Faults(plan=plan, delay_s=60)
        self.engine = cs.Engine(executor=FaultyExecutor(LocalExecutor(), self.faults))

    def run(self, target: Any) -> tuple[Any, float]:
        """The value, and the virtual seconds that it took."""

        async def program() -> Any:
            return await self.engine.run(target), asyncio.get_running_loop().time()

        value: tuple[Any, float] = run_in_virtual_time(program())
        return value


def test_the_wrappers_are_what_they_wrap() -> None:
    assert isinstance(FaultyExecutor(LocalExecutor(), Faults(1)), Executor)
    assert isinstance(FaultyCache(MemoryCache(), Faults(1)), CachePolicy)


# --- The executor -------------------------------------------------------------------------------------------------


def test_a_call_that_is_not_struck_is_made_once() -> None:
    ledger = Ledger()
    assert ledger.run(ledger.charge(5)) == (10, 0)
    assert ledger.entries == [5]
    assert ledger.faults.struck == []


def test_an_error_comes_before_anything_was_done() -> None:
    ledger = Ledger(Fault.ERROR)
    with pytest.raises(InjectedError, match=r"ERROR of call 1 of 'execute charge', injected by Faults\(plan="):
        ledger.run(ledger.charge(5))
    assert ledger.entries == []


def test_a_lost_answer_comes_after_everything_was_done() -> None:
    ledger = Ledger(Fault.LOST)
    with pytest.raises(InjectedError, match="LOST of call 1"):
        ledger.run(ledger.charge(5))
    assert ledger.entries == [5]


def test_who_tries_again_after_a_lost_answer_does_it_twice() -> None:
    ledger = Ledger(Fault.ERROR, Fault.LOST)
    assert ledger.run(ledger.charge.with_retry(3, delay_s=10)(5)) == (10, 20)
    assert ledger.entries == [5, 5]


def test_a_duplicate_is_done_twice_with_one_answer() -> None:
    ledger = Ledger(Fault.DUPLICATE)
    assert ledger.run([ledger.charge(5)]) == ([10], 0)
    assert ledger.entries == [5, 5]


def test_a_delay_takes_time_and_changes_nothing() -> None:
    ledger = Ledger(Fault.DELAY)
    value, seconds = ledger.run(ledger.charge(5))
    assert value == 10
    assert 0 < seconds <= 60


def test_the_first_calls_of_a_loop_are_struck_and_then_no_more() -> None:
    ledger = Ledger(Fault.ERROR, None, Fault.ERROR)
    charge = ledger.charge.with_retry(2)

    @cs.task
    def loop(n: int, last: int) -> int:
        return last if n == 0 else loop(n - 1, charge(n))

    assert ledger.run(loop(5, 0)) == (2, 0)
    assert ledger.entries == [5, 4, 3, 2, 1]


# --- The cache ----------------------------------------------------------------------------------------------------


def run_cached(plan: dict[tuple[str, int], Fault], cache: MemoryCache | None = None) -> tuple[Any, list[int], int]:
    """Two runs of a cached call that is tried twice: the second value, the calls made, the entries kept."""
    cache = cache or MemoryCache()
    calls: list[int] = []

    @cs.task
    async def square(x: int) -> int:
        calls.append(x)
        return x * x

    target = square.with_cache(FaultyCache(cache, Faults(plan=plan)))
    values: list[Any] = []
    for _ in range(2):
        try:
            values.append(run_in_virtual_time(cs.arun(target(3))))
        except OSError as error:
            values.append(error)
    return values, calls, cache.clear()


@pytest.mark.parametrize(
    ("plan", "calls", "first"),
    [
        ({}, [3], None),
        ({("load", 1): Fault.ERROR}, [3], "ERROR of call 1 of 'load'"),
        ({("store", 1): Fault.ERROR}, [3, 3], "ERROR of call 1 of 'store'"),
        ({("store", 1): Fault.LOST}, [3], "LOST of call 1 of 'store'"),
        ({("store", 1): Fault.DISK_FULL}, [3, 3], "no space left on device, injected into call 1 of 'store'"),
        ({("store", 1): Fault.DUPLICATE}, [3], None),
        ({("load", 1): Fault.DELAY, ("store", 1): Fault.DELAY}, [3], None),
    ],
)
def test_a_fault_of_a_cache_is_the_error_of_the_call_and_of_no_later_one(
    plan: dict[tuple[str, int], Fault], calls: list[int], first: str | None
) -> None:
    values, made, kept = run_cached(plan)
    assert values[1] == 9
    assert (values[0] == 9) if first is None else (first in str(values[0]))
    assert (made, kept) == (calls, 1)


def test_a_full_disk_is_known_by_its_number() -> None:
    (error, _), _, _ = run_cached({("store", 1): Fault.DISK_FULL})
    assert isinstance(error, OSError)
    assert error.errno == errno.ENOSPC


# --- Plans --------------------------------------------------------------------------------------------------------


def strike(faults: Faults, operations: list[str]) -> dict[tuple[str, int], Fault]:
    for operation in operations:
        faults.next(operation, KINDS)
    return faults.plan


def test_the_same_seed_strikes_the_same_calls_in_whatever_order_they_come() -> None:
    one_by_one = strike(Faults(7), ["a"] * 100 + ["b"] * 100)
    in_turns = strike(Faults(7), ["b", "a"] * 100)
    assert one_by_one == in_turns
    assert one_by_one != strike(Faults(8), ["a", "b"] * 100)


def test_as_many_calls_are_struck_as_the_rate_says_by_every_kind() -> None:
    plan = strike(Faults(1, rate=0.3), ["a"] * 2_000)
    assert 500 < len(plan) < 700
    assert set(plan.values()) == set(Fault)
    assert strike(Faults(1, rate=0), ["a"] * 100) == {}
    assert len(strike(Faults(1, rate=1), ["a"] * 100)) == 100


def test_only_kinds_that_are_wanted_and_possible_strike() -> None:
    faults = Faults(1, rate=1, kinds=[Fault.LOST, Fault.TORN])
    assert {faults.next("a", [Fault.ERROR, Fault.LOST]) is not None for _ in range(50)} == {True}
    assert set(faults.plan.values()) == {Fault.LOST}
    assert faults.next("b", [Fault.ERROR]) is None


def test_what_has_struck_can_be_played_again() -> None:
    first = strike(Faults(7), ["a", "b"] * 50)
    again = Faults(plan=first)
    assert strike(again, ["a", "b"] * 50) == first
    assert eval(repr(again), {"Faults": Faults, "Fault": Fault}).plan == {}
    assert strike(eval(repr(again), {"Faults": Faults, "Fault": Fault}), ["a", "b"] * 50) == first
    assert strike(eval(repr(Faults(7)), {"Faults": Faults}), ["a", "b"] * 50) == first


def test_a_seed_that_was_chosen_by_chance_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    faults = Faults()
    assert repr(faults) in capsys.readouterr().out
    Faults(1)
    assert capsys.readouterr().out == ""


def test_nothing_is_struck_after_the_end() -> None:
    faults = Faults(1, rate=1)
    assert faults.next("a", KINDS) is not None
    faults.stop()
    assert faults.next("a", KINDS) is None


def test_a_rate_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match=r"between 0 and 1, not 1\.5"):
        Faults(1, rate=1.5)
