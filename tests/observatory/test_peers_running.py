"""A workload of a peer in a process of its own. The processes are real; there is no engine in them."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import pytest

from observatory.comparing.running import Amount, WorkError, run_worker
from observatory.comparing.workloads import FAN_OUT, SIMPLE_LOOP, WORKLOADS
from tests.observatory.peer_support import declare_way

QUICK = Amount(processes=1, samples=4, budget_s=5.0, divisor=1, timeout_s=60.0)
GOOD = "def simple_loop(size):\n    return lambda: 0"

pytestmark = pytest.mark.slow


def run_way(folder: Path, prepare: str, amount: Amount = QUICK, **fields: object) -> dict[str, object]:
    declared = declare_way(folder, prepare, **fields)
    return run_worker(declared, WORKLOADS[SIMPLE_LOOP], Path(sys.executable), amount)


def test_values_come_with_size_and_versions(tmp_path: Path) -> None:
    answer = run_way(tmp_path, GOOD)
    values = answer["values"]
    assert isinstance(values, list)
    assert len(values) == 4
    assert all(value > 0 for value in values)
    assert answer["size"] == 30
    assert {"version", "python"} <= set(answer)


def test_the_size_is_divided_but_not_below_ten(tmp_path: Path) -> None:
    assert run_way(tmp_path, GOOD, QUICK._replace(divisor=2))["size"] == 15
    assert run_way(tmp_path, GOOD, QUICK._replace(divisor=100))["size"] == 10


def test_the_time_ends_the_samples_though_not_the_first_three(tmp_path: Path) -> None:
    values = run_way(tmp_path, GOOD, QUICK._replace(samples=1_000, budget_s=0.0))["values"]
    assert isinstance(values, list)
    assert len(values) == 3


def test_what_an_engine_prints_disturbs_no_answer(tmp_path: Path) -> None:
    answer = run_way(
        tmp_path,
        """
        def simple_loop(size):
            def work():
                print("hello")
                subprocess.run([sys.executable, "-c", "print('hello from a child')"], check=True)
                os.write(1, b"hello from below, without the end of the line")
                return 0
            return work
        """,
    )
    assert answer["values"]


def test_coroutine_functions_are_awaited_in_one_event_loop(tmp_path: Path) -> None:
    answer = run_way(
        tmp_path,
        """
        loops = set()

        def simple_loop(size):
            async def work():
                loops.add(asyncio.get_running_loop())
                assert len(loops) == 1
                return 0
            return work
        """,
    )
    assert answer["values"]


def test_the_session_is_open_while_work_is_prepared_and_done(tmp_path: Path) -> None:
    log = tmp_path / "log"
    run_way(
        tmp_path,
        f"""
        def note(text):
            with open({str(log)!r}, "a") as file:
                file.write(text + " ")

        @contextlib.contextmanager
        def session():
            note("open")
            yield
            note("close")

        def simple_loop(size):
            note("prepare")
            def work():
                note("work")
                return 0
            return work
        """,
        QUICK._replace(samples=1),
        session="session",
    )
    # A small run, one of full size, and the one that is timed.
    assert log.read_text().split() == ["open", "prepare", "work", "prepare", "work", "work", "close"]


def test_a_way_may_turn_out_to_be_closed(tmp_path: Path) -> None:
    answer = run_way(tmp_path, "def simple_loop(size):\n    raise CannotError('needs a server')")
    assert answer["cannot"] == "needs a server"
    assert "values" not in answer


def test_what_a_peer_cannot_do_is_said_with_its_version(tmp_path: Path) -> None:
    answer = run_worker(declare_way(tmp_path, GOOD), WORKLOADS[FAN_OUT], Path(sys.executable), QUICK)
    assert answer["cannot"] == "no"
    assert answer["version"]


def test_a_wrong_answer_is_refused_before_anything_is_timed(tmp_path: Path) -> None:
    with pytest.raises(WorkError, match=r"simple_countdown gave 7 for size 20; expected 0"):
        run_way(tmp_path, "def simple_loop(size):\n    return lambda: 7")


def test_an_answer_that_is_wrong_in_full_size_only_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WorkError, match=r"simple_countdown gave 30 for size 30; expected 0"):
        run_way(tmp_path, "def simple_loop(size):\n    return lambda: 0 if size == 20 else size")


def test_a_failure_is_the_last_line_that_was_said(tmp_path: Path) -> None:
    with pytest.raises(WorkError, match=r"^failed: ZeroDivisionError: division by zero$"):
        run_way(tmp_path, "def simple_loop(size):\n    return lambda: 1 / 0")


def test_a_process_that_ends_without_an_answer_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(WorkError, match="gave no answer"):
        run_way(tmp_path, "def simple_loop(size):\n    os._exit(0)")


def test_too_long_is_a_failure_and_nothing_is_left_of_it(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    with pytest.raises(WorkError, match=r"^took longer than 2 s$"):
        run_way(
            tmp_path,
            f"""
            def simple_loop(size):
                child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
                with open({str(pids)!r}, "w") as file:
                    file.write(f"[{{os.getpid()}}, {{child.pid}}]")
                return lambda: child.wait()
            """,
            QUICK._replace(timeout_s=2.0),
        )
    for pid in json.loads(pids.read_text()):
        assert has_ended(pid), f"process {pid} is still there"


def test_environment_variables_of_a_peer_reach_its_process(tmp_path: Path) -> None:
    answer = run_way(
        tmp_path,
        "def simple_loop(size):\n    assert os.environ['ENGINE_TELEMETRY'] == 'off'\n    return lambda: 0",
        environment={"ENGINE_TELEMETRY": "off"},
    )
    assert answer["values"]


def has_ended(pid: int, within_s: float = 10.0) -> bool:
    """Whether a process is gone, or only waits for its parent to notice."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        status = Path(f"/proc/{pid}/stat")
        if status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
    return False
