"""Routes and conditions under many schedules: what is needed runs once, what is not needed never."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import Any

import pytest

from cascade import workflow as cs
from cascade.testing import ShuffledSolver

from .engines import SEED, scattered_engine

SCHEDULES = 1_000


def routed(calls: list[str], rng: random.Random) -> tuple[Any, Any]:
    """A program in which the branch ``shared`` may be chosen and is needed elsewhere in any case, and its value.

    ::

        choose --> router --+--> join <-- elsewhere <-- shared
                     |
              shared | other <-- only_other
    """
    waits = {name: rng.randrange(4) for name in ("choose", "shared", "other", "only_other", "elsewhere")}
    key = rng.choice(("shared", "other"))

    async def called(name: str) -> None:
        calls.append(f"begin {name}")
        for _ in range(waits[name]):
            await asyncio.sleep(0)
        calls.append(f"end {name}")

    @cs.task
    async def choose() -> str:
        await called("choose")
        return key

    @cs.task
    async def shared() -> str:
        await called("shared")
        return "S"

    @cs.task
    async def only_other() -> str:
        await called("only_other")
        return "o"

    @cs.task
    async def other(part: str) -> str:
        await called("other")
        return part.upper()

    @cs.task
    async def elsewhere(part: str) -> str:
        await called("elsewhere")
        return part * 2

    @cs.task(mode="inline")
    def join(left: str, right: str) -> str:
        return left + right

    branch = shared()
    chosen = cs.Router(choose(), {"shared": branch, "other": other(only_other())})
    operands = (chosen, elsewhere(branch)) if rng.random() < 0.5 else (elsewhere(branch), chosen)
    value = "S" if key == "shared" else "O"
    return join(*operands), "".join("SS" if operand is not chosen else value for operand in operands)


@pytest.mark.slow
def test_a_branch_that_is_needed_elsewhere_too_runs_exactly_once() -> None:
    print(f"seed {SEED}")
    for schedule in range(SCHEDULES):
        rng = random.Random(f"{SEED}/{schedule}")
        calls: list[str] = []
        target, expected = routed(calls, rng)
        with scattered_engine(ShuffledSolver(rng.randrange(1_000_000)), rng.randrange(1_000_000)) as engine:
            value = cs.run(target, engine=engine)
        assert value == expected, f"schedule {schedule}"
        counts = Counter(calls)
        is_other = counts["begin other"]
        assert counts["begin shared"] == counts["begin choose"] == counts["begin elsewhere"] == 1, (
            f"schedule {schedule}"
        )
        assert counts["begin only_other"] == is_other == ("O" in expected), f"schedule {schedule}"
        if is_other:
            assert calls.index("end choose") < calls.index("begin only_other"), f"schedule {schedule}"
