"""The simulation ends with the same numbers, however often it is killed."""

from __future__ import annotations

import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from cascade import workflow as cs
from tests.examples.support import FOLDER, example
from tests.workflow.support import call_process, start_process

pytestmark = pytest.mark.slow


def steps(file: Path) -> int:
    """The step at which the only run in a file stands."""
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as reader:
            return int(reader.execute("SELECT max(step) FROM runs").fetchone()[0] or 0)
    except sqlite3.OperationalError:  # it is not there yet
        return 0


def test_a_simulation_that_is_killed_ends_like_one_that_is_not(tmp_path: Path) -> None:
    with example("simulation") as simulation:
        expected = cs.run(simulation.main, params={"days": 120})
    file = tmp_path / "runs.db"
    command = ["run", str(FOLDER / "simulation.py"), "--run-id", "island", "--state", f"sqlite:///{file}", "--quiet"]
    command += ["--param", "days=120", "--param", "pause=0.005"]
    for _ in range(2):
        before = steps(file)
        with start_process(*command) as running:
            while steps(file) < before + 10:
                assert running.poll() is None, running.communicate()
                time.sleep(0.005)
            running.send_signal(signal.SIGKILL)
    done = call_process(*command)
    assert (done.returncode, done.stdout) == (0, expected + "\n"), done.stderr
