"""The solver keeps the promises of solvers, is found by its scheme, and does what it is for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from cascade_critical_path import CriticalPathSolver

from cascade import workflow as cs
from cascade.testing import SolverConformance


class TestCriticalPathSolver(SolverConformance):
    @pytest.fixture
    def solver(self) -> CriticalPathSolver:
        return CriticalPathSolver()


@pytest.fixture
def engine() -> Iterator[cs.Engine]:
    with cs.Engine(solver="critical-path://") as engine:
        yield engine


@cs.task(mode="inline")
def step(order: list[str], name: str, *before: None) -> None:
    order.append(name)


@cs.task(mode="inline")
def join(*parts: None) -> None:
    return None


def test_the_longest_chain_begins_first(engine: cs.Engine) -> None:
    """Drawn: a; b; c -> d -> e; all of them -> join."""
    order: list[str] = []
    kept = cs.literal(order)
    chain = step(kept, "e", step(kept, "d", step(kept, "c")))
    cs.run(join(step(kept, "a"), step(kept, "b"), chain), engine=engine)
    assert order[0] == "c"
    assert order.index("c") < order.index("d") < order.index("e")


def test_what_is_no_option_is_refused() -> None:
    with pytest.raises(cs.PluginError, match="there is no option 'costs'"):
        cs.Engine(solver="critical-path://?costs=3")
