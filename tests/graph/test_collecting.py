"""The garbage collector is paused while a large graph is made, and only then."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import pytest

from cascade.graph.build import INTERNED_NODES, build_graph
from cascade.graph.collecting import collection_paused
from cascade.spec.errors import ArgumentMismatchError
from cascade.spec.task import task


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    gc.enable()
    yield
    gc.enable()


@task
def same(x: Any) -> Any:
    return x


def chain(length: int, first: Any) -> Any:
    call = first
    for _ in range(length):
        call = same(call)
    return call


def test_the_outermost_pause_ends_the_pause() -> None:
    with collection_paused():
        with collection_paused():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    with collection_paused():
        pass
    assert not gc.isenabled()


def test_a_large_graph_leaves_the_collector_on() -> None:
    build_graph(chain(2 * INTERNED_NODES, 1))
    assert gc.isenabled()


def test_a_large_graph_that_cannot_be_built_leaves_the_collector_on() -> None:
    broken: Any = same
    call = chain(2 * INTERNED_NODES, 1)
    with pytest.raises(ArgumentMismatchError):
        build_graph([call, broken(1, 2)])
    assert gc.isenabled()
