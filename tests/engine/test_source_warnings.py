"""``CS-W001`` is published when a run begins, for those who want it, and costs nobody else anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cascade import workflow as cs
from cascade.graph.analysis import callees
from cascade.spec.events import Event
from cascade.testing import LoopClock, RecordingBus
from tests.support.running import run_script, run_virtually


@cs.task(mode="inline")
def add(a: int, b: int) -> int:
    return a + b


@cs.task(mode="inline")
def fib(n: int) -> int:
    return n if n < 2 else add(fib(n - 1), fib(n - 2))


@cs.task(mode="inline")
def through(n: int) -> int:
    return fib.with_retry(2)(n)


@cs.task(mode="inline")
def countdown(n: int) -> str:
    return "done" if n <= 0 else countdown(n - 1)


def recorded(target: Any, *kinds: type[Event], runs: int = 1) -> list[Event]:
    bus = RecordingBus(*kinds)
    engine = cs.Engine(bus=bus, clock=LoopClock())
    for _ in range(runs):
        run_virtually(target, engine)
    return bus.events


def test_warnings_come_behind_the_start_and_before_the_first_task() -> None:
    events = recorded(fib(2))
    names = [type(event).__name__ for event in events[:4]]
    assert names == ["RunStarted", "StaticAnalysisWarning", "StaticAnalysisWarning", "TaskExecutionStarted"]


def test_each_place_is_warned_of_once_in_each_run() -> None:
    """fib is in the graph twice, with and without options, and is called by through, too."""
    events = recorded(add(add(fib(3), fib.with_retry(2)(3)), through(3)), cs.StaticAnalysisWarning, runs=2)
    warnings = [event for event in events if isinstance(event, cs.StaticAnalysisWarning)]
    assert [(warning.code, warning.task) for warning in warnings] == [("CS-W001", "fib")] * 4
    assert len({warning.message for warning in warnings}) == 2
    assert len({warning.run_id for warning in warnings}) == 2


def test_what_is_only_called_later_is_warned_of_at_the_start() -> None:
    assert len(recorded(through(1), cs.StaticAnalysisWarning)) == 2


def test_a_tail_call_is_no_reason_for_a_warning() -> None:
    assert recorded(add(1, 2), cs.StaticAnalysisWarning) == []
    assert recorded(countdown(3), cs.StaticAnalysisWarning) == []


def test_an_analysis_that_fails_harms_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_task: object) -> None:
        raise ZeroDivisionError

    @cs.task(mode="inline")
    def loop(n: int) -> int:
        return add(loop(n - 1), 1) if n else 0

    monkeypatch.setattr(callees, "find_calls", broken)
    assert [type(event).__name__ for event in recorded(loop(2), cs.RunEvent)] == ["RunStarted", "RunFinished"]


@pytest.mark.slow
def test_without_a_subscriber_no_source_is_read(tmp_path: Path) -> None:
    program = """
        import sys
        from cascade import workflow as cs

        @cs.task
        def deep(n):
            return one(deep(n - 1)) if n else 0

        @cs.task
        def one(n):
            return n

        engine = cs.Engine()
        engine.subscribe(cs.RunFinished, lambda event: None)
        cs.run(deep(3), engine=engine)
        print("cascade.graph.analysis" in sys.modules)
        engine.subscribe(cs.RunEvent, lambda event: None)
        cs.run(deep(3), engine=engine)
        print("cascade.graph.analysis" in sys.modules)
    """
    assert run_script(tmp_path, program).split() == ["False", "True"]
