"""Large and deep graphs: nothing recurses, whatever is done with them."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from cascade import workflow as cs
from cascade.graph.build import build_graph

LARGE = 100_000
DEEP = 50_000
NESTED = 10_000

pytestmark = pytest.mark.slow


@cs.task
def increment(n: int) -> Any:
    return n + 1


@cs.task
def add(a: int, b: int) -> int:
    return a + b


@cs.task
def count(values: list[int]) -> int:
    return len(values)


@cs.task
def total(n: int) -> int:
    return 0 if n == 0 else add(n, total(n - 1))


@cs.task
def total_by_async(n: int) -> int:
    return 0 if n == 0 else add_async(n, total_by_async(n - 1))


@cs.task
async def add_async(a: int, b: int) -> int:
    return a + b


@cs.task
def unpack(value: Any) -> int:
    depth = 0
    while isinstance(value, list):
        value = value[0]
        depth += 1
    return depth + int(value)


def chain(length: int) -> Any:
    lazy: Any = 0
    for _ in range(length):
        lazy = increment(lazy)
    return lazy


def test_a_chain_of_many_calls_runs() -> None:
    assert cs.run(chain(LARGE)) == LARGE


def test_a_chain_of_many_calls_can_be_shown_built_and_freed() -> None:
    lazy = chain(LARGE)
    assert repr(lazy) == "<lazy increment(…1)>"
    graph, data, instances = build_graph(lazy)
    assert (len(graph), len(data), len(instances)) == (LARGE, 1, LARGE)
    assert repr(graph) == f"<graph of {LARGE} nodes, root increment-{LARGE - 1}>"
    assert repr(graph.root) == f"<node increment-{LARGE - 1}>"
    assert len(str(graph.root.template_id)) > 0
    del lazy, graph, data, instances
    gc.collect()


def test_a_chain_of_many_items_of_a_lazy_result_runs() -> None:
    nested: Any = 5
    for _ in range(NESTED):
        nested = [nested]

    @cs.task
    def give() -> Any:
        return cs.literal(nested)

    item: Any = give()
    for _ in range(NESTED):
        item = item[0]
    assert repr(item) == "<item of LazyItem>"
    assert cs.run(item) == 5


def test_a_wide_fan_out_runs() -> None:
    assert cs.run(count([increment(n) for n in range(LARGE)])) == LARGE


def test_a_wide_map_runs() -> None:
    assert cs.run(count(increment.map(range(LARGE)))) == LARGE


def test_many_consumers_of_one_call_run() -> None:
    source = increment(0)
    assert cs.run([add(source, n) for n in range(LARGE)]) == list(range(1, LARGE + 1))


def test_recursion_that_is_no_tail_call_runs_on_the_heap() -> None:
    assert cs.run(total(DEEP)) == DEEP * (DEEP + 1) // 2


def test_recursion_through_async_tasks_runs_on_the_heap() -> None:
    assert cs.run(total_by_async(DEEP // 10)) == DEEP // 10 * (DEEP // 10 + 1) // 2


def test_a_failure_deep_inside_a_recursion_is_raised() -> None:
    @cs.task
    def sink(n: int) -> int:
        if n == 0:
            raise LookupError("the bottom")
        return add(1, sink(n - 1))

    with pytest.raises(LookupError, match="the bottom"):
        cs.run(sink(DEEP))


def test_recursion_through_maps_runs_on_the_heap() -> None:
    @cs.task
    def descend(n: int) -> list[Any]:
        return [] if n == 0 else descend.map([n - 1])

    value: Any = cs.run(descend(NESTED))
    depth = 0
    while value:
        value = value[0]
        depth += 1
    assert depth == NESTED


def test_containers_may_be_nested_deep() -> None:
    nested: Any = increment(0)
    for _ in range(NESTED):
        nested = [nested]
    assert cs.run(unpack(nested)) == NESTED + 1


def test_containers_without_lazy_results_may_be_nested_deep() -> None:
    nested: Any = 1
    for _ in range(NESTED):
        nested = [nested]
    assert cs.run(unpack(nested)) == NESTED + 1


def test_a_long_chain_of_routers_and_conditions_runs() -> None:
    lazy = 0
    for _ in range(NESTED):
        lazy = cs.Router("go", {"go": increment(lazy).run_if(True), "stay": lazy})
    assert cs.run(lazy) == NESTED


def test_a_condition_at_the_end_of_a_long_chain_skips_without_recursion() -> None:
    source = increment(0).run_if(False)
    lazy = source
    for _ in range(NESTED):
        lazy = increment(lazy)
    with pytest.raises(cs.DependencyMissingError):
        cs.run(lazy)


def test_a_long_chain_of_predecessors_runs() -> None:
    lazy = increment(0)
    for _ in range(NESTED):
        lazy = increment(0).after(lazy)
    assert cs.run(lazy) == 1
