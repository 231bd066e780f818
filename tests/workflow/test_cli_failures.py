"""What is said when a task fails: the user's code, where it happened, and nothing of Cascade or asyncio."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cascade.workflow.cli.tracebacks import describe_error
from tests.workflow.support import call, program


def failure(folder: Path, source: str, *options: str) -> str:
    """What the command writes to stderr when the program's ``main`` fails."""
    done = call("run", "--quiet", program(folder, source), *options)
    assert (done.exit_code, done.stdout) == (1, "")
    return done.stderr


def frames(message: str) -> list[str]:
    """The functions in a traceback."""
    return re.findall(r'File ".*", line \d+, in (.*)', message)


@pytest.mark.parametrize(
    "definition",
    [
        "@cs.task\n        def",
        "@cs.task(mode='thread')\n        def",
        "@cs.task(mode='inline')\n        def",
        "@cs.task\n        async def",
    ],
    ids=["auto", "thread", "inline", "async"],
)
def test_the_traceback_begins_and_ends_in_the_users_code(tmp_path: Path, definition: str) -> None:
    source = f"""
        def halve(n):
            return 1 / n

        {definition} parse(n):
            return halve(n)

        @cs.task
        def use(value):
            return value

        main = use(parse(0))
        """
    message = failure(tmp_path, source)
    assert frames(message) == ["parse", "halve"]
    assert message.endswith("ZeroDivisionError: division by zero\nCascade: in task 'parse', step 1\n")


def test_an_error_of_cascade_in_a_task_ends_in_the_users_code(tmp_path: Path) -> None:
    source = """
        @cs.task
        def one():
            return 1
        @cs.task
        def main():
            return 1 if one() else 2
        """
    message = failure(tmp_path, source)
    assert frames(message) == ["main"]
    assert "LazyUseError: <lazy one()> was used as if it were its value" in message


def test_the_step_of_a_loop_is_named(tmp_path: Path) -> None:
    source = """
        @cs.task
        def down(n):
            return down(n - 1) if n else 1 / n
        main = down(4)
        """
    assert "Cascade: in task 'down', step 5" in failure(tmp_path, source)


def test_causes_are_shown_with_their_own_frames(tmp_path: Path) -> None:
    source = """
        @cs.task
        def main():
            try:
                int("x")
            except ValueError as error:
                raise RuntimeError("wrapped") from error
        """
    message = failure(tmp_path, source)
    assert frames(message) == ["main", "main"]
    assert message.index("ValueError") < message.index("direct cause") < message.index("RuntimeError: wrapped")


def test_members_of_an_exception_group_are_shown_with_their_own_frames(tmp_path: Path) -> None:
    source = """
        import asyncio
        async def fail(n):
            raise ValueError(n)
        @cs.task
        async def main():
            async with asyncio.TaskGroup() as group:
                group.create_task(fail(1))
                group.create_task(fail(2))
        """
    assert frames(failure(tmp_path, source)) == ["main", "fail", "fail"]


def test_an_error_without_any_code_of_the_user_is_its_message(tmp_path: Path) -> None:
    source = """
        @cs.task
        def left():
            return 1
        main = cs.Router(left.named("choice")(), {2: left()})
        """
    message = failure(tmp_path, source)
    assert message.startswith(("cascade: choice gave 1", "cascade: left gave 1"))
    assert "Traceback" not in message


def test_a_run_that_takes_too_long_fails(tmp_path: Path) -> None:
    source = """
        import asyncio
        @cs.task
        async def main():
            await asyncio.Event().wait()
        """
    message = failure(tmp_path, source, "--timeout", "0.01")
    assert message == "cascade: the run took longer than its timeout of 0.01 s\n"


def test_a_task_cannot_end_the_process(tmp_path: Path) -> None:
    message = failure(tmp_path, "@cs.task(mode='inline')\ndef main():\n    raise SystemExit(0)")
    assert frames(message) == ["main"]
    assert "a task tried to end the process" in message


def test_an_exception_that_was_never_raised_is_shown_as_a_cause() -> None:
    error = RuntimeError("outer")
    error.__cause__ = ValueError("inner")
    assert "ValueError: inner" in describe_error(error)


def test_frames_of_cascade_are_taken_out_of_notes() -> None:
    error = ValueError("x")
    hidden = describe_error.__code__.co_filename
    error.add_note(
        "in the worker process:\nTraceback (most recent call last):\n"
        f'  File "{hidden}", line 1, in run_packed\n    outcome = call()\n              ~~~~\n'
        '  File "/home/ada/flow.py", line 2, in work\n    return 1 / 0\n           ~~^~~\nValueError: x'
    )
    shown = describe_error(error)
    assert frames(shown) == ["work"]
    assert "outcome = call()" not in shown
    assert shown.endswith("return 1 / 0\n           ~~^~~\nValueError: x")
