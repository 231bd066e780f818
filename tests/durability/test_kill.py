"""Runs are killed with SIGKILL at random moments and continued, again and again; nothing is lost beyond what is stated.

The moments are random, so each round is another experiment; the seed is fixed, but the machine's own timing is not.
"""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.slow, pytest.mark.once, pytest.mark.xdist_group("kills")]

SEED = 20_240_229
INTERVAL_S = 0.05


def kill_often(program: str, folder: Path, level: str, rounds: int) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "tests.durability.killing", program, folder, level, rounds, SEED]
    done = subprocess.run(list(map(str, command)), cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    report: list[dict[str, Any]] = json.loads(done.stdout)
    assert len(report) == rounds
    return report


def effects(folder: Path, report: list[dict[str, Any]]) -> list[list[tuple[str, int, float]]]:
    """What was logged between two kills: name, number, and CPU time of all processes so far.

    Not the time of a clock: a busy machine may let a process wait for a second between two lines of it.
    """
    log = (folder / "log").read_bytes()
    lives, begin, before = [], 0, 0.0
    for entry in report:
        # A kill may cut the last line short: a write that crosses pages of the file is done page by page.
        lines = log[begin : entry["logged"]].decode().split("\n")[:-1]
        lives.append([(name, int(number), before + float(spent)) for name, number, spent in map(str.split, lines)])
        begin = entry["logged"]
        before = lives[-1][-1][2] if lives[-1] else before
    return lives


def check_size(report: list[dict[str, Any]]) -> None:
    """The store does not grow with the number of steps."""
    assert max(entry["size"] for entry in report) < 12_000_000


@pytest.mark.parametrize(("program", "rounds"), [("tick", 60), ("climb", 40), ("wait", 20)])
def test_at_level_step_at_most_the_step_in_flight_is_repeated(program: str, rounds: int, tmp_path: Path) -> None:
    report = kill_often(program, tmp_path, "step", rounds)
    last = 0
    for life in effects(tmp_path, report):
        for place, (_, number, _) in enumerate(life):
            assert number == last + 1 or (place == 0 and number == last), f"after step {last} came step {number}"
            last = number
    assert last > rounds
    check_size(report)


@pytest.mark.parametrize(("program", "rounds"), [("tick", 50), ("climb", 30), ("wait", 20)])
def test_at_level_interval_no_more_than_the_interval_is_lost(program: str, rounds: int, tmp_path: Path) -> None:
    report = kill_often(program, tmp_path, "interval(50)", rounds)
    done_at: dict[int, float] = {0: float("inf")}
    last, last_at = 0, 0.0
    losses = []
    for life in effects(tmp_path, report):
        for place, (_, number, when) in enumerate(life):
            if place:
                assert number == last + 1, f"after step {last} came step {number}"
            else:
                assert 1 <= number <= last + 1, f"after a kill at step {last} came step {number}"
                losses.append(max(0.0, last_at - done_at.get(number, when)))
            done_at[number] = when
            last, last_at = number, when
    assert last > rounds
    assert max(losses) < INTERVAL_S * 1.5, "the clock of CPU time may be a tick behind"
    check_size(report)


@pytest.mark.parametrize("level", ["step", "interval(50)"])
@pytest.mark.parametrize(("program", "rounds"), [("together", 20), ("mapped", 12)])
def test_hardly_any_node_that_had_ended_is_run_again(program: str, rounds: int, level: str, tmp_path: Path) -> None:
    """What ends in the last milliseconds before a kill is not safe yet: so few nodes, each of them seldom."""
    report = kill_often(program, tmp_path, level, rounds)
    ended: set[int] = set()
    repeated = 0
    steps: list[int] = []
    for life in effects(tmp_path, report):
        for name, number, _ in life:
            if name == "end":
                ended.add(number)
            elif name == "begin":
                repeated += number in ended
            elif name == "step":
                steps.append(number)
    assert level != "step" or all(later - earlier in (0, 1) for earlier, later in pairwise(steps))
    assert len(ended) > rounds
    assert repeated < len(ended) / 2
    check_size(report)
