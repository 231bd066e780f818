"""What is claimed of comparisons, and that a report shows it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from observatory.cli import main
from observatory.comparing.claims import SUITE
from observatory.comparing.workloads import DURABLE_LOOP
from observatory.declaring import Benchmark
from observatory.keys import CASCADE
from observatory.results import Results


def results(langgraph_s: float, cascade_s: float) -> Results:
    made = Results()
    benchmark = Benchmark(DURABLE_LOOP, "a step")
    made.add(benchmark, "langgraph", [langgraph_s] * 3, {"effort": "smoke"})
    made.add(benchmark, CASCADE, [cascade_s] * 3, {"effort": "smoke"})
    return made


@pytest.mark.parametrize(("cascade_s", "verdict"), [(0.0999, "pass"), (0.101, "SHORT")])
def test_durable_loops_are_held_against_ten_times_those_of_langgraph(cascade_s: float, verdict: str) -> None:
    figure = SUITE.claims[0].figure(results(1.0, cascade_s).values)
    assert figure is not None
    assert (figure.bar, figure.verdict) == ("at least 10", verdict)


def test_a_report_shows_the_engines_side_by_side_and_the_claim(tmp_path: Path) -> None:
    results(1.0, 0.02).write(tmp_path)
    answer = CliRunner().invoke(main, ["report", str(tmp_path)])
    assert answer.exit_code == 0, answer.output
    assert "Measure it again with `observatory compare`" in answer.output
    assert "at least 10 | pass" in answer.output
    assert f"| {DURABLE_LOOP} | langgraph | 1.00 s | 50.0" in answer.output
