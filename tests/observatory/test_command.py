"""The command ``observatory``: what it prints, keeps and refuses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from observatory import running
from observatory.cli import main
from observatory.declaring import Benchmark, Experiment, Round
from observatory.keys import Key
from observatory.results import Results
from observatory.running import Job, run
from observatory.setting import Setting
from observatory.suites import suites


def observatory(*arguments: Any) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_the_suites_are_listed() -> None:
    answer = observatory("run", "--list")
    assert answer.exit_code == 0
    assert {line.split()[0] for line in answer.output.splitlines()} == set(suites())


@pytest.mark.slow
def test_a_run_prints_and_keeps_what_it_measured(tmp_path: Path) -> None:
    answer = observatory("run", "tco", "--smoke", "--only", "tco/simple*", "--output", tmp_path)
    assert answer.exit_code == 0, answer.output
    assert "tco/simple_countdown" in answer.output
    assert Results.read([tmp_path]).values.keys() == {Key("tco/simple_countdown"), Key("tco/simple_countdown", "floor")}
    page = tmp_path / "page.html"
    assert observatory("report", tmp_path, "--html", page).exit_code == 0
    assert "tco/simple_countdown" in page.read_text(encoding="utf-8")
    assert "tco/simple_countdown" in observatory("report", tmp_path / "cascade.json").output


@pytest.mark.slow
def test_a_run_for_figures_measures_in_processes_and_holds_the_bars(tmp_path: Path) -> None:
    answer = observatory("run", "tco", "--fast", "--only", "tco/creation", "--output", tmp_path)
    assert answer.exit_code == 0, answer.output
    assert "create one lazy result / floor" in answer.output
    assert "at most 1.3" in answer.output
    values = Results.read([tmp_path]).values
    assert len(values[Key("tco/creation")]) == len(values[Key("tco/creation", "floor")]) == running.ROUNDS["fast"]


@pytest.mark.slow
def test_a_process_that_fails_is_reported_with_its_words_and_harms_no_other() -> None:
    module, suite = suites()["tco"]
    creation = next(one for one in suite.experiments if one.name == "tco/creation")
    outcome = run([Job("no.such.module", creation), Job(module, creation)], Setting("fast"))
    assert "No module named 'no'" in outcome.failures["tco/creation"]
    other = run([Job(module, creation)], Setting("fast"))
    assert other.failures == {}


def test_what_was_measured_before_ctrl_c_is_kept() -> None:
    def measure(name: str, stop: bool) -> Experiment:
        def rounds(_setting: Setting) -> Iterator[Round]:
            if stop:
                raise KeyboardInterrupt
            yield {Key(name): 1.0}

        return Experiment((Benchmark(name, name),), rounds)

    work = [Job("", measure("a", False)), Job("", measure("b", True)), Job("", measure("c", False))]
    outcome = run(work, Setting("smoke"))
    assert set(outcome.results.values) == {Key("a")}
    assert outcome.failures == {"b": "stopped by Ctrl-C"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "nonsense"], "there is no suite 'nonsense'; there are durability, graphs"),
        (["run", "--only", "nonsense"], "no benchmark of these suites fits 'nonsense'"),
        (["run", "--solver", "nonsense"], "--solver takes module:Class or the URL of a plug-in, not 'nonsense'"),
        (["run", "--solver", "no.such:Class"], "the module 'no.such' cannot be imported"),
        (["run", "--solver", "json:Nothing"], "has no 'Nothing'"),
        (["run", "--solver", "json:JSONDecoder"], "json:JSONDecoder has no method 'resolve'"),
        (["run", "--executor", "json:JSONDecoder"], "json:JSONDecoder has no method 'execute'"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_measured(arguments: list[str], words: str) -> None:
    answer = observatory(*arguments)
    assert answer.exit_code == 2
    assert words in " ".join(answer.output.split())


def test_a_report_of_nothing_is_refused(tmp_path: Path) -> None:
    answer = observatory("report", tmp_path)
    assert answer.exit_code == 1
    assert "no result files" in answer.output
