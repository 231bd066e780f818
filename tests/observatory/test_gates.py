"""What does not depend on the machine is held against committed limits."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from observatory.gates import limits
from observatory.gates.counting import allocations, calls, per_step
from observatory.gates.measures import Count


@pytest.mark.slow
def test_all_gates_are_open() -> None:
    """After a change that is meant to cost more: ``observatory gates --refresh``, and say why in the commit.

    They are counted in a process of their own: what else a process holds changes which allocations can be seen.
    """
    program = "from observatory.cli import main; main(['gates'])"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert answer.stdout.count("open") > 50, answer.stderr
    assert answer.returncode == 0, answer.stdout


def test_calls_of_python_and_of_c_are_counted() -> None:
    def nothing() -> None:
        pass

    def work(size: int) -> None:
        for _ in range(size):
            nothing()
            len("")

    assert calls(work, 100) - calls(work, 50) == 100
    assert per_step(calls, work, 50) == 2


def test_objects_that_are_made_are_counted() -> None:
    def hold(size: int) -> list[object]:
        return [object.__new__(object) for _ in range(size)]

    assert per_step(allocations, hold, 500) > 0.9


def test_the_profile_of_somebody_else_is_put_back() -> None:
    def profile(*_arguments: object) -> None:
        pass

    sys.setprofile(profile)
    try:
        calls(lambda _size: None, 1)
        assert sys.getprofile() is profile
    finally:
        sys.setprofile(None)


@pytest.mark.parametrize(("value", "is_open"), [(10.0, True), (11.0, True), (11.6, False)])
def test_a_gate_is_open_up_to_its_limit(value: float, is_open: bool, tmp_path: Path) -> None:
    file = tmp_path / "limits.json"
    limits.refresh([Count("calls", 10.0, margin=0.1, slack=0.5)], file)
    (gate,) = limits.hold([Count("calls", value)], limits.read(file))
    assert (gate.limit, gate.is_open) == (11.5, is_open)


def test_a_count_without_a_limit_does_not_pass() -> None:
    (gate,) = limits.hold([Count("new", 1.0)], {})
    assert not gate.is_open


def test_refreshing_leaves_other_versions_of_python_alone(tmp_path: Path) -> None:
    file = tmp_path / "limits.json"
    file.write_text('{"3.10": {"calls": 1.0}}', encoding="utf-8")
    assert limits.read(file) == {"calls": 1.0}, "without a table of its own, a Python is held against the newest one"
    limits.refresh([Count("calls", 2.0)], file)
    assert limits.read(file) == {"calls": 2.0}
    assert '"3.10"' in file.read_text(encoding="utf-8")
