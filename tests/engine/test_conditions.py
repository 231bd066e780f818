"""``run_if`` and ``after``: what is skipped, why, and what its consumers see."""

from __future__ import annotations

from typing import Any

import pytest

from cascade import workflow as cs
from cascade.testing import RecordingBus, ShuffledSolver


class Log:
    """Tasks that note that they were started."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.bus = RecordingBus(cs.TaskSkipped)
        self.engine = cs.Engine(ShuffledSolver(), bus=self.bus)
        self.task: Any = cs.task(mode="inline")(self._note)
        self.with_default: Any = cs.task(mode="inline")(self._note_with_default)

    def _note(self, name: str, *inputs: Any) -> str:
        self.started.append(name)
        return name

    def _note_with_default(self, name: str, value: Any = "default", *, other: Any = "other default") -> tuple[Any, Any]:
        self.started.append(name)
        return value, other

    def run(self, target: Any) -> Any:
        return cs.run(target, engine=self.engine)

    @property
    def skipped(self) -> dict[str, str]:
        return {event.task: event.reason for event in self.bus.of(cs.TaskSkipped)}


@pytest.fixture
def log() -> Log:
    return Log()


@cs.task(mode="inline")
def truth(value: Any) -> Any:
    return value


@pytest.mark.parametrize("condition", [True, 1, "yes", truth(True), truth([0])])
def test_a_call_runs_if_its_condition_is_true(condition: Any, log: Log) -> None:
    assert log.run(log.task("a").run_if(condition)) == "a"


@pytest.mark.parametrize("condition", [False, 0, "", None, truth(False), truth([])])
def test_a_call_with_a_false_condition_never_starts(condition: Any, log: Log) -> None:
    with pytest.raises(cs.DependencyMissingError, match=r"'_note' was skipped \(ConditionFalse\)"):
        log.run(log.task("a").run_if(condition))
    assert log.started == []
    assert log.skipped == {"_note": "ConditionFalse"}


def test_what_only_a_skipped_call_needs_never_starts_either(log: Log) -> None:
    """only <- deep is needed by a alone; shared is needed by b, too."""
    shared, only = log.task("shared"), log.task("only", log.task("deep"))
    a = log.task("a", only, shared).run_if(truth(False))
    assert log.run(log.with_default("target", a, other=log.task("b", shared))) == ("default", "b")
    assert sorted(log.started) == ["b", "shared", "target"]


def test_nothing_that_a_call_needs_starts_before_its_condition_is_known(log: Log) -> None:
    log.run(log.task("a", log.task("input")).run_if(log.task("condition")))
    assert log.started == ["condition", "input", "a"]


def test_a_consumer_with_a_default_uses_it(log: Log) -> None:
    skipped = log.task("a").run_if(False)
    assert log.run(log.with_default("b", skipped)) == ("default", "other default")
    assert log.run(log.with_default("b", other=skipped)) == ("default", "other default")
    assert log.run(log.with_default("b", value=skipped, other=1)) == ("default", 1)


def test_a_further_attempt_gets_the_default_too() -> None:
    seen: list[str] = []

    @cs.task(mode="inline")
    def consume(value: str = "default") -> str:
        seen.append(value)
        if len(seen) == 1:
            raise ConnectionError("the first attempt")
        return value

    @cs.task(mode="inline")
    def skipped() -> str:
        raise AssertionError("it is skipped")

    assert cs.run(consume.with_retry(2)(skipped.run_if(False)())) == "default"
    assert seen == ["default", "default"]


def test_a_consumer_without_a_default_is_skipped_too(log: Log) -> None:
    skipped = log.task("a").named("first").run_if(False)
    consumer = log.task("b", skipped).named("second")
    assert log.run(log.with_default("c", consumer)) == ("default", "other default")
    assert log.skipped == {"first": "ConditionFalse", "second": "UpstreamSkipped_Data"}
    assert log.started == ["c"]


def test_a_container_with_a_skipped_call_is_skipped(log: Log) -> None:
    skipped = log.task("a").run_if(False)
    assert log.run(log.with_default("b", [1, {"x": skipped}])) == ("default", "other default")


def test_the_alternative_is_the_value_if_the_condition_is_false(log: Log) -> None:
    assert log.run(log.task("a").run_if(False, otherwise="b")) == "b"
    assert log.run(log.task("a").run_if(False, otherwise=None)) is None
    assert log.run(log.task("a").run_if(truth(0), otherwise=log.task("c"))) == "c"
    assert log.started == ["c"]


def test_the_alternative_never_starts_if_the_condition_is_true(log: Log) -> None:
    assert log.run(log.task("a").run_if(True, otherwise=log.task("c"))) == "a"
    assert log.started == ["a"]


def test_an_alternative_that_is_skipped_skips_the_call(log: Log) -> None:
    alternative = log.task("b").named("alternative").run_if(False)
    call = log.task("a").named("call").run_if(False, otherwise=alternative)
    assert log.run(log.with_default("c", call)) == ("default", "other default")
    assert log.skipped == {"alternative": "ConditionFalse", "call": "UpstreamSkipped_Data"}


def test_a_call_whose_condition_is_skipped_is_skipped(log: Log) -> None:
    condition = truth(True).named("condition").run_if(False)
    call = log.task("a").named("call").run_if(condition)
    assert log.run(log.with_default("c", call)) == ("default", "other default")
    assert log.skipped["call"] == "UpstreamSkipped_Data"


def test_a_call_after_a_predecessor_starts_when_that_has_ended(log: Log) -> None:
    predecessor = log.task("a", log.task("b"))
    log.run(log.task("c").after(predecessor, log.task("d")))
    assert log.started.index("c") == 3
    assert log.started.index("b") < log.started.index("a")


def test_a_target_after_a_skipped_predecessor_is_none(log: Log) -> None:
    skipped = log.task("a").named("first").run_if(False)
    assert log.run(log.task("b").named("second").after(skipped)) is None
    assert log.skipped == {"first": "ConditionFalse", "second": "UpstreamSkipped_Sequence"}
    assert log.started == []


def test_a_consumer_of_a_call_after_a_skipped_predecessor_uses_its_default(log: Log) -> None:
    late = log.task("b").after(log.task("a").run_if(False))
    assert log.run(log.with_default("c", late)) == ("default", "other default")


def test_predecessors_add_up(log: Log) -> None:
    first, second = log.task("first"), log.task("second")
    log.run(log.task("last").after(first).after(second))
    assert sorted(log.started[:2]) == ["first", "second"]
    assert log.started[2] == "last"


def test_a_condition_that_fails_ends_the_run(log: Log) -> None:
    @cs.task
    def broken() -> bool:
        raise LookupError("no condition")

    with pytest.raises(LookupError, match="no condition"):
        log.run(log.task("a").run_if(broken()))
    assert log.started == []


def test_a_skip_of_one_step_does_not_reach_into_the_next(log: Log) -> None:
    seen: list[Any] = []

    @cs.task(mode="inline")
    def loop(n: int, value: Any = "default") -> str:
        seen.append(value)
        return "done" if n == 0 else loop(n - 1, log.task(f"a{n}").run_if(n % 2))

    assert log.run(loop(4)) == "done"
    assert seen == ["default", "default", "a3", "default", "a1"]


def test_a_condition_is_evaluated_anew_in_every_step(log: Log) -> None:
    @cs.task(mode="inline")
    def loop(n: int, _value: Any = None) -> str:
        return "done" if n == 0 else loop(n - 1, log.task(f"a{n}").run_if(truth(n % 3 == 0)))

    log.run(loop(6))
    assert log.started == ["a6", "a3"]


def test_an_inner_loop_that_ends_in_a_skip_gives_its_node_no_value(log: Log) -> None:
    @cs.task(mode="inline")
    def inner() -> Any:
        return log.task("a").run_if(False)

    assert log.run(log.with_default("b", inner())) == ("default", "other default")
    assert list(log.skipped.values()) == ["ConditionFalse"], "only the call that was skipped: inner itself has run"


def test_a_map_can_be_skipped_as_a_whole(log: Log) -> None:
    mapped = log.task.map(["a", "b"])
    assert log.run(log.with_default("c", mapped.run_if(False))) == ("default", "other default")
    assert log.started == ["c"]


def test_a_mapped_item_that_is_skipped_is_an_error_that_names_it(log: Log) -> None:
    @cs.task(mode="inline")
    def item(n: int) -> Any:
        return log.task("a").run_if(n != 1)

    with pytest.raises(cs.DependencyMissingError, match="item 1 of the map was skipped"):
        log.run(item.map(range(3)))


def test_conditions_of_a_solver_that_keeps_stages_apart_still_decide(log: Log) -> None:
    class Strict(ShuffledSolver):
        strict_stages = True

    engine = cs.Engine(Strict())
    target = log.with_default("c", log.task("a", log.task("input")).run_if(False), other=log.task("b"))
    assert cs.run(target, engine=engine) == ("default", "b")
    assert sorted(log.started) == ["b", "c"]
