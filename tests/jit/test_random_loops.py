"""Random loops are the same interpreted and compiled, to the last call, note and event."""

from __future__ import annotations

import os
from collections import Counter

import pytest
from hypothesis import given

from tests.differential.profile import examples
from tests.jit.loop_programs import Program, programs
from tests.jit.loop_runs import Built, begun_in
from tests.jit.support import cycles, inline_engine

EXAMPLES = 1_500
GATED_EXAMPLES = 1_000
"""By default; ``--hypothesis-profile=deep`` tries many more, other ones each time."""


def check(program: Program) -> Counter[str]:
    """Run a program interpreted, then compiled and compiled once more; what the compiled loops did.

    Raises:
        AssertionError: Something differs.
    """
    interpreted = Built(program, inline_engine(jit=False))
    expected = interpreted.run()
    expected_events = begun_in(interpreted.events)
    engine = inline_engine()
    compiled = Built(program, engine)
    for _ in range(2):
        seen = compiled.run()
        assert seen.outcome == expected.outcome
        assert seen.calls == expected.calls
        assert seen.steps == expected.steps
        assert begun_in(compiled.events) == expected_events
    did = Counter(cycles(engine).statistics)
    for loop in cycles(engine).loops():
        did["steps"] += loop.steps
        did["awaited steps"] += loop.steps if loop.awaits else 0
        did["steps with resources"] += loop.steps if loop.wanted else 0
        did["decided steps"] += loop.steps if any(shape.tree for shape in loop.shapes) else 0
    return did


@pytest.mark.slow
@pytest.mark.skipif(os.environ.get("CASCADE_JIT") == "0", reason="programs are run both ways in any case")
def test_they_are_the_same_interpreted_and_compiled() -> None:
    did: Counter[str] = Counter()

    @examples(EXAMPLES)
    @given(program=programs())
    def search(program: Program) -> None:
        once = check(program)
        did.update(once)
        did["programs"] += 1
        did["compiled programs"] += once["hit"] > 0

    search()
    # Nothing of this would be proved by loops that were all interpreted.
    assert did["compiled programs"] > did["programs"] * 0.6
    assert did["steps"] > did["programs"] * 4
    assert did["awaited steps"] > did["programs"] * 2
    assert did["steps with resources"] > did["programs"] / 2
    assert did["left"] > did["programs"] / 20
    assert did["linked"]


@pytest.mark.slow
@pytest.mark.skipif(os.environ.get("CASCADE_JIT") == "0", reason="programs are run both ways in any case")
def test_they_are_the_same_if_conditions_and_routes_are_decided_on_the_way() -> None:
    did: Counter[str] = Counter()

    @examples(GATED_EXAMPLES)
    @given(program=programs(gated=True))
    def search(program: Program) -> None:
        once = check(program)
        did.update(once)
        did["programs"] += 1
        did["compiled programs"] += once["decided steps"] > 0

    search()
    assert did["compiled programs"] > did["programs"] * 0.2
    assert did["decided steps"] > did["programs"] * 2
    assert did["left"] > did["programs"] / 2
