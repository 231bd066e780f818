"""Random programs mean the same on every engine as in the model."""

from __future__ import annotations

from hypothesis import given, reject
from hypothesis import strategies as st

from cascade import workflow as cs

from .comparing import check
from .model import Undefined
from .profile import random_programs
from .programs import Program
from .strategies import programs


OBSERVED = st.sampled_from(((False, False, True), (True, False, False)))
"""The first runs of a program find its shapes new; compiled loops run only where nobody listens."""


def check_defined(program: Program, engine: cs.Engine, observed: tuple[bool, ...]) -> None:
    """Compare with the model, if the program means one thing only."""
    try:
        check(program, engine, observed)
    except Undefined:
        reject()


@random_programs
@given(program=programs(may_fail=False), observed=OBSERVED)
def test_graphs_mean_the_same(engine: cs.Engine, program: Program, observed: tuple[bool, ...]) -> None:
    check_defined(program, engine, observed)


@random_programs
@given(program=programs(), observed=OBSERVED)
def test_graphs_with_failing_tasks_mean_the_same(engine: cs.Engine, program: Program, observed: tuple[bool, ...]) -> None:
    check_defined(program, engine, observed)


@random_programs
@given(program=programs(may_fail=False, loops=3), observed=OBSERVED)
def test_loops_mean_the_same(engine: cs.Engine, program: Program, observed: tuple[bool, ...]) -> None:
    check_defined(program, engine, observed)


@random_programs
@given(program=programs(loops=3), observed=OBSERVED)
def test_loops_with_failing_tasks_mean_the_same(engine: cs.Engine, program: Program, observed: tuple[bool, ...]) -> None:
    check_defined(program, engine, observed)
