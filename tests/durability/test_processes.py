"""Runs of several processes: exactly one continues a run, and what a killed one had finished is not done again."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from cascade.runtime.durability.leases import is_alive, new_holder, release

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]

CONTEND = """
import sys
from cascade import workflow as cs
from tests.durability.contenders import race
race(sys.argv[1])
"""


def start(folder: Path, program: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", program, str(folder)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_of_two_processes_exactly_one_continues_a_run(tmp_path: Path) -> None:
    contenders = [start(tmp_path, CONTEND) for _ in range(3)]
    for contender in contenders:
        assert contender.stdout is not None
        assert contender.stdout.readline() == "ready\n"
    (tmp_path / "go").touch()
    deadline = time.monotonic() + 30
    while sum(contender.poll() is not None for contender in contenders) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    (tmp_path / "stop").touch()
    outcomes = [contender.communicate(timeout=60) for contender in contenders]
    said = sorted(out.split(":")[0] for out, _ in outcomes)
    assert said == ["ended", "held", "held"], outcomes
    winner = next(
        contender for contender, (out, _) in zip(contenders, outcomes, strict=True) if out.startswith("ended")
    )
    for out, _ in outcomes:
        if out.startswith("held"):
            assert f"is being run by process {winner.pid} on {os.uname().nodename}, since 2" in out
    assert Counter((tmp_path / "log").read_text().split()) == {"begin": 1, "end": 1}


def test_finished_nodes_of_a_killed_step_are_not_run_again(tmp_path: Path) -> None:
    """The step waits for ever in its last node, so the process is killed there; the others had ended before."""
    program = CONTEND.replace("race", "stand")
    victim = start(tmp_path, program)
    deadline = time.monotonic() + 60
    while stored(tmp_path) < 4:
        assert time.monotonic() < deadline, "the values of the finished nodes were not stored"
        time.sleep(0.01)
    victim.send_signal(signal.SIGKILL)
    victim.communicate()
    (tmp_path / "go").touch()
    out, error = start(tmp_path, program).communicate(timeout=60)
    assert out == "ended: [0, 1, 2, 'waited']\n", error
    assert Counter((tmp_path / "log").read_text().split()) == {"node0": 1, "node1": 1, "node2": 1, "wait": 2}


def stored(folder: Path) -> int:
    """How many entries a run has."""
    file = folder / "runs.db"
    if not file.exists():
        return 0
    reader = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        return int(reader.execute("SELECT count(*) FROM entries").fetchone()[0])
    except sqlite3.OperationalError:  # it is being made
        return 0
    finally:
        reader.close()


def test_a_process_is_known_by_more_than_its_number() -> None:
    holder = new_holder(0.0)
    machine, _, started = holder.process.rpartition(" ")
    assert is_alive(holder) is True
    assert is_alive(holder._replace(process=f"{machine} {int(started) + 1}")) is False, "a later one of that number"
    assert is_alive(holder._replace(process=f"another {started}")) is None, "of another machine"


def test_another_process_that_was_started_in_the_same_moment_is_another() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    mine = new_holder(0.0)
    assert is_alive(mine._replace(pid=child.pid, token="its own")) is False, "that process started later"
    stat = Path(f"/proc/{child.pid}/stat").read_text().rpartition(") ")[2].split()
    machine = mine.process.rpartition(" ")[0]
    assert is_alive(mine._replace(pid=child.pid, token="its own", process=f"{machine} {stat[19]}")) is True
    child.communicate()


def test_what_this_process_has_released_is_free_whatever_the_store_says() -> None:
    holder = new_holder(0.0)
    release(holder)
    assert is_alive(holder) is False


def test_a_process_that_has_ended_is_not_alive() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    stat = Path(f"/proc/{child.pid}/stat").read_text().rpartition(") ")[2].split()
    machine = new_holder(0.0).process.rpartition(" ")[0]
    holder = new_holder(0.0)._replace(pid=child.pid, process=f"{machine} {stat[19]}")
    assert is_alive(holder) is True
    child.kill()
    while Path(f"/proc/{child.pid}/stat").read_text().rpartition(") ")[2][0] != "Z":
        time.sleep(0.001)
    assert is_alive(holder) is False, "nobody has asked for its exit code, but it has ended"
    child.communicate()
    assert is_alive(holder) is False
