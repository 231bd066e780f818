"""What a step of a loop leaves behind, measured on loops that leave a known amount, each in a fresh process."""

from __future__ import annotations

from pathlib import Path

import pytest

from observatory.comparing.measuring import STATM
from tests.support.running import run_script

LEFT_BEHIND = 10_000
SCRIPT = """
    import asyncio, time
    from observatory.comparing.measuring import Meter
    from observatory.comparing.workloads import MEMORY, WORKLOADS

    kept = []

    def work():
        for _ in range({steps}):
            {step}
            time.sleep(0.0002)  # so that the loop can be watched
        return 0

    with asyncio.Runner() as runner:
        print(Meter(WORKLOADS[MEMORY], runner).growth(work, {steps}))
"""

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not STATM.exists(), reason=f"there is no {STATM}")]


def growth(folder: Path, step: str, steps: int = 1_500) -> float:
    return float(run_script(folder, SCRIPT.format(step=step, steps=steps)))


def test_a_loop_that_keeps_what_it_makes_grows_by_that(tmp_path: Path) -> None:
    assert LEFT_BEHIND / 2 < growth(tmp_path, f"kept.append(b'x' * {LEFT_BEHIND})") < LEFT_BEHIND * 2


def test_a_loop_that_drops_what_it_makes_is_flat(tmp_path: Path) -> None:
    assert growth(tmp_path, f"dropped = b'x' * {LEFT_BEHIND} + bytes(1)") < LEFT_BEHIND / 20


def test_a_loop_that_is_over_at_once_counts_as_flat(tmp_path: Path) -> None:
    assert growth(tmp_path, "pass", steps=1) == 0
