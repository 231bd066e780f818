"""A node starts as soon as its inputs are there; a solver may ask for more order than that, never for less."""

from __future__ import annotations

import asyncio
import weakref
from typing import Any

import pytest

from cascade import workflow as cs
from cascade.adapters.solvers.native import NativeSolver
from cascade.graph.model import Graph, Node
from cascade.testing import ShuffledSolver
from tests.support.running import run_virtually


@cs.task
async def wait(seconds: float, _after: object = None) -> Any:
    await asyncio.sleep(seconds)
    return asyncio.get_running_loop().time()


def two_branches() -> list[float]:
    """a1 (0.1 s) -> b1 (1 s) beside a2 (1 s) -> b2 (0.1 s)"""
    return [wait(1, wait(0.1)), wait(0.1, wait(1))]


def level(node: Node) -> int:
    return 1 + max((level(source) for source in node.inputs), default=-1)


class StrictSolver:
    """Stages by depth, kept apart."""

    strict_stages = True

    def resolve(self, graph: Graph) -> list[list[Node]]:
        depth = max(level(node) for node in graph.nodes)
        return [[node for node in graph.nodes if level(node) == stage] for stage in range(depth + 1)]


class LooseSolver(StrictSolver):
    strict_stages = False


@pytest.mark.parametrize("solver", [NativeSolver(), LooseSolver(), ShuffledSolver(3)], ids=lambda s: type(s).__name__)
def test_a_node_does_not_wait_for_the_slowest_of_a_stage(solver: NativeSolver) -> None:
    _, elapsed_s = run_virtually(two_branches(), cs.Engine(solver))
    assert elapsed_s == pytest.approx(1.1)


def test_a_solver_that_keeps_stages_apart_gets_its_barrier() -> None:
    _, elapsed_s = run_virtually(two_branches(), cs.Engine(StrictSolver()))
    assert elapsed_s == pytest.approx(2.0)


def test_a_solver_that_keeps_stages_apart_gets_its_barrier_beside_conditions_too() -> None:
    branches: list[float] = [*two_branches(), wait(0).run_if(True)]
    _, elapsed_s = run_virtually(branches, cs.Engine(StrictSolver()))
    assert elapsed_s == pytest.approx(2.0)


def test_calls_that_do_not_need_each_other_overlap() -> None:
    _, elapsed_s = run_virtually([wait(1) for _ in range(200)])
    assert elapsed_s == pytest.approx(1)


def test_a_chain_takes_the_sum_of_its_times() -> None:
    _, elapsed_s = run_virtually(wait(1, wait(2, wait(3))))
    assert elapsed_s == pytest.approx(6)


def test_an_inner_loop_goes_on_while_its_sibling_waits() -> None:
    @cs.task
    async def loop(n: int) -> str:
        await asyncio.sleep(0.1)
        return "done" if n == 0 else loop(n - 1)

    _, elapsed_s = run_virtually([loop(9), wait(1)])
    assert elapsed_s == pytest.approx(1)


def test_mapped_items_overlap_within_their_window() -> None:
    assert run_virtually(wait.map([1.0] * 6, max_in_flight=6))[1] == pytest.approx(1)
    assert run_virtually(wait.map([1.0] * 6, max_in_flight=2))[1] == pytest.approx(3)
    assert run_virtually(wait.map([1.0] * 6, max_in_flight=1))[1] == pytest.approx(6)


def test_a_free_place_in_the_window_is_used_at_once() -> None:
    """Items of 3 s, 1 s, 1 s, 1 s with a window of two: the short ones pass by the long one."""
    assert run_virtually(wait.map([3.0, 1.0, 1.0, 1.0], max_in_flight=2))[1] == pytest.approx(3)


def test_of_several_ready_nodes_the_one_that_the_plan_names_first_is_started_first() -> None:
    started: list[str] = []

    @cs.task(mode="inline")
    def note(name: str) -> str:
        started.append(name)
        return name

    class Backwards:
        def resolve(self, graph: Graph) -> list[list[Node]]:
            return [list(graph.nodes[-2::-1]), [graph.root]]

    target = [note(name) for name in "abc"]
    cs.run(target, engine=cs.Engine(Backwards()))
    cs.run(target, engine=cs.Engine())
    assert started == ["c", "b", "a", "a", "b", "c"]


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (lambda graph: [[node] for node in graph.nodes[:-1]], "left out .*wait-2"),
        (lambda graph: [[node] for node in (*graph.nodes, graph.root)], "planned .*wait-2.* twice"),
        (lambda graph: [list(graph.nodes)], r"planned .*wait-1.* \(stage 0\) no later than its input .*wait-0"),
    ],
    ids=["a node is missing", "a node is repeated", "a node is early"],
)
def test_a_plan_that_is_no_order_of_the_graph_is_refused_before_anything_runs(plan: Any, words: str) -> None:
    class Broken:
        def resolve(self, graph: Graph) -> Any:
            return plan(graph)

    with pytest.raises(cs.PlanError, match=f"solver Broken {words}"):
        cs.run(wait(0, wait(0, wait(0))), engine=cs.Engine(Broken()))


def test_a_value_is_let_go_when_its_last_consumer_has_used_it() -> None:
    """step <- step <- step <- …: a long chain of large values holds few of them at once."""
    alive: weakref.WeakSet[Large] = weakref.WeakSet()
    most = 0

    @cs.task(mode="inline")
    def step(_before: Any) -> Any:
        nonlocal most
        value = Large()
        alive.add(value)
        most = max(most, len(alive))
        return value

    lazy: Any = step(None)
    for _ in range(50):
        lazy = step(lazy)
    cs.run(lazy)
    assert most <= 3


class Large:
    pass
