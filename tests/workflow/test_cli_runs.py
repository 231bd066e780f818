"""``cascade run --run-id`` and ``cascade runs …`` on a real database, with runs that fail, are killed and cancelled."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.workflow.support import LONGEST_S, call, call_process, program, start_process, wait_for_line

SOURCE = """
    import os
    import sys
    import time


    @cs.task(version=VERSION)
    def part(n: int) -> int:
        return n * n


    @cs.task(mode="inline")
    def loop(n: int, parts: list[int]) -> str:
        if n == 3 and not os.path.exists(os.environ.get("ROUTE", "there")):
            raise RuntimeError("the road is closed")
        return f"arrived with {parts}" if n == 0 else loop(n - 1, [part(n), part(n + 1)])


    @cs.task(mode="inline")
    def forever(n: int) -> int:
        if n == 100:
            print("step", n, file=sys.stderr, flush=True)
        time.sleep(0.001)
        return forever(n + 1)


    main = loop(cs.Param("n", type=int, default=6), [])
    endless = forever(0)
"""


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    return "sqlite:///runs.db"


def flow(folder: Path, version: int = 1) -> str:
    return program(folder, SOURCE.replace("VERSION", str(version)))


def shown(run_id: str, state: str) -> dict[str, Any]:
    outcome = call("runs", "show", run_id, "--state", state, "--json")
    assert outcome.exit_code == 0, outcome.output
    found: dict[str, Any] = json.loads(outcome.output)
    return found


def test_a_run_that_failed_goes_on_where_it_stood(tmp_path: Path, state: str) -> None:
    file = flow(tmp_path)
    failed = call("run", file, "--run-id", "r1", "--state", state, "--param", "n=5")
    assert failed.exit_code == 1
    assert "the road is closed" in failed.output
    view = shown("r1", state)
    assert (view["status"], view["step"], view["held_by"]) == ("Failed", 3, None)
    assert view["call"] == "flow:loop(3, [part(…), part(…)])"
    assert "RuntimeError: the road is closed" in view["error"]
    (tmp_path / "there").touch()
    resumed = call("runs", "resume", "r1", "--state", state, "--program", file, "--quiet")
    assert (resumed.exit_code, resumed.output) == (0, "arrived with [1, 4]\n")
    assert shown("r1", state)["status"] == "Succeeded"


def test_a_run_that_has_ended_gives_its_value_again(tmp_path: Path, state: str) -> None:
    (tmp_path / "there").touch()
    file = flow(tmp_path)
    first = call("run", file, "--run-id", "r1", "--state", state, "--quiet")
    (tmp_path / "there").unlink()
    again = call("run", file, "--run-id", "r1", "--state", state, "--quiet")
    assert first.output == again.output == "arrived with [1, 4]\n"
    assert shown("r1", state)["value"] == '"arrived with [1, 4]"'


def test_another_version_of_a_task_is_refused_until_it_is_accepted(tmp_path: Path, state: str) -> None:
    call("run", flow(tmp_path), "--run-id", "r1", "--state", state)
    (tmp_path / "there").touch()
    file = flow(tmp_path, version=2)
    refused = call("runs", "resume", "r1", "--state", state, "--program", file)
    assert refused.exit_code == 2
    assert "task flow:part was stored with version '1' and has version '2' now" in refused.output
    assert "--accept-version" in refused.output
    assert shown("r1", state)["status"] == "Failed", "what was refused stands as before"
    accepted = call("run", file, "--run-id", "r1", "--state", state, "--accept-version", "--quiet")
    assert accepted.output == "arrived with [1, 4]\n"


def test_a_task_that_no_longer_exists_is_named(tmp_path: Path, state: str) -> None:
    call("run", flow(tmp_path), "--run-id", "r1", "--state", state)
    other = program(tmp_path, "main = cs.literal(1)")
    refused = call("runs", "resume", "r1", "--state", state, "--program", other)
    assert refused.exit_code == 2
    assert "task 'part' of module 'flow', and there is no such task in it" in refused.output


def test_a_killed_run_is_interrupted_and_goes_on_in_another_process(tmp_path: Path, state: str) -> None:
    file = flow(tmp_path)
    kept = ["--run-id", "r1", "--state", f"sqlite:///{tmp_path}/runs.db"]
    with start_process("run", f"{file}:endless", *kept) as running:
        wait_for_line(running.stderr, "step 100")
        held = call("run", f"{file}:endless", *kept)
        assert held.exit_code == 2
        assert f"is being run by process {running.pid} on " in held.output
        assert shown("r1", state)["held_by"].startswith(f"process {running.pid} on ")
        running.send_signal(signal.SIGKILL)
        running.wait()
    stood = shown("r1", state)
    assert (stood["status"], stood["held_by"]) == ("Interrupted", None)
    assert stood["step"] > 100
    with start_process("runs", "resume", "r1", *kept[2:], "--program", file, "--json") as resumed:
        assert json.loads(wait_for_line(resumed.stdout, "LoopProgress"))["steps"] >= stood["step"]
        cancelled = call("runs", "cancel", "r1", "--state", state)
        assert cancelled.output == "r1 is asked to stop\n"
        assert resumed.wait() != 0
    assert shown("r1", state)["status"] == "Cancelled"


SCRIPT = """
    import os
    from dataclasses import dataclass


    @dataclass(frozen=True)
    class Place:
        name: str


    @cs.task
    def look(place: Place) -> Place:
        return Place(place.name.upper())


    @cs.task
    def go(place: Place, seen: Place) -> Place:
        if not os.path.exists("there"):
            raise RuntimeError("the road is closed")
        return seen


    @cs.task
    def travel(place: Place) -> Place:
        return go(place, look(place))


    main = travel(Place("rome"))

    if __name__ == "__main__":
        print(cs.run(main, run_id="r1", state="sqlite:///runs.db").name)
"""


@pytest.mark.parametrize(
    "again", [("run", "script.py", "--run-id", "r1"), ("runs", "resume", "r1", "--program", "script.py")]
)
def test_the_command_continues_what_a_script_began(tmp_path: Path, state: str, again: tuple[str, ...]) -> None:
    """The classes of the script are those of the file, although it is no ``__main__`` any more."""
    file = program(tmp_path, SCRIPT, "script.py")
    began = subprocess.run([sys.executable, file], capture_output=True, text=True, timeout=LONGEST_S, check=False)
    assert "the road is closed" in began.stderr
    (tmp_path / "there").touch()
    done = call_process(*again, "--state", state, "--quiet", folder=tmp_path)
    assert (done.returncode, done.stdout) == (0, "Place(name='ROME')\n"), done.stderr
    same = call_process(*again, "--state", state, "--quiet", folder=tmp_path)
    assert (same.returncode, same.stdout) == (0, "Place(name='ROME')\n")


def test_the_command_reads_the_value_of_a_script(tmp_path: Path, state: str) -> None:
    file = program(tmp_path, SCRIPT, "script.py")
    (tmp_path / "there").touch()
    subprocess.run([sys.executable, file], capture_output=True, timeout=LONGEST_S, check=True)
    again = call_process("run", file, "--run-id", "r1", "--state", state, "--quiet", folder=tmp_path)
    assert (again.returncode, again.stdout, again.stderr) == (0, "Place(name='ROME')\n", "")


def test_modules_are_imported_by_name_where_no_program_is_given(tmp_path: Path, state: str) -> None:
    file = flow(tmp_path)
    call("run", file, "--run-id", "r1", "--state", state)
    (tmp_path / "there").touch()
    done = call_process("runs", "resume", "r1", "--state", state, "--quiet", folder=tmp_path)
    assert (done.returncode, done.stdout) == (0, "arrived with [1, 4]\n")


def test_runs_are_listed_cancelled_and_pruned(tmp_path: Path, state: str) -> None:
    file = flow(tmp_path)
    call("run", file, "--run-id", "bad", "--state", state)
    (tmp_path / "there").touch()
    call("run", file, "--run-id", "good", "--state", state)
    lines = call("runs", "ls", "--state", state).output.splitlines()
    assert lines[0].split() == ["RUN", "STATUS", "STEP", "UPDATED", "HELD", "BY"]
    assert [line.split()[:3] for line in lines[1:-1]] == [["good", "Succeeded", "7"], ["bad", "Failed", "4"]]
    assert lines[-1] == "2 runs"
    listed = json.loads(call("runs", "ls", "--state", state, "--json").output)
    assert [run["run_id"] for run in listed] == ["good", "bad"]
    assert call("runs", "cancel", "bad", "--state", state).output.startswith("cascade: run 'bad' has ended already")
    assert call("runs", "prune", "--state", state, "--older-than", "1").output == "0 runs deleted\n"
    assert call("runs", "prune", "--state", state).output == "1 runs deleted\n"
    assert call("runs", "prune", "--state", state, "--all").output == "1 runs deleted\n"
    assert call("runs", "ls", "--state", state).output == "0 runs\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["runs", "show", "r9", "--state", "sqlite:///runs.db"], "there is no run 'r9'"),
        (["runs", "resume", "r9", "--state", "sqlite:///runs.db"], "there is no run 'r9'"),
        (["run", "flow.py", "--run-id", "r1", "--state", "sqlite:///missing/runs.db"], "its folder must exist"),
        (["runs", "ls", "--state", "nosuch:///runs.db"], "no plug-in for the scheme 'nosuch'"),
        (["run", "flow.py", "--run-id", "r1"], "--run-id and --state go together"),
        (["run", "flow.py", "--run-id", "r1", "--state", "sqlite:///runs.db", "--durability", "much"], "durability is"),
    ],
)
def test_bad_input_is_said_in_words(words: list[str], said: str, tmp_path: Path, state: str) -> None:
    call("run", flow(tmp_path), "--run-id", "r0", "--state", state)
    outcome = call(*words)
    assert outcome.exit_code == 2
    assert said in outcome.output


def test_a_damaged_store_is_said_to_be_damaged(tmp_path: Path, state: str) -> None:
    (tmp_path / "runs.db").write_text("no database " * 500)
    outcome = call("runs", "ls", "--state", state)
    assert outcome.exit_code == 2
    assert "is no SQLite database, or a damaged one" in outcome.output
    with closing(sqlite3.connect(tmp_path / "runs.db")) as connection, pytest.raises(sqlite3.DatabaseError):
        connection.execute("SELECT 1 FROM sqlite_master")


@pytest.mark.parametrize("command", [("ls",), ("show", "r1"), ("cancel", "r1"), ("resume", "r1"), ("prune",)])
def test_a_database_that_is_not_there_is_not_made_by_looking(tmp_path: Path, command: tuple[str, ...]) -> None:
    missing = tmp_path / "ruins.db"
    outcome = call("runs", *command, "--state", f"sqlite:///{missing}")
    assert outcome.exit_code == 2
    assert f"there is no file '{missing}'" in outcome.output
    assert not missing.exists()
