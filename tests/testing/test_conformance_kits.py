"""How a kit behaves in the hands of a third party: collected once derived, loud when its fixture is missing."""

from __future__ import annotations

import inspect

import pytest

from cascade import testing
from tests.support.kits import promises

pytest_plugins = ["pytester"]

KITS = [getattr(testing, name) for name in testing.__all__ if name.endswith("Conformance")]


@pytest.mark.parametrize("kit", KITS)
def test_a_kit_is_a_plain_class_with_a_promise_in_every_docstring(kit: type) -> None:
    assert not inspect.isabstract(kit)
    assert not kit.__name__.startswith("Test")
    tests = dict(promises(kit))
    assert tests
    assert [name for name, test in tests.items() if not (test.__doc__ or "").strip().endswith(".")] == []


@pytest.mark.slow
def test_a_kit_is_collected_when_it_is_derived_from_and_not_when_it_is_imported(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest
        from cascade.testing import SolverConformance, StateBackendConformance

        class OneByOne:
            def resolve(self, graph):
                return [[node] for node in graph.nodes]

        class TestOneByOne(SolverConformance):
            @pytest.fixture
            def solver(self):
                return OneByOne()
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-q")
    result.assert_outcomes(passed=10)


@pytest.mark.slow
def test_a_kit_without_its_fixture_is_an_error_and_no_silent_skip(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from cascade.testing import StateBackendConformance

        class TestNothing(StateBackendConformance):
            pass
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-q")
    outcomes = result.parseoutcomes()
    assert set(outcomes) == {"errors"}
    result.stdout.fnmatch_lines(["*NotImplementedError: give the test class a fixture 'make_store'*"])


@pytest.mark.slow
def test_the_assertions_of_a_kit_show_what_they_compared(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest
        from cascade.testing import ExecutorConformance

        class Broken:
            concurrency = 0

        class TestBroken(ExecutorConformance):
            @pytest.fixture
            def executor(self):
                return Broken()
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-q", "-k", "says_how_many")
    result.stdout.fnmatch_lines(["E*assert 0 >= 1", "E*where 0 = *.concurrency"])
