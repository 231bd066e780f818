"""What a kill loses is counted rightly, and a store of the user's own takes part where that makes sense."""

from __future__ import annotations

import asyncio
from itertools import islice
from pathlib import Path

import pytest

from cascade.adapters.state.sqlite import SqliteStateStore
from observatory.keys import CASCADE, CUSTOM, FLOOR, Key
from observatory.parts import Parts
from observatory.setting import Setting
from observatory.workloads import durable_flushed, durable_interval, durable_step, killed_loop
from observatory.workloads.killed_loop import Line, loss


def lines(*numbers: int) -> list[Line]:
    """Steps that come a tenth of a second after each other, beginning at 1 s."""
    return [Line(number, 1 + place / 10) for place, number in enumerate(numbers)]


@pytest.mark.parametrize(
    ("goes_on_with", "steps", "time_s"), [(5, 0, 0.0), (4, 1, 0.2), (2, 3, 0.4), (1, 4, 0.5)], ids=str
)
def test_the_loss_is_what_stands_in_the_log_twice(goes_on_with: int, steps: int, time_s: float) -> None:
    """Steps 1 to 4 are done at 1.0, 1.1, 1.2 and 1.3 s; the kill is at 1.5 s."""
    found = loss(lines(1, 2, 3, 4), 1.5, lines(goes_on_with, goes_on_with + 1))
    assert found.steps == steps
    assert found.time_s == pytest.approx(time_s)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ((1, 2, 3), (5, 6), "after a kill at step 3 the run went on with step 5"),
        ((1, 2, 4), (5, 6), "after step 2 came step 4"),
        ((1, 2, 3), (4, 4), "after step 4 came step 4"),
    ],
)
def test_a_step_that_is_skipped_is_no_figure(before: tuple[int, ...], after: tuple[int, ...], words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        loss(lines(*before), 2.0, lines(*after))


@pytest.mark.slow
def test_a_store_of_the_users_own_is_measured_and_its_runs_end(tmp_path: Path) -> None:
    file = tmp_path / "own.db"
    setting = Setting("smoke", Parts(state=f"sqlite:///{file}"))
    for what in (durable_step, durable_interval):
        (values,) = islice(what.EXPERIMENT.measure(setting), 1)
        assert set(values) == {Key(what.NAME, subject) for subject in (CASCADE, CUSTOM, FLOOR)}
    (values,) = islice(durable_flushed.EXPERIMENT.measure(setting), 1)
    assert {key.subject for key in values} == {CASCADE, FLOOR}, "another store has no flushes of SQLite"
    (values,) = islice(killed_loop.EXPERIMENT.measure(setting), 1)
    assert values[Key(killed_loop.STEPS, CUSTOM)] <= 1
    assert {key.subject for key in values} == {CASCADE, CUSTOM}
    kept = asyncio.run(SqliteStateStore(file).runs())
    assert len(kept) >= 6, "two loops twice, the first time to check the answer, and one killed run of each level"
    assert {run.status for run in kept} == {"Succeeded"}


@pytest.mark.slow
def test_a_child_that_cannot_begin_is_an_error_with_its_words() -> None:
    with pytest.raises(RuntimeError, match=r"the child did no step: (.|\n)*no such level"):
        killed_loop.kill_once(Setting("smoke"), CASCADE, "no such level", 0.0)
