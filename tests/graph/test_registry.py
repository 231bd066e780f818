"""The registry interns nodes, holds no data, and is bounded."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import Any

import pytest

from cascade import workflow as cs
from cascade.graph.build import INTERNED_NODES, build_graph
from cascade.graph.registry import NodeRegistry


@cs.task
def join(*parts: Any) -> Any:
    return parts


class Data:
    pass


def test_the_same_structure_is_made_of_the_same_nodes() -> None:
    registry = NodeRegistry()

    def build(x: Any, y: Any) -> Any:
        return build_graph(join(join(x), [join(y), 1], x), registry)[0]

    first, second = build(1, 2), build("a", "b")
    assert [a is b for a, b in zip(first.nodes, second.nodes, strict=True)] == [True] * len(first)


def test_another_structure_has_another_root() -> None:
    registry = NodeRegistry()
    roots = [
        build_graph(target, registry)[0].root
        for target in (join(1), join(join(1)), join(join(1), 1), join(1, join(1)), join(1).named("x"))
    ]
    assert len(set(roots)) == 5


def test_a_common_part_is_shared_by_different_structures() -> None:
    registry = NodeRegistry()
    left, _, _ = build_graph(join(join(1), 2), registry)
    right, _, _ = build_graph([join(1)], registry)
    assert left.nodes[0] is right.nodes[0]


def test_two_registries_share_nothing() -> None:
    left, _, _ = build_graph(join(1), NodeRegistry())
    right, _, _ = build_graph(join(1), NodeRegistry())
    assert left.root is not right.root
    assert left.root.template_id == right.root.template_id


def test_without_a_registry_nothing_is_shared() -> None:
    assert build_graph(join(1))[0].root is not build_graph(join(1))[0].root


def test_what_was_used_longest_ago_is_forgotten_first() -> None:
    registry = NodeRegistry(capacity=2)

    def root(count: int) -> Any:
        return build_graph(join(*range(count)), registry)[0].root

    one, two = root(1), root(2)
    assert root(1) is one
    root(3)
    assert len(registry) == 2
    assert root(1) is one
    assert root(2) is not two


def test_it_never_grows_beyond_its_capacity() -> None:
    registry = NodeRegistry(capacity=100)
    for count in range(200):
        build_graph(join(*(join(n) for n in range(count % 7)), *range(count)), registry)
        assert len(registry) <= 100


def test_a_large_graph_does_not_flood_it() -> None:
    registry = NodeRegistry()
    graph, _, _ = build_graph([join(n) for n in range(3 * INTERNED_NODES)], registry)
    assert len(graph) == 3 * INTERNED_NODES + 1
    assert len(registry) <= INTERNED_NODES


def test_it_keeps_no_data_alive() -> None:
    registry = NodeRegistry()

    def build() -> list[weakref.ref[Data]]:
        data = [Data() for _ in range(6)]
        target = join(data[0], [data[1], join(data[2])]).run_if(data[3], otherwise=data[4])
        build_graph(target, registry)
        build_graph(join.map([data[5]], cs.literal(data[0])), registry)
        return [weakref.ref(item) for item in data]

    references = build()
    gc.collect()
    assert len(registry) > 0
    assert [reference() for reference in references] == [None] * 6


@pytest.mark.slow
def test_threads_may_intern_at_once() -> None:
    registry = NodeRegistry(capacity=50)
    together = threading.Barrier(4)
    failures: list[BaseException] = []

    def live() -> None:
        try:
            together.wait(timeout=30)
            for count in range(300):
                graph, data, _ = build_graph(join(*(join(n) for n in range(count % 20))), registry)
                assert len(graph) == count % 20 + 1
                assert data == tuple(range(count % 20))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=live) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
