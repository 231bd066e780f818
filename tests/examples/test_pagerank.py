"""The example of the README: its ranks are right, whatever the number of shards."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import networkx as nx
import pytest
from networkx.algorithms.link_analysis import pagerank_alg

from cascade import workflow as cs
from tests.examples.support import FOLDER, example


@pytest.fixture(scope="module")
def pagerank() -> Iterator[ModuleType]:
    with example("pagerank") as module:
        yield module


def ranks(pagerank: ModuleType, **params: Any) -> dict[str, float]:
    """All characters and ranks of the table, in its order."""
    table: str = cs.run(pagerank.main, params={"top": 77, **params})
    return {name: float(rank) for name, rank in (line.split() for line in table.splitlines())}


def expected(graph: Any, damping: float = 0.85) -> dict[str, float]:
    """As computed by networkx; its version without scipy has no public name."""
    found: dict[str, float] = pagerank_alg._pagerank_python(graph, alpha=damping, tol=1e-12, max_iter=1_000)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("damping", [0.5, 0.85])
def test_the_ranks_are_those_of_networkx(pagerank: ModuleType, damping: float) -> None:
    right = expected(nx.les_miserables_graph(), damping)
    found = ranks(pagerank, damping=damping)
    assert found == pytest.approx(right, abs=1e-6)
    assert list(found.values()) == sorted(found.values(), reverse=True)


@pytest.mark.slow
@pytest.mark.parametrize("shards", [1, 3, 77, 100])
def test_the_number_of_shards_changes_nothing(pagerank: ModuleType, shards: int) -> None:
    assert ranks(pagerank, shards=shards) == pytest.approx(ranks(pagerank), abs=1e-9)


def test_by_default_the_ten_best_are_shown_as_a_table(pagerank: ModuleType) -> None:
    lines = cs.run(pagerank.main).splitlines()
    assert len(lines) == 10
    assert lines[0] == "Valjean     0.099558"
    assert len({line.rindex(" ") for line in lines}) == 1, "the ranks stand below each other"


def test_every_round_is_one_step(pagerank: ModuleType) -> None:
    steps = []
    with cs.Engine() as engine:
        engine.subscribe(cs.RunFinished, lambda event: steps.append(event.steps))
        cs.run(pagerank.main, params={"tolerance": 1e-3}, engine=engine)
        cs.run(pagerank.main, params={"tolerance": 1e-6}, engine=engine)
    assert 3 < steps[0] < steps[1]


def test_importance_that_flows_nowhere_is_shared_by_all(pagerank: ModuleType) -> None:
    """a -> b, and b has no links: what networkx calls a dangling node."""
    settings = pagerank.Settings(shards=2, damping=0.85, tolerance=1e-12, top=2)
    table: str = cs.run(pagerank.begin({"a": {"b": 1.0}, "b": {}}, settings))
    found = {name: float(rank) for name, rank in (line.split() for line in table.splitlines())}
    assert found == pytest.approx(expected(nx.DiGraph([("a", "b")])), abs=1e-6)


def test_no_shards_are_refused(pagerank: ModuleType) -> None:
    with pytest.raises(ValueError, match="shards must be at least 1, not 0"):
        cs.run(pagerank.main, params={"shards": 0})


def test_the_data_are_the_graph_of_the_stanford_graphbase() -> None:
    lines = (FOLDER / "data" / "les_miserables.csv").read_text(encoding="utf-8").splitlines()
    edges = {frozenset(line.split(",")[:2]): int(line.split(",")[2]) for line in lines[1:]}
    known = nx.les_miserables_graph().edges(data="weight")
    assert lines[0] == "source,target,weight"
    assert edges == {frozenset((source, target)): weight for source, target, weight in known}
    assert (len(edges), len(frozenset().union(*edges))) == (254, 77)
