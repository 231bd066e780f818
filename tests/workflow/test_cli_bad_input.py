"""Everything that cannot be run at all: exit code 2, one message on stderr, nothing on stdout."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workflow.support import call, program


def refusal(*arguments: str) -> str:
    """The message with which the command refuses."""
    done = call("run", *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert ", in run" not in done.stderr, "no frame of Cascade's own"
    return done.stderr


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert refusal(str(tmp_path / "no.py")) == f"cascade: there is no file '{tmp_path / 'no.py'}'\n"
    assert "there is no file" in refusal(str(tmp_path / "no.py:main"))


def test_a_folder(tmp_path: Path) -> None:
    assert "is a folder" in refusal(str(tmp_path))


@pytest.mark.parametrize("content", [b"def broken(:", b"\x00\x01", "é".encode("latin-1")])
def test_a_file_that_is_no_python(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "broken.py"
    file.write_bytes(content)
    message = refusal(str(file))
    assert message.startswith("cascade: broken.py is not Python:\n")
    assert "SyntaxError" in message


def test_a_file_that_raises_when_it_is_loaded(tmp_path: Path) -> None:
    message = refusal(program(tmp_path, "import no_such_module_anywhere"))
    assert message.startswith("cascade: flow.py could not be loaded:\nTraceback")
    assert "ModuleNotFoundError: No module named 'no_such_module_anywhere'" in message
    assert "importlib" not in message


def test_a_file_that_declares_something_impossible(tmp_path: Path) -> None:
    message = refusal(program(tmp_path, "@cs.task\ndef numbers():\n    yield 1"))
    assert "'numbers' is a generator function" in message
    assert message.count("File ") == 1, "the traceback ends in the user's file"


def test_a_file_that_ends_the_process(tmp_path: Path) -> None:
    assert "ended the process (exit code 3) while it was loaded" in refusal(program(tmp_path, "raise SystemExit(3)"))


def test_a_file_with_nothing_to_run(tmp_path: Path) -> None:
    assert "flow.py has nothing to run" in refusal(program(tmp_path, "x = 1"))


def test_a_target_that_is_not_there(tmp_path: Path) -> None:
    file = program(tmp_path, "@cs.task\ndef load():\n    return 1")
    assert "flow.py has no 'lod'. Did you mean 'load'?" in refusal(f"{file}:lod")
    assert "flow.py has no 'load.more'" in refusal(f"{file}:load.more")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("main = 5", "main is 5, which cannot be run"),
        ("main = [1, 2]", "main is [1, 2], which cannot be run"),
        ("main = str", "main is <class 'str'>, which cannot be run"),
        ("def main():\n    return 5", "main() returned 5, in which there is nothing to run"),
        ("def main():\n    cs.run(cs.task(int)())", "main() returned None, in which there is nothing to run"),
        ("def main(n):\n    return n", "main() cannot be called from here: missing a required argument: 'n'"),
        ("async def main():\n    return 1", "main() is async; make a task of it"),
        ("def main():\n    return 1 / 0", "main() raised instead of returning a target:\nTraceback"),
        ("@cs.task\ndef main(n):\n    return n", "task 'main': missing a required argument: 'n'"),
    ],
)
def test_a_target_that_cannot_be_run(tmp_path: Path, source: str, message: str) -> None:
    assert message in refusal(program(tmp_path, source))


def test_a_call_that_does_not_fit_its_task(tmp_path: Path) -> None:
    message = refusal(program(tmp_path, "@cs.task\ndef one():\n    return 1\nmain = one(2)"))
    assert message.startswith("cascade: task 'one': too many positional arguments")
    assert "Traceback" not in message


ONE_PARAMETER = '@cs.task\ndef show(n):\n    return n\nmain = show(cs.Param("count", type=int))'


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "parameter 'count' is missing"),
        (("-p", "count=many"), "parameter 'count' must be of type int"),
        (("-p", "coumt=1", "-p", "count=1"), "did you mean 'count'?"),
        (("-p", "count"), "'count' is not NAME=VALUE"),
        (("-p", "=1"), "'=1' is not NAME=VALUE"),
        (("--timeout", "0"), "--timeout"),
        (("--timeout", "soon"), "--timeout"),
        (("--no-such-option",), "--no-such-option"),
    ],
)
def test_wrong_parameters_and_options(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    assert message in refusal(program(tmp_path, ONE_PARAMETER), *arguments)


def test_all_faults_are_listed_at_once(tmp_path: Path) -> None:
    file = program(tmp_path, ONE_PARAMETER + '\nmain = [main, show(cs.Env("NO_SUCH_VARIABLE_ANYWHERE"))]')
    message = refusal(file, "-p", "other=1")
    assert "3 faults were found before the run" in message
    for word in ("'count' is missing", "'NO_SUCH_VARIABLE_ANYWHERE' is missing", "'other' is not known"):
        assert word in message


def test_no_file_at_all() -> None:
    assert "Missing argument 'FILE[:TARGET]'" in refusal()


def test_a_part_that_no_plug_in_provides(tmp_path: Path) -> None:
    file = program(tmp_path, "@cs.task\ndef main() -> int:\n    return 1")
    assert "executor 'dask://host': no plug-in for the scheme 'dask'" in refusal(file, "--executor", "dask://host")
    assert "solver 'fast://': no plug-in for the scheme 'fast'" in refusal(file, "--solver", "fast")


def test_a_part_for_a_program_that_has_an_engine_of_its_own(tmp_path: Path) -> None:
    file = program(tmp_path, "engine = cs.Engine()\n@cs.task\ndef main() -> int:\n    return 1")
    assert "flow.py has an 'engine' of its own, which --solver cannot change" in refusal(file, "--solver", "native")
