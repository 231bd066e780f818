"""The native solver keeps the promises of solvers, and the kit finds each solver that does not."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from cascade.adapters.solvers.native import NativeSolver
from cascade.graph.model import Graph, Node
from cascade.testing import ShuffledSolver, SolverConformance
from tests.support.kits import failed_promises, promises

Plan = list[list[Node]]


class TestNativeSolver(SolverConformance):
    @pytest.fixture
    def solver(self) -> NativeSolver:
        return NativeSolver()


class TestShuffledSolver(SolverConformance):
    @pytest.fixture
    def solver(self) -> ShuffledSolver:
        return ShuffledSolver()


def one_by_one(graph: Graph) -> Plan:
    return [[node] for node in graph.nodes]


class Forgetful:
    def resolve(self, graph: Graph) -> Plan:
        plan = one_by_one(graph)
        return plan if len(plan) > 10_000 else plan[:-1]


class Repeating:
    def resolve(self, graph: Graph) -> Plan:
        plan = one_by_one(graph)
        return plan if len(plan) > 10_000 else [*plan, plan[-1]]


class Copying:
    def resolve(self, graph: Graph) -> Plan:
        return [[Node(node.index, node.task, node.args, node.inputs)] for node in graph.nodes]


class AllAtOnce:
    def resolve(self, graph: Graph) -> Plan:
        return [list(graph.nodes)]


class Backwards:
    def resolve(self, graph: Graph) -> Plan:
        return one_by_one(graph)[::-1]


class Recursive:
    def resolve(self, graph: Graph) -> Plan:
        placed: dict[Node, None] = {}

        def visit(node: Node) -> None:
            for source in node.inputs:
                visit(source)
            placed.setdefault(node)

        for node in graph.nodes[::-1]:
            visit(node)
        return [[node] for node in placed]


class Moody:
    """Plans another way from the fourth graph on."""

    def __init__(self) -> None:
        self._calls = itertools.count()

    def resolve(self, graph: Graph) -> Plan:
        plan = one_by_one(graph)
        return (
            plan if next(self._calls) < 3 or threading.current_thread() is not threading.main_thread() else [[], *plan]
        )


class Changing:
    """Leaves the graph's tuple of nodes in another order behind."""

    def resolve(self, graph: Graph) -> Plan:
        plan = one_by_one(graph)
        graph.nodes = (*graph.nodes,)
        return plan


class Hoarding:
    kept: ClassVar[list[Graph]] = []

    def resolve(self, graph: Graph) -> Plan:
        self.kept.append(graph)
        return one_by_one(graph)


class Sharing:
    """Keeps the graph that it works on in itself, where another thread finds it."""

    def __init__(self) -> None:
        self._nodes: tuple[Node, ...] = ()
        self._both = threading.Barrier(2)

    def resolve(self, graph: Graph) -> Plan:
        self._nodes = graph.nodes
        if threading.current_thread() is not threading.main_thread():
            self._both.wait(timeout=10)
        return [[node] for node in self._nodes]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "broken"),
    [
        (Forgetful, {"test_names_every_node"}),
        (Repeating, {"test_names_no_node_twice"}),
        (Copying, {"test_names_the_nodes_of_the_graph_itself"}),
        (AllAtOnce, {"test_places_each_node_in_a_later_stage_than_its_inputs"}),
        (Backwards, {"test_places_each_node_in_a_later_stage_than_its_inputs"}),
        (Recursive, {"test_plans_a_deep_chain"}),
        (Moody, {"test_plans_equal_structures_equally"}),
        (Changing, {"test_leaves_the_graph_as_it_is"}),
        (Hoarding, {"test_does_not_keep_the_graph"}),
        (Sharing, {"test_plans_for_several_runs_at_once"}),
    ],
)
def test_a_broken_solver_fails_exactly_the_promise_that_it_breaks(make: Callable[[], Any], broken: set[str]) -> None:
    assert failed_promises(SolverConformance, {"solver": make}) == broken


def test_every_promise_of_solvers_is_tried_on_a_broken_one() -> None:
    marks = test_a_broken_solver_fails_exactly_the_promise_that_it_breaks.pytestmark
    tried = set().union(*(case[1] for mark in marks if mark.name == "parametrize" for case in mark.args[1]))
    assert tried == {name for name, _ in promises(SolverConformance)}


def test_a_solver_without_faults_fails_nothing() -> None:
    assert failed_promises(SolverConformance, {"solver": NativeSolver}) == set()
