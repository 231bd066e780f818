"""`SolverConformance`: the promises of `cascade.spec.protocols.Solver`."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cascade.graph.model import Graph, Node
from cascade.spec.protocols import Solver
from cascade.spec.task import Task

Shape = Sequence[Sequence[int]]
"""For each node, the indices of its inputs."""

DIAMOND: Shape = [(), (0,), (0,), (1, 2)]
"""Drawn: 0 -> 1, 0 -> 2, 1 -> 3, 2 -> 3."""

TWO_BRANCHES: Shape = [(), (0,), (), (2,), (3,), (1, 4)]
"""A branch of two nodes beside one of three, joined by the root."""

DEEP_CHAIN: Shape = [(), *((index,) for index in range(19_999))]
"""Deeper than any recursion limit."""


def join(*parts: object) -> int:
    return len(parts)


_join: Task[..., int] = Task(join)


def make_graph(shape: Shape) -> Graph:
    """A graph of calls of one task; every node stands behind its inputs, the root is the last."""
    nodes: list[Node] = []
    for index, sources in enumerate(shape):
        nodes.append(Node(index, _join, tuple(sources), tuple(nodes[source] for source in sources)))
    return Graph(nodes)


@st.composite
def shapes(draw: st.DrawFn) -> Shape:
    """Random graphs in which every node but the root is an input of a later one."""
    count = draw(st.integers(1, 25))
    shape: list[set[int]] = [set() for _ in range(count)]
    for index in range(1, count):
        shape[index].update(draw(st.sets(st.integers(0, index - 1), max_size=3)))
    used = set().union(*shape)
    shape[-1].update(index for index in range(count - 1) if index not in used)
    return [tuple(sorted(sources)) for sources in shape]


# The solver is a pure function by its contract, so one object may plan all examples. And the tests are inherited, so
# one test function is run by several classes.
examples = settings(
    max_examples=50,
    deadline=None,
    # All but "explain", which takes longer than all others and says less than the graph itself.
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.target, Phase.shrink],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
)


def as_indices(plan: list[list[Node]]) -> list[list[int]]:
    return [[node.index for node in stage] for stage in plan]


class SolverConformance:
    """Give a fixture ``solver`` that makes the solver under test."""

    @pytest.fixture
    def solver(self) -> Solver:
        """The solver under test."""
        raise NotImplementedError("give the test class a fixture 'solver' that returns the solver under test")

    @examples
    @given(shape=shapes())
    def test_names_every_node(self, solver: Solver, shape: Shape) -> None:
        """The plan names every node of the graph."""
        planned = {node.index for stage in solver.resolve(make_graph(shape)) for node in stage}
        assert planned >= set(range(len(shape))), f"nodes are missing in the plan of {shape}"

    @examples
    @given(shape=shapes())
    def test_names_no_node_twice(self, solver: Solver, shape: Shape) -> None:
        """The plan names no node more than once."""
        planned = [node.index for stage in solver.resolve(make_graph(shape)) for node in stage]
        assert len(planned) == len(set(planned)), f"nodes are repeated in the plan of {shape}"

    @examples
    @given(shape=shapes())
    def test_names_the_nodes_of_the_graph_itself(self, solver: Solver, shape: Shape) -> None:
        """The plan holds the graph's own node objects, and no others."""
        graph = make_graph(shape)
        own = set(graph.nodes)
        strangers = [node for stage in solver.resolve(graph) for node in stage if node not in own]
        assert strangers == [], f"the plan of {shape} holds nodes that are not in the graph"

    @examples
    @given(shape=shapes())
    def test_places_each_node_in_a_later_stage_than_its_inputs(self, solver: Solver, shape: Shape) -> None:
        """Each node stands in a later stage than all of its inputs."""
        plan = solver.resolve(make_graph(shape))
        stage_of: dict[int, int] = {}
        for number, stage in enumerate(plan):
            for node in stage:
                stage_of.setdefault(node.index, number)
        early = [
            (source.index, node.index)
            for stage in plan
            for node in stage
            for source in node.inputs
            if source.index in stage_of and stage_of[source.index] >= stage_of[node.index]
        ]
        assert early == [], f"in the plan of {shape} the second of each pair comes no later than its input, the first"

    def test_plans_a_deep_chain(self, solver: Solver) -> None:
        """A graph may be deeper than Python's recursion limit."""
        plan = solver.resolve(make_graph(DEEP_CHAIN))
        assert sum(map(len, plan)) == len(DEEP_CHAIN)

    @pytest.mark.parametrize("shape", [DIAMOND, TWO_BRANCHES], ids=["diamond", "two branches"])
    def test_plans_equal_structures_equally(self, solver: Solver, shape: Shape) -> None:
        """The plan is a pure function of the structure: another graph of the same structure gets the same plan."""
        first = as_indices(solver.resolve(make_graph(shape)))
        for other in (TWO_BRANCHES, DIAMOND):
            solver.resolve(make_graph(other))
        assert as_indices(solver.resolve(make_graph(shape))) == first

    def test_leaves_the_graph_as_it_is(self, solver: Solver) -> None:
        """Planning changes nothing in the graph."""
        graph = make_graph(TWO_BRANCHES)
        nodes = graph.nodes
        before = [(node.index, node.args, node.inputs) for node in nodes]
        solver.resolve(graph)
        assert graph.nodes is nodes, "the graph's nodes were replaced"
        assert [(node.index, node.args, node.inputs) for node in nodes] == before

    def test_does_not_keep_the_graph(self, solver: Solver) -> None:
        """When the caller has let go of graph and plan, nothing keeps them alive."""
        graph = _WatchedGraph(make_graph(DIAMOND).nodes)
        watched = weakref.ref(graph)
        solver.resolve(graph)
        del graph
        gc.collect()
        assert watched() is None, "the solver keeps the graph that it has planned"

    def test_plans_for_several_runs_at_once(self, solver: Solver) -> None:
        """Several threads may ask one solver at the same time."""
        start = threading.Barrier(2)

        def plan(shape: Shape) -> list[list[int]]:
            graph = make_graph(shape)
            start.wait(timeout=10)
            return as_indices(solver.resolve(graph))

        both = (DIAMOND, TWO_BRANCHES)
        expected = [as_indices(solver.resolve(make_graph(shape))) for shape in both]
        with ThreadPoolExecutor(2) as threads:
            assert list(threads.map(plan, both)) == expected


class _WatchedGraph(Graph):
    __slots__ = ("__weakref__",)


__all__ = ["SolverConformance"]
