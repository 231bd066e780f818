"""`Param` and `Env`: read, converted and checked before anything runs."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest

from cascade import workflow as cs

STARTED: list[Any] = []


@pytest.fixture(autouse=True)
def started() -> list[Any]:
    STARTED.clear()
    return STARTED


@cs.task(mode="inline")
def show(*values: Any) -> tuple[Any, ...]:
    STARTED.append(values)
    return values


def test_a_parameter_is_given_to_the_run() -> None:
    assert cs.run(show(cs.Param("name")), {"name": "Ada"}) == ("Ada",)
    assert cs.run(show(cs.Param("name")), {"name": "Grace"}) == ("Grace",)


@pytest.mark.parametrize(
    ("parameter", "given", "expected"),
    [
        (cs.Param("x", type=int), "42", 42),
        (cs.Param("x", type=float), 3, 3.0),
        (cs.Param("x", default=7), "8", 8),
        (cs.Param("x", default=0.5), "1e3", 1000.0),
        (cs.Param("x", type=bool), "false", False),
        (cs.Param("x", type=bool), "Yes", True),
        (cs.Param("x", default=False), "on", True),
        (cs.Param("x", type=pathlib.Path), "a/b", pathlib.Path("a/b")),
        (cs.Param("x", type=lambda text: text.split(",")), "a,b", ["a", "b"]),
        (cs.Param("x", default=None), None, None),
        (cs.Param("x", default=None), "text", "text"),
        (cs.Param("x"), 5, "5"),
    ],
)
def test_a_parameter_is_converted_to_its_type(parameter: Any, given: Any, expected: Any) -> None:
    (value,) = cs.run(show(parameter), {"x": given})
    assert (type(value), value) == (type(expected), expected)


def test_a_default_is_used_as_it_is() -> None:
    default = [1]
    (value,) = cs.run(show(cs.Param("x", type=list, default=default)))
    assert value is default
    assert cs.run(show(cs.Param("x", default=None))) == (None,)


def test_a_parameter_stands_anywhere_a_value_does() -> None:
    n = cs.Param("n", type=int)

    @cs.task
    def with_default(value: int = n) -> int:
        return value

    target = [show({"a": [n]}), show.map(range(2), cs.literal(n)), cs.Router(n, {2: "two"}), with_default(), n]
    assert cs.run(target, {"n": 2}) == [({"a": [2]},), [(0, 2), (1, 2)], "two", 2, 2]


def test_an_environment_variable_is_read_when_the_run_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    target = show(cs.Env("CASCADE_TEST_SHARDS", type=int), cs.Env("CASCADE_TEST_MISSING", default="fallback"))
    monkeypatch.setenv("CASCADE_TEST_SHARDS", "8")
    assert cs.run(target) == (8, "fallback")
    monkeypatch.setenv("CASCADE_TEST_SHARDS", "9")
    assert cs.run(target) == (9, "fallback")


@pytest.mark.parametrize(
    ("target", "given", "words"),
    [
        (lambda: show(cs.Param("shards")), {}, "parameter 'shards' is missing and has no default"),
        (lambda: show(cs.Param("x", type=int)), {"x": "many"}, "parameter 'x' must be .*int, but 'many' is not"),
        (lambda: show(cs.Param("x", type=bool)), {"x": "maybe"}, "parameter 'x' must be .*bool, but 'maybe' is not"),
        (
            lambda: show(cs.Param("shards", default=1)),
            {"shard": 2},
            "'shard' is not known: did you mean 'shards'.*parameters.* 'shards'",
        ),
        (lambda: show(), {"x": 1}, "'x' is not known: .*(none at all|no parameters)"),
        (
            lambda: show(cs.Env("CASCADE_TEST_MISSING")),
            {},
            "environment variable 'CASCADE_TEST_MISSING' is missing and has no default; set it",
        ),
    ],
)
def test_what_is_wrong_with_a_parameter_is_said_before_anything_runs(target: Any, given: Any, words: str) -> None:
    with pytest.raises(cs.ParameterError, match=words):
        cs.run([show("first"), target()], given)
    assert STARTED == []


def test_all_faults_are_reported_at_once() -> None:
    target = [show("first"), show(cs.Param("a")), show(cs.Param("b", type=int))]
    with pytest.raises(cs.StaticCheckError) as caught:
        cs.run(target, {"b": "x", "c": 1})
    assert len(caught.value.faults) == 3
    for name in ("'a'", "'b'", "'c'"):
        assert name in str(caught.value)
    assert STARTED == []


def test_a_parameter_of_a_later_step_is_read_there() -> None:
    @cs.task
    def second() -> Any:
        return show(cs.Param("n", default=5))

    assert cs.run(second()) == (5,)


def test_a_parameter_that_is_missing_in_a_later_step_stops_the_step_before_it_runs() -> None:
    @cs.task
    def second() -> Any:
        return [show("first"), show(cs.Param("n"))]

    with pytest.raises(cs.ParameterError, match="'n' is missing"):
        cs.run(second())
    assert STARTED == []


def test_parameters_belong_to_the_graph_that_uses_them() -> None:
    cs.Param("elsewhere")
    with pytest.raises(cs.ParameterError, match=r"is not known.*'here'"):
        cs.run(show(cs.Param("here", default=1)), {"elsewhere": 1})
