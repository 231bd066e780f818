"""What comes out: results, lines of progress, JSON, help, drawings."""

from __future__ import annotations

import json
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from tests.workflow.support import call, program

PROGRAM = """
from dataclasses import dataclass
from pathlib import Path

@dataclass
class Point:
    x: float
    where: Path

@cs.task
def text() -> str:
    return "two\\nlines"

@cs.task
def nothing() -> None:
    print("printed by the task")

@cs.task
def point(x: float) -> Point:
    return Point(x, Path("/tmp"))

@cs.task
def fail() -> None:
    raise ValueError("no")

points = point.map([1.5, float("nan")])
"""


def run(folder: Path, target: str, *options: str) -> Result:
    return call("run", f"{program(folder, PROGRAM)}:{target}", *options)


def test_a_text_is_printed_as_it_is(tmp_path: Path) -> None:
    assert run(tmp_path, "text").stdout == "two\nlines\n"


def test_none_is_not_printed_but_what_the_program_prints_is(tmp_path: Path) -> None:
    assert run(tmp_path, "nothing").stdout == "printed by the task\n"


def test_everything_else_is_printed_as_python_writes_it(tmp_path: Path) -> None:
    assert run(tmp_path, "points").stdout.startswith("[Point(x=1.5, where=PosixPath('/tmp')), Point(x=nan")


def test_a_run_that_is_not_on_a_terminal_says_how_it_ended_in_one_line(tmp_path: Path) -> None:
    stderr = run(tmp_path, "text").stderr
    assert stderr.startswith("cascade: flow.py:text: done, ")
    assert stderr.count("\n") == 1


def test_quiet_says_nothing_but_the_result(tmp_path: Path) -> None:
    assert run(tmp_path, "text", "--quiet").stderr == ""


def json_lines(done: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_json_is_one_line_for_each_event_and_then_the_result(tmp_path: Path) -> None:
    done = run(tmp_path, "points", "--json")
    assert done.stderr == ""
    started, *_, finished, result = json_lines(done)
    assert (started["event"], finished["event"], finished["status"]) == ("RunStarted", "RunFinished", "Succeeded")
    assert started["run_id"] == finished["run_id"]
    value = [{"x": 1.5, "where": "/tmp"}, {"x": "nan", "where": "/tmp"}]
    assert result == {"event": "Result", "exit_code": 0, "value": value}


def test_json_has_stdout_for_itself(tmp_path: Path) -> None:
    done = run(tmp_path, "nothing", "--json")
    assert json_lines(done)[-1]["value"] is None
    assert done.stderr == "printed by the task\n"


def test_json_and_quiet_are_the_result_alone(tmp_path: Path) -> None:
    assert json_lines(run(tmp_path, "text", "--json", "--quiet")) == [
        {"event": "Result", "exit_code": 0, "value": "two\nlines"}
    ]


def test_json_ends_with_a_result_also_if_there_is_none(tmp_path: Path) -> None:
    failed = run(tmp_path, "fail", "--json")
    assert failed.exit_code == 1
    result = json_lines(failed)[-1]
    assert (result["event"], result["exit_code"]) == ("Result", 1)
    assert result["error"] == {"type": "ValueError", "message": "no"}
    assert result["message"] + "\n" == failed.stderr, "people read the same"

    refused = run(tmp_path, "no_such_target", "--json")
    assert refused.exit_code == 2
    (result,) = json_lines(refused)
    assert (result["exit_code"], result["error"]) == (2, None)


def test_help_lists_the_parameters_of_the_program(tmp_path: Path) -> None:
    file = program(
        tmp_path,
        """
        @cs.task
        def search(words: str, limit: int, key: str, again: int) -> None: ...

        limit = cs.Param("limit", default=10, description="How many.")
        main = search(cs.Param("words"), limit, cs.Env("KEY", description="Who asks."), limit)
        """,
    )
    done = call("run", file, "--help")
    assert done.exit_code == 0
    options, parameters = done.stdout.split("\n\nParameters of flow.py (--param NAME=VALUE):\n")
    assert "--timeout SECONDS" in options
    lines = [" ".join(line.split()) for line in parameters.splitlines()]
    assert lines == [
        "words=STR [required]",
        "limit=INT How many. [default: 10]",
        "",
        "Environment variables that it reads:",
        "KEY=STR Who asks. [required]",
    ]


def test_help_needs_no_program(tmp_path: Path) -> None:
    assert call("run", "--help").stdout.startswith("Usage:")
    done = call("run", str(tmp_path / "no.py"), "-h")
    assert (done.exit_code, "there is no file" in done.stderr) == (2, True)
    assert done.stdout == call("run", "--help").stdout


def test_help_says_that_a_program_has_no_parameters(tmp_path: Path) -> None:
    assert run(tmp_path, "text", "--help").stdout.endswith("\n\nflow.py:text has no parameters.\n")


@pytest.mark.parametrize(
    ("language", "beginning"), [("mermaid", "flowchart TD\n"), ("dot", "digraph cascade {\n"), ("json", "{\n")]
)
def test_a_graph_is_drawn_and_never_run(tmp_path: Path, language: str, beginning: str) -> None:
    file = program(tmp_path, PROGRAM + "\nprint('printed while it is loaded')\nmain = fail()")
    done = call("graph", file, "--format", language)
    assert done.exit_code == 0
    assert done.stdout.startswith(beginning)
    assert done.stdout.endswith("\n")
    assert done.stderr == "printed while it is loaded\n"

    drawing = tmp_path / "drawing"
    assert call("graph", file, "--format", language, "--output", str(drawing)).stdout == ""
    assert drawing.read_text(encoding="utf-8") == done.stdout


RECURSIVE = """
@cs.task
def add(a, b):
    return a + b


@cs.task
def depth(n):
    return add(1, depth(n - 1)) if n else 0


@cs.task
def loop(n):
    return loop(n - 1) if n else depth(3)


main = loop(2)
"""


def test_a_drawing_shows_what_tasks_may_go_on_with(tmp_path: Path) -> None:
    """loop ..> loop, loop ..> depth, depth ..> add"""
    drawing = call("graph", program(tmp_path, RECURSIVE)).stdout
    assert re.findall(r"(\w+) -\.->\|\"next\"\| (\w+)", drawing) == [("n0", "n0"), ("n0", "t0"), ("t0", "t1")]
    assert re.findall(r"(t\d)\(\[\"(\w+)\"\]\)", drawing) == [("t0", "depth"), ("t1", "add")]


def test_recursion_that_is_not_in_tail_position_is_warned_of(tmp_path: Path) -> None:
    file = program(tmp_path, RECURSIVE)
    done = call("run", file)
    assert done.stdout == "3\n"
    warning, end = done.stderr.splitlines()
    line = next(number for number, line in enumerate(Path(file).read_text().splitlines(), 1) if "depth(n - 1)" in line)
    assert warning.startswith(f"cascade: flow.py: warning CS-W001: {file}:{line}:19: task 'depth' calls itself as an ")
    assert end.startswith("cascade: flow.py: done, ")
    assert call("run", file, "--quiet").stderr == ""
    (as_json,) = [line for line in json_lines(call("run", file, "--json")) if line["event"] == "StaticAnalysisWarning"]
    assert (as_json["code"], as_json["task"]) == ("CS-W001", "depth")
    assert as_json["message"] in warning


def test_a_drawing_that_cannot_be_made_is_bad_input(tmp_path: Path) -> None:
    file = program(tmp_path, PROGRAM + "\nmain = fail(1, 2)")
    done = call("graph", file)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "too many positional arguments" in done.stderr
    done = call("graph", f"{file}:points", "-o", str(tmp_path / "no" / "folder"))
    assert done.exit_code == 2
    assert "cannot be written" in done.stderr


def test_the_version_is_that_of_the_distribution() -> None:
    assert call("--version").stdout == f"cascade {version('cascade-workflow')}\n"


def test_ctrl_c_while_the_file_is_loaded_is_no_traceback(tmp_path: Path) -> None:
    done = call("run", program(tmp_path, "raise KeyboardInterrupt"))
    assert (done.exit_code, done.stdout, done.stderr) == (130, "", "cascade: stopped\n")
