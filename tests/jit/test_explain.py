"""What people can find out about compiled loops: outcomes, differences, and that nothing new is compiled."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from cascade import workflow as cs
from cascade.graph.build import build_graph
from cascade.runtime.strategies.jit.explain import difference
from cascade.spec.errors import UnexpectedCompilationError
from tests.jit.support import cycles, inline_engine

inline = cs.task(mode="inline")


@inline
def same(x: Any) -> Any:
    return x


@inline
def other(x: Any) -> Any:
    return x


@inline
def join(*parts: Any, last: Any = None) -> Any:
    return parts, last


@inline
def loop(n: int, x: Any = 0) -> int:
    return n if n <= 0 else loop(n - 1, same(n))


@pytest.mark.parametrize(
    ("one", "two", "words"),
    [
        (lambda: join(1, 2), lambda: join(3, 4), None),
        (lambda: join(same(1)), lambda: join(other(1)), "other-0 stands where same-0 was"),
        (lambda: join(same(1)), lambda: join(1), "argument 0 of join-0 is a value instead of a call"),
        (lambda: join(1), lambda: join(same(1)), "argument 0 of join-1 is a call instead of a value"),
        (lambda: join(1), lambda: join(1, 2), "join-0 has 2 positional arguments instead of 1"),
        (lambda: join(1), lambda: join(1, last=2), r"join-0 has the keyword arguments \('last',\) instead of \(\)"),
        (lambda: join(1), lambda: join(1).with_retry(2), "join-0 has other options"),
        (lambda: join(*[same(1)] * 2), lambda: join(same(1), same(2)), "is another call than same-"),
        (lambda: join(same(1), same(2)), lambda: join(*[same(1)] * 2), "it has 2 nodes instead of 3"),
        (lambda: same([same(1)]), lambda: same((same(1),)), "tuple-1 stands where list-1 was"),
    ],
)
def test_the_first_difference_of_two_shapes_is_named(
    one: Callable[[], Any], two: Callable[[], Any], words: str | None
) -> None:
    found = difference(build_graph(one())[0], build_graph(two())[0])
    if words is None:
        assert found is None
    else:
        assert found is not None
        assert re.search(words, found)


def test_a_call_is_explained_before_and_after_its_shape_is_compiled() -> None:
    engine = inline_engine()
    found = cycles(engine)
    assert found.explain(loop(9, same(1))) == "no step of its shape was interpreted yet"
    cs.run(loop(1, same(1)), engine=engine)
    cs.run(loop(5, same(1)), engine=engine)
    assert found.explain(loop(9, same(1))) == "it is compiled"
    assert "argument 1 of loop-0 is a value instead of a call" in found.explain(loop(9, 1))


def test_a_shape_that_cannot_be_compiled_says_why() -> None:
    found = cycles(inline_engine())
    assert "same-0 has a timeout, a cache or constraints" in found.explain(loop(9, same.with_timeout(3)(1)))
    assert "is a map" in found.explain(loop(9, same.map([1, 2])))
    assert "more than 256 operands" in found.explain(loop(9, [same(1), *range(255)]))
    assert "is a container of literals" in found.explain(loop(9, [cs.literal([1])]))


def test_a_loop_whose_calls_have_a_name_of_their_own_is_interpreted() -> None:
    @inline
    def named_loop(n: int) -> Any:
        return n if n == 0 else named_loop.named(f"at {n}")(n - 1)

    engine = inline_engine()
    cs.run(named_loop(9), engine=engine)
    why = "named_loop-0 is the last of the step and has a name of its own"
    assert cycles(engine).statistics[f"refused: {why}"] == 1


def test_outcomes_are_counted_step_by_step() -> None:
    engine = inline_engine()
    cs.run(loop(100, same(1)), engine=engine)
    statistics = cycles(engine).statistics
    assert statistics["steps"] + sum(count for name, count in statistics.items() if name.startswith("miss")) == 100
    assert statistics["compiled"] == 1
    assert statistics["miss: first met"] >= 1


def test_nothing_is_compiled_in_the_steady_state() -> None:
    engine = inline_engine()
    cs.run(loop(100, same(1)), engine=engine)
    with cycles(engine).expect_no_compilation():
        assert cs.run(loop(1_000, same(1)), engine=engine) == 0


def test_a_new_shape_where_none_is_expected_is_an_error_that_says_what_is_new() -> None:
    @inline
    def changing(n: int, x: Any = 0) -> int:
        return n if n <= 0 else changing(n - 1, same(n) if n > 10 else other(n))

    engine = inline_engine()
    cs.run(changing(20), engine=engine)
    with cycles(engine).expect_no_compilation():
        cs.run(changing(40), engine=engine)

    @inline
    def late(n: int, x: Any = 0) -> int:
        return n if n <= 0 else late(n - 1, same(n) if n > 10 else other(n))

    engine = inline_engine()
    with (
        cycles(engine).expect_no_compilation(),
        pytest.raises(UnexpectedCompilationError, match="a shape of late would be compiled: there was none before"),
    ):
        cs.run(late(40), engine=engine)


def test_compiled_loops_can_be_switched_off_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CASCADE_JIT", "0")
    assert cs.Engine().cycles is None
    assert cs.Engine(jit=True).cycles is not None
    monkeypatch.setenv("CASCADE_JIT", "1")
    assert cs.Engine().cycles is not None
    assert cs.Engine(jit=False).cycles is None
