"""The command as a process: exit codes, signals, pipes, terminals, and when it ends."""

from __future__ import annotations

import json
import os
import pty
import shlex
import signal
import subprocess
from pathlib import Path

import pytest

from tests.workflow.support import COMMAND, LONGEST_S, call_process, program, start_process, wait_for_line

pytestmark = pytest.mark.slow

ENDLESS = """
@cs.task
def forever(n: int) -> None:
    if n == 1_000:
        print("ready")
    return forever(n + 1)

main = forever(0)
"""

BLOCKED = """
import threading

@cs.task
def block() -> None:
    print("ready")
    threading.Event().wait()

main = block()
"""

WITH_RESOURCE = """
import asyncio

@cs.resource
def connection():
    try:
        yield 1
    finally:
        print("closed")

@cs.task
async def wait(link: int = cs.Inject(connection)) -> None:
    print("ready")
    await asyncio.Event().wait()

main = wait()
"""


def end(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Wait for a process: its exit code, and the rest of what it wrote."""
    try:
        out, err = process.communicate(timeout=LONGEST_S)
    finally:
        process.kill()
    return process.returncode, out, err


def interrupt(folder: Path, source: str, number: int, *options: str) -> tuple[int, str, str]:
    """Send a signal when the program has printed ``ready``."""
    process = start_process("run", program(folder, source), *options)
    wait_for_line(process.stderr if "--json" in options else process.stdout, "ready")
    process.send_signal(number)
    return end(process)


@pytest.mark.parametrize(
    ("source", "exit_code"),
    [
        ("@cs.task\ndef main():\n    return 1", 0),
        ("@cs.task\ndef main():\n    return 1 / 0", 1),
        ("@cs.task\nasync def main():\n    raise SystemExit(0)", 1),
        ("import no_such_module_anywhere", 2),
    ],
)
def test_the_exit_code_says_what_happened(tmp_path: Path, source: str, exit_code: int) -> None:
    done = call_process("run", program(tmp_path, source))
    assert done.returncode == exit_code
    assert ("asyncio" in done.stderr, "cascade/" in done.stderr) == (False, False)


@pytest.mark.parametrize("source", [ENDLESS, WITH_RESOURCE])
def test_ctrl_c_stops_the_run_in_order(tmp_path: Path, source: str) -> None:
    exit_code, out, err = interrupt(tmp_path, source, signal.SIGINT)
    assert exit_code == 130
    assert ("closed" in out) == (source is WITH_RESOURCE)
    stopping, stopped = err.splitlines()[-2:]
    assert stopping.startswith("cascade: flow.py: stopping")
    assert stopped.startswith("cascade: flow.py: stopped, ")


def test_a_request_to_terminate_does_the_same(tmp_path: Path) -> None:
    exit_code, out, _ = interrupt(tmp_path, WITH_RESOURCE, signal.SIGTERM)
    assert (exit_code, out) == (143, "closed\n")


def test_ctrl_c_with_quiet_is_still_told(tmp_path: Path) -> None:
    assert interrupt(tmp_path, ENDLESS, signal.SIGINT, "--quiet") == (130, "", "cascade: stopped\n")


def test_ctrl_c_with_json_ends_with_a_result(tmp_path: Path) -> None:
    exit_code, out, _ = interrupt(tmp_path, ENDLESS, signal.SIGINT, "--json")
    *_, finished, result = map(json.loads, out.splitlines())
    assert (exit_code, finished["status"], result["exit_code"]) == (130, "Cancelled", 130)


def test_a_second_ctrl_c_does_not_wait_for_what_cannot_be_interrupted(tmp_path: Path) -> None:
    process = start_process("run", program(tmp_path, BLOCKED))
    wait_for_line(process.stdout, "ready")
    process.send_signal(signal.SIGINT)
    wait_for_line(process.stderr, "stopping")
    process.send_signal(signal.SIGINT)
    assert end(process) == (130, "", "")


def test_a_call_that_took_too_long_does_not_keep_the_process_alive(tmp_path: Path) -> None:
    done = call_process("run", program(tmp_path, BLOCKED + "main = block.with_timeout(0.05)()"), "--quiet")
    assert done.returncode == 1
    assert done.stdout == "ready\n"
    assert done.stderr.startswith("cascade: task 'block' took longer than its timeout of 0.05 s\n")


def test_threads_of_the_program_itself_are_waited_for(tmp_path: Path) -> None:
    """The thread ends when the command has looked at it twice without ending the process."""
    source = """
        import threading
        from cascade.workflow.cli import entry
        looked, find_threads = threading.Semaphore(0), entry.awaited_threads
        def look():
            looked.release()
            return find_threads()
        entry.awaited_threads = look
        def work():
            looked.acquire()
            looked.acquire()
            print("finished")
        @cs.task
        def main():
            threading.Thread(target=work).start()
            return "returned"
        """
    done = call_process("run", program(tmp_path, source))
    assert (done.returncode, done.stdout) == (0, "returned\nfinished\n")


def test_tasks_of_mode_process_find_their_module_again(tmp_path: Path) -> None:
    source = """
        import os
        @cs.task(mode="process")
        def where(n: int) -> tuple[str, int]:
            print("from the worker")
            if n == 2:
                raise ValueError("refused")
            return __name__, os.getpid()
        @cs.task
        def away(found: list[tuple[str, int]]) -> set[str]:
            return {name for name, process in found if process != os.getpid()}
        main = away(where.map([0, 1]))
        failing = where(2)
        """
    # A name that is no identifier, and a folder that is not the current one.
    file = program(tmp_path, source, "my-flow.v2.py")
    done = call_process("run", file, "--json", folder=Path("/"))
    assert json.loads(done.stdout.splitlines()[-1])["value"] == ["my-flow_v2"]
    assert done.stderr.count("from the worker") == 2, "what workers print is kept out of the lines of JSON"

    failed = call_process("run", f"{file}:failing", "--quiet")
    assert failed.returncode == 1
    assert 'raise ValueError("refused")' in failed.stderr
    assert "cascade/adapters" not in failed.stderr


def test_the_command_stops_quietly_when_nobody_reads_its_events_any_more(tmp_path: Path) -> None:
    with start_process("run", program(tmp_path, ENDLESS), "--json") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == "ready\n"
        assert process.wait(LONGEST_S) == 128 + signal.SIGPIPE


def test_on_a_terminal_the_run_is_drawn_and_one_line_is_left(tmp_path: Path) -> None:
    """The program ends when the terminal has shown it: it waits for a line on stdin."""
    source = """
        @cs.task(mode="thread")
        def main() -> str:
            return input()
        """
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "run", program(tmp_path, source)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "80"},
    )
    os.close(theirs)
    drawn = b""
    while b"main" not in drawn:
        drawn += os.read(ours, 1_024)
    out, _ = process.communicate("typed", timeout=LONGEST_S)
    while True:
        try:
            read = os.read(ours, 1_024)
        except OSError:  # on Linux: the other end was closed
            read = b""
        if not read:
            break
        drawn += read
    os.close(ours)
    assert (process.returncode, out) == (0, "typed\n")
    assert drawn.rfind(b"\x1b[?25h") > drawn.rfind(b"\x1b[?25l"), "the cursor is visible again"
    assert "✓".encode() in drawn
    assert b"flow.py" in drawn


def redirected(folder: Path, redirection: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    file = program(folder, "main = cs.literal([6, 7])")
    command = f"exec {shlex.join([*COMMAND, *arguments, file])} {redirection}"
    return subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, timeout=LONGEST_S, check=False)


@pytest.mark.parametrize("redirection", ["2>&-", "<&-", "<&- 2>&-"])
def test_a_run_needs_no_stdin_and_no_stderr(tmp_path: Path, redirection: str) -> None:
    done = redirected(tmp_path, redirection, "run")
    assert (done.returncode, done.stdout) == (0, "[6, 7]\n")


def test_a_run_needs_no_stdout(tmp_path: Path) -> None:
    done = redirected(tmp_path, ">&-", "run", "--quiet")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
@pytest.mark.parametrize("arguments", [("run", "--quiet"), ("graph",), ("run", "--help")])
def test_a_full_disk_behind_stdout_is_said_in_a_line(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = redirected(tmp_path, ">/dev/full", *arguments)
    assert done.returncode == 1
    assert done.stderr == "cascade: the output cannot be written: No space left on device\n"
