"""`sequence` and `pipeline`."""

from __future__ import annotations

from typing import Any

import pytest

from cascade import workflow as cs


def noted(log: list[Any]) -> Any:
    @cs.task
    def note(word: Any) -> Any:
        log.append(word)
        return word

    return note


def test_a_sequence_makes_its_calls_in_order_and_gives_the_last_value() -> None:
    log: list[Any] = []
    note = noted(log)
    assert cs.run(cs.sequence(note(1), note(2), note.map([3]), note(4))) == 4
    assert log == [1, 2, 3, 4]


def test_a_sequence_is_skipped_behind_a_skipped_call_and_gives_none() -> None:
    log: list[Any] = []
    note = noted(log)
    assert cs.run(cs.sequence(note(1), note(2).run_if(False), note(3))) is None
    assert log == [1]


def test_a_sequence_leaves_its_calls_as_they_were() -> None:
    note = noted([])
    second = note(2)
    cs.sequence(note(1), second)
    assert not second._options.after


@pytest.mark.parametrize("calls", [(), (5,), (noted([]),)])
def test_a_sequence_of_something_else_is_refused(calls: Any) -> None:
    with pytest.raises(cs.TaskDefinitionError, match=r"sequence\(\)"):
        cs.sequence(*calls)


def test_a_pipeline_passes_the_value_through_its_tasks() -> None:
    @cs.task
    def double(x: int) -> int:
        return 2 * x

    @cs.task
    def text(x: int) -> str:
        return f"<{x}>"

    assert cs.run(cs.pipeline(5, double, double, text)) == "<20>"
    assert cs.run(cs.pipeline(double(1), text)) == "<2>"


def test_a_pipeline_without_tasks_is_refused() -> None:
    with pytest.raises(cs.TaskDefinitionError, match="at least one task"):
        cs.pipeline(5)
