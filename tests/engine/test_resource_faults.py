"""What is wrong with resources is said before anything runs, or when they are declared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cascade import workflow as cs

STARTED: list[str] = []


@pytest.fixture(autouse=True)
def started() -> list[str]:
    STARTED.clear()
    return STARTED


@cs.resource(name="pool")
def make_pool() -> Iterator[str]:
    yield "pool"


@cs.resource(scope="step")
def cursor() -> Iterator[str]:
    yield "cursor"


@cs.task(mode="inline")
def plain(*values: Any) -> Any:
    STARTED.append("plain")
    return values


@cs.resource(name="egg")
def egg(hen: Any = cs.Inject("hen")) -> Iterator[Any]:
    yield hen


@cs.resource(name="hen")
def hen(egg: Any = cs.Inject(egg)) -> Iterator[Any]:
    yield egg


def test_resources_that_need_each_other_are_an_error_before_anything_runs() -> None:
    with pytest.raises(cs.ResourceError, match="egg -> hen -> egg"):
        cs.run([plain(cs.Inject(egg)), plain()], resources=[hen])
    assert STARTED == []


def test_a_resource_of_the_run_that_needs_one_of_the_step_is_an_error_before_anything_runs() -> None:
    @cs.resource
    def long_lived(_cursor: str = cs.Inject(cursor)) -> Iterator[int]:
        yield 1

    with pytest.raises(cs.ResourceError, match="'long_lived' is open for the whole run but injects 'cursor'"):
        cs.run([plain(), plain(cs.Inject(long_lived))])
    assert STARTED == []


def test_an_unknown_name_is_an_error_before_anything_runs_that_lists_the_known() -> None:
    with pytest.raises(cs.ResourceNotFoundError, match="'db' is not registered; registered are 'pool'"):
        cs.run([plain(), plain(cs.Inject("db"))], resources=[make_pool])
    assert STARTED == []


def test_two_resources_of_one_name_are_refused() -> None:
    @cs.resource(name="pool")
    def other() -> Iterator[int]:
        yield 1

    with pytest.raises(cs.ResourceError, match="another resource is registered as 'pool'"):
        cs.Engine(resources=[make_pool, other])


def test_a_resource_with_a_parameter_that_nobody_fills_is_refused() -> None:
    with pytest.raises(cs.TaskDefinitionError, match="parameter 'url' has no default"):

        @cs.resource
        def needs(url: str) -> Iterator[str]:
            yield url


def test_an_injected_argument_that_is_no_resource_is_refused() -> None:
    with pytest.raises(cs.TaskDefinitionError, match="Inject takes a resource or its name"):
        cs.Inject(3)  # type: ignore[call-overload]


def test_a_provider_that_gives_no_context_manager_is_an_error() -> None:
    @cs.resource  # type: ignore[arg-type]
    def wrong() -> int:
        return 3

    with pytest.raises(cs.ResourceError, match="'wrong': its function returned 3, which is no context manager"):
        cs.run(plain(cs.Inject(wrong)))
