"""What a step of a loop leaves behind, measured on loops that leave a known amount."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest

from observatory.comparing.measuring import STATM, Meter
from observatory.comparing.workloads import MEMORY, WORKLOADS

STEPS = 1_500
LEFT_BEHIND = 10_000

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not STATM.exists(), reason=f"there is no {STATM}")]


def growth(step: Callable[[], object]) -> float:
    def work() -> int:
        for _ in range(STEPS):
            step()
            time.sleep(0.0002)  # so that the loop can be watched
        return 0

    with asyncio.Runner() as runner:
        return Meter(WORKLOADS[MEMORY], runner).growth(work, STEPS)


def test_a_loop_that_keeps_what_it_makes_grows_by_that() -> None:
    kept: list[bytes] = []
    assert LEFT_BEHIND / 2 < growth(lambda: kept.append(b"x" * LEFT_BEHIND)) < LEFT_BEHIND * 2


def test_a_loop_that_drops_what_it_makes_is_flat() -> None:
    assert growth(lambda: b"x" * LEFT_BEHIND) < LEFT_BEHIND / 20


def test_a_loop_that_is_over_at_once_counts_as_flat() -> None:
    with asyncio.Runner() as runner:
        assert Meter(WORKLOADS[MEMORY], runner).growth(lambda: 0, 10) == 0
