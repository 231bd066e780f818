"""``cascade explain``: a short run, and what became of its loops."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workflow.support import call, program

LOOP = """
    @cs.task(mode="inline")
    def shift(x: int) -> int:
        return x + 1

    @cs.task(mode="inline")
    def loop(n: int, x: int = 0) -> int:
        return x if n == 0 else loop(n - 1, shift(x))

    steps = cs.Param("steps", type=int, default=1000)
    main = loop(steps)
"""


@pytest.fixture(autouse=True)
def _compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CASCADE_JIT", raising=False)


def test_plan_outcomes_shapes_and_source_of_a_loop_are_shown(tmp_path: Path) -> None:
    result = call("explain", program(tmp_path, LOOP))
    assert result.exit_code == 0, result.output
    assert "first step:\n  param-0()\n  loop-1(param-0)" in result.output.replace("steps-0", "param-0")
    assert "run: 1,001 steps until it ended" in result.output
    assert "1  compiled" in result.output
    assert "shift-0(…)\n    loop-1(…, shift-0)" in result.output
    assert "f0_0(x0_0_0)  # shift" in result.output


def test_an_endless_loop_is_stopped_after_the_time(tmp_path: Path) -> None:
    file = program(
        tmp_path,
        """
        @cs.task(mode="inline")
        def loop(n: int = 0) -> int:
            return loop(n + 1)
        """,
    )
    result = call("explain", file, "--seconds", "0.2")
    assert result.exit_code == 0
    assert "until it was stopped after 0.2 s" in result.output


def test_a_program_without_loops_says_that_nothing_was_compiled(tmp_path: Path) -> None:
    file = program(
        tmp_path,
        """
        @cs.task
        def once() -> int:
            return 1

        main = once()
        """,
    )
    assert "no loop was compiled" in call("explain", file).output


def test_parameters_can_be_given(tmp_path: Path) -> None:
    assert "run: 8 steps" in call("explain", program(tmp_path, LOOP), "--param", "steps=7").output


def test_a_failing_run_is_reported_as_by_run(tmp_path: Path) -> None:
    file = program(
        tmp_path,
        """
        @cs.task
        def bad() -> int:
            raise ValueError("no")

        main = bad()
        """,
    )
    result = call("explain", file)
    assert result.exit_code == 1
    assert "ValueError: no" in result.output
    assert "in task 'bad', step 1" in result.output


def test_an_engine_that_compiles_nothing_is_refused(tmp_path: Path) -> None:
    result = call("explain", program(tmp_path, LOOP + "\n    engine = cs.Engine(jit=False)\n"))
    assert result.exit_code == 2
    assert "this engine compiles nothing" in result.output
