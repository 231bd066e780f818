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


def check_defined(program: Program, engine: cs.Engine, is_observed: bool) -> None:
    """Compare with the model, if the program means one thing only."""
    try:
        check(program, engine, is_observed)
    except Undefined:
        reject()


@random_programs
@given(program=programs(may_fail=False), is_observed=st.booleans())
def test_graphs_mean_the_same(engine: cs.Engine, program: Program, is_observed: bool) -> None:
    check_defined(program, engine, is_observed)


@random_programs
@given(program=programs(), is_observed=st.booleans())
def test_graphs_with_failing_tasks_mean_the_same(engine: cs.Engine, program: Program, is_observed: bool) -> None:
    check_defined(program, engine, is_observed)


@random_programs
@given(program=programs(may_fail=False, loops=3), is_observed=st.booleans())
def test_loops_mean_the_same(engine: cs.Engine, program: Program, is_observed: bool) -> None:
    check_defined(program, engine, is_observed)


@random_programs
@given(program=programs(loops=3), is_observed=st.booleans())
def test_loops_with_failing_tasks_mean_the_same(engine: cs.Engine, program: Program, is_observed: bool) -> None:
    check_defined(program, engine, is_observed)
