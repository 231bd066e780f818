"""From a lazy result to structure and data: what becomes a node, what a literal, and at what cost."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from cascade import workflow as cs
from cascade.adapters.solvers.native import NativeSolver
from cascade.graph.build import build_graph
from cascade.graph.model import EdgeKind, Graph, NodeKind


@cs.task
def one() -> Any:
    return 1


@cs.task
def join(*parts: Any, **more: Any) -> Any:
    return parts, more


@cs.task(pure=True)
def pure(value: Any) -> Any:
    return value


def names(graph: Graph) -> list[str]:
    return [node.name for node in graph.nodes]


def test_every_call_is_a_node_and_every_literal_has_a_slot() -> None:
    graph, data, _ = build_graph(join(one(), 5, key="text"))
    assert names(graph) == ["one", "join"]
    assert graph.root is graph.nodes[-1]
    assert sorted(map(repr, data)) == ["'text'", "5"]
    # The values of the nodes, then the literals in reverse: both kinds of reference are one indexing.
    values = [11, None, *data[::-1]]
    assert [values[reference] for reference in graph.root.args] == [11, 5]
    assert graph.root.keywords == ("key",)
    assert [values[reference] for reference in graph.root.kwargs] == ["text"]


def test_the_structure_holds_no_literal() -> None:
    class Secret:
        pass

    secret = Secret()
    graph, data, _ = build_graph(join(secret, key=[secret, one()]).named("confidential").run_if(secret))
    assert secret in data
    for node in graph.nodes:
        parts = [node.args, node.kwargs, node.keywords, node.inputs, node.options, node.operation, node.task]
        assert not any(part is secret for part in parts)
        assert "confidential" not in repr(node.options)


def test_a_node_stands_behind_its_inputs_and_the_root_is_last() -> None:
    shared = join(one())
    graph, _, _ = build_graph(join(shared, [one(), shared], x=join(shared)).after(one()).run_if(one()))
    for node in graph.nodes:
        assert all(source.index < node.index for source in node.inputs)
        assert graph.nodes[node.index] is node
    assert graph.root.name == "join"


def test_the_first_argument_comes_before_the_second() -> None:
    graph, _, _ = build_graph(join(join(cs.literal("a")), pure(1), x=one()))
    assert names(graph) == ["join", "pure", "one", "join"]


def test_a_shared_call_is_one_node() -> None:
    shared = one()
    graph, _, instances = build_graph([shared, join(shared, x=shared)])
    assert names(graph).count("one") == 1
    assert instances[shared].name == "one"


def test_a_ladder_of_shared_calls_has_as_many_nodes_as_calls() -> None:
    """Every rung uses the one before twice; written out it would be 2 to the power of 300."""
    rung: Any = one()
    for _ in range(300):
        rung = join(rung, rung)
    assert len(build_graph(rung)[0]) == 301


def test_a_container_is_a_node_only_if_something_in_it_is_lazy() -> None:
    graph, data, _ = build_graph(join([1, 2], [1, one()], {"a": (1, {2})}))
    assert [node.kind for node in graph.nodes] == [NodeKind.TASK, NodeKind.EXPRESSION, NodeKind.TASK]
    assert [1, 2] in data
    assert {"a": (1, {2})} in data


def test_a_literal_is_one_slot_however_large_it_is() -> None:
    _, data, _ = build_graph(join(cs.literal([one()]), list(range(1_000))))
    assert len(data) == 2


@pytest.mark.parametrize("target", [1, "text", None, [1, 2], {}])
def test_a_target_without_anything_lazy_is_a_graph_of_one_node(target: Any) -> None:
    graph, data, _ = build_graph(target)
    assert len(graph) == 1
    assert target in data


@pytest.mark.parametrize(
    ("target", "kinds"),
    [
        (lambda a, b: join(a, x=b), {EdgeKind.DATA}),
        (lambda a, b: join(a).run_if(b), {EdgeKind.DATA, EdgeKind.CONDITION}),
        (lambda a, b: join().run_if(a, otherwise=b), {EdgeKind.CONDITION, EdgeKind.OTHERWISE}),
        (lambda a, b: join().after(a, b), {EdgeKind.SEQUENCE}),
        (lambda a, b: join(a).with_constraints(gpu=b), {EdgeKind.DATA, EdgeKind.AMOUNT}),
        (lambda a, b: cs.Router(a, {"x": b}), {EdgeKind.SELECTOR, EdgeKind.ROUTE}),
        (lambda a, b: join.map(a, cs.literal(b)), {EdgeKind.DATA}),
    ],
)
def test_edges_say_why_a_node_waits(target: Any, kinds: set[EdgeKind]) -> None:
    a, b = one(), one()
    graph, _, instances = build_graph(target(a, b))
    assert {edge.kind for edge in graph.edges} == kinds
    assert {edge.source for edge in graph.edges} == {instances[a], instances[b]}
    assert {edge.target for edge in graph.edges} == {graph.root}


def test_edges_carry_the_parameter_concerned() -> None:
    @cs.task
    def scale(value: int, by: int) -> int:
        return value * by

    graph, _, _ = build_graph(scale(one(), by=one()))
    assert [edge.label for edge in graph.edges] == ["value", "by"]


@pytest.mark.parametrize(
    ("target", "is_gated"),
    [(join(one()), False), (join(one().run_if(True)), True), (join(cs.Router(1, {1: 2})), True)],
)
def test_a_graph_is_gated_if_values_decide_what_runs(target: Any, is_gated: bool) -> None:
    assert build_graph(target)[0].gated is is_gated


class TestInstanceMap:
    def test_it_leads_from_each_lazy_result_to_its_node(self) -> None:
        inner = one()
        routed: Any = cs.Router("a", {"a": 1})
        outer = join(inner, [routed], x=inner)
        graph, _, instances = build_graph(outer)
        assert instances[outer] is graph.root
        assert instances[inner].name == "one"
        assert instances[routed].kind is NodeKind.ROUTER
        assert all(node in graph.nodes for node in instances.values())

    def test_it_knows_each_lazy_result_of_the_graph_once_and_no_other(self) -> None:
        inner = one()
        outer = join(inner, [inner, 1], {"x": inner})
        _, _, instances = build_graph(outer)
        assert set(instances) == {inner, outer}
        assert len(instances) == 2
        assert one() not in instances
        assert object() not in instances
        with pytest.raises(KeyError):
            instances[one()]

    def test_calls_that_were_merged_lead_to_one_node(self) -> None:
        left, right = pure(1), pure(1)
        graph, _, instances = build_graph([left, right])
        assert instances[left] is instances[right]
        assert names(graph) == ["pure", "list"]

    def test_it_keeps_what_it_names_alive(self) -> None:
        _, _, instances = build_graph(join(one(), [one()]))
        others = [one() for _ in range(1_000)]
        assert not any(other in instances for other in others)


def count_operations(work: Callable[[], object]) -> int:
    """Calls of functions, those in C included: a measure of cost that does not depend on the machine."""
    count = 0

    def on_event(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(on_event)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def chain(count: int) -> Any:
    lazy: Any = one()
    for _ in range(count):
        lazy = join(lazy, 1)
    return lazy


def fan(count: int) -> Any:
    return join(*[join(number, one()) for number in range(count)])


def containers(count: int) -> Any:
    return join([{"x": (one(), number)} for number in range(count)])


def hub(count: int) -> Any:
    """Many consumers of a few calls."""
    sources = [one() for _ in range(5)]
    return [join(*sources) for _ in range(count)]


def options(count: int) -> Any:
    lazy: Any = one()
    for _ in range(count):
        lazy = join(1).after(lazy).run_if(lazy).named("x")
    return lazy


def merged(count: int) -> Any:
    return [pure(pure(number)) for number in range(count)]


@pytest.mark.parametrize("shape", [chain, fan, containers, hub, options, merged], ids=lambda shape: shape.__name__)
@pytest.mark.parametrize("work", ["build", "template_id", "plan"])
def test_the_cost_is_linear_in_the_size_of_the_graph(shape: Any, work: str) -> None:
    def cost(count: int) -> int:
        target = shape(count)
        if work == "build":
            return count_operations(lambda: build_graph(target))
        graph, _, _ = build_graph(target)
        if work == "template_id":
            return count_operations(lambda: graph.root.template_id)
        return count_operations(lambda: NativeSolver().resolve(graph))

    small, large = cost(200), cost(800)
    assert large <= 4.4 * small
