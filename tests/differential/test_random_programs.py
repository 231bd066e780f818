"""Random programs mean the same on every engine as in the model."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from cascade import workflow as cs
from cascade.testing import ShuffledSolver

from .comparing import check
from .directed import look_alike_loops, maps_of_failing_graphs
from .engines import ENGINES, scattered_engine
from .profile import EXAMPLES_A_PROPERTY, examples, on_each_engine
from .programs import Program
from .scope import Undefined
from .strategies import programs

pytestmark = pytest.mark.slow

OBSERVED: Final = st.sampled_from(((False, False, True), (True, False, False)))
"""The first runs of a program find its shapes new; compiled loops run only where nobody listens."""


def check_defined(program: Program, engine: cs.Engine, observed: tuple[bool, ...]) -> None:
    """Compare with the model, if the program means one thing only."""
    try:
        check(program, engine, observed)
    except Undefined:
        reject()


@on_each_engine
@given(program=programs(may_fail=False), observed=OBSERVED)
def test_graphs_mean_the_same(engine: cs.Engine, program: Program, observed: tuple[bool, ...]) -> None:
    check_defined(program, engine, observed)


@on_each_engine
@given(program=programs(), observed=OBSERVED)
def test_graphs_with_failing_tasks_mean_the_same(
    engine: cs.Engine, program: Program, observed: tuple[bool, ...]
) -> None:
    check_defined(program, engine, observed)


@on_each_engine
@given(program=programs(may_fail=False, loops=3), observed=OBSERVED)
def test_loops_mean_the_same(engine: cs.Engine, program: Program, observed: tuple[bool, ...]) -> None:
    check_defined(program, engine, observed)


@on_each_engine
@given(program=programs(loops=3), observed=OBSERVED)
def test_loops_with_failing_tasks_mean_the_same(
    engine: cs.Engine, program: Program, observed: tuple[bool, ...]
) -> None:
    check_defined(program, engine, observed)


@on_each_engine
@given(program=programs(loops=2, is_plain=True), observed=OBSERVED)
def test_loops_of_plain_tasks_mean_the_same(engine: cs.Engine, program: Program, observed: tuple[bool, ...]) -> None:
    check_defined(program, engine, observed)


@examples(EXAMPLES_A_PROPERTY // 2)
@given(program=look_alike_loops())
def test_loops_whose_steps_look_alike_mean_the_same(program: Program) -> None:
    with ENGINES["default"]() as engine:
        check_defined(program, engine, (False, False))


@on_each_engine
@given(program=maps_of_failing_graphs(), observed=OBSERVED)
def test_items_that_fail_in_several_places_mean_the_same(
    engine: cs.Engine, program: Program, observed: tuple[bool, ...]
) -> None:
    check_defined(program, engine, observed)


@examples(EXAMPLES_A_PROPERTY // 2)
@given(program=programs(loops=1), seed=st.integers(0, 1_000_000))
def test_what_a_program_means_does_not_depend_on_the_schedule(program: Program, seed: int) -> None:
    with scattered_engine(ShuffledSolver(seed), seed) as engine:
        check_defined(program, engine, (True,))
