"""Works take turns, are checked first, and a take that was disturbed is taken again."""

from __future__ import annotations

from itertools import islice
from typing import Any

import pytest

from observatory import timing
from observatory.keys import FLOOR, Key
from observatory.setting import Setting
from observatory.timing import Workload, WrongAnswerError, fitting_steps, loop, series, take_turns
from observatory.workloads.common import done
from observatory.workloads.simple_countdown import simple_countdown


class Clock:
    """A clock that shows what the works say, and the time that the processor really had."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = self.used_s = 0.0
        monkeypatch.setattr(timing, "perf_counter", lambda: self.now_s)

    def work(self, seconds: float, stolen: float = 0.0) -> None:
        self.now_s += seconds + stolen
        self.used_s += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_each_round_begins_with_another_work() -> None:
    order: list[str] = []

    def note(name: str) -> Any:
        return lambda size: order.append(f"{name}{size}")

    rounds = take_turns({Key("a"): (note("a"), 1), Key("b"): (note("b"), 2), Key("c"): (note("c"), 3)})
    found = list(islice(rounds, 3))
    assert [set(one) for one in found] == [{Key("a"), Key("b"), Key("c")}] * 3
    firsts = [word for place, word in enumerate(order) if place == 0 or order[place - 1] != word]
    assert firsts == ["a1", "b2", "c3", "b2", "c3", "a1", "c3", "a1", "b2"]


def test_a_value_is_the_time_of_one_step(clock: Clock) -> None:
    assert timing.seconds(lambda size: clock.work(0.001 * size), 50, lambda: clock.used_s) == pytest.approx(0.05)


def test_the_least_disturbed_take_counts(clock: Clock) -> None:
    stolen = iter([0.03, 0.01, 0.02])
    found = timing.seconds(lambda _size: clock.work(0.05, next(stolen)), 1, lambda: clock.used_s)
    assert found == pytest.approx(0.06)
    assert list(stolen) == []


def test_an_undisturbed_work_is_done_once(clock: Clock) -> None:
    takes: list[int] = []

    def work(size: int) -> None:
        takes.append(size)
        clock.work(0.05)

    timing.seconds(work, 7, lambda: clock.used_s)
    assert takes == [7]


def test_a_wait_stays_in_the_time(clock: Clock) -> None:
    assert timing.seconds(lambda _size: clock.work(0.0, 0.02), 1, lambda: clock.used_s) == pytest.approx(0.02)


def test_steps_are_added_until_a_round_is_full(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run costs 10 ms and a step 10 µs: the first guess, from 100 steps, would be far too low."""
    monkeypatch.setattr(timing, "process_time", lambda: clock.used_s)
    setting = Setting("full")
    steps = fitting_steps(lambda size: clock.work(0.01 + 1e-5 * size), setting)
    assert 0.7 * setting.round_s <= 0.01 + 1e-5 * steps <= 1.5 * setting.round_s


@pytest.mark.parametrize("floor", [lambda _n: "done", lambda _n: "wrong"])
def test_a_wrong_answer_is_never_timed(floor: Any) -> None:
    experiment = loop("x", Workload("x", simple_countdown, done, floor))
    measured = experiment.measure(Setting("smoke"))
    if floor(1) == "done":
        assert set(next(iter(measured))) == {Key("x"), Key("x", FLOOR)}
    else:
        with pytest.raises(WrongAnswerError, match="x: floor gave 'wrong' for 100 steps; expected 'done'"):
            next(iter(measured))


def test_a_series_keeps_its_declared_sizes() -> None:
    experiment = series("s", Workload("s", simple_countdown, done), (100, 1_000))
    assert [(one.name, one.series, one.size) for one in experiment.benchmarks] == [
        ("s/100", "s", 100),
        ("s/1000", "s", 1_000),
    ]
    assert Setting("fast").size(1_000) == Setting("full").size(1_000) == 1_000
