"""What every module of ``observatory.peers`` declares. No engine is installed for these tests."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from observatory.comparing import measuring, peer, sqlite_files, worker, workloads
from observatory.comparing.measuring import measure
from observatory.comparing.peer import Cannot, Way
from observatory.comparing.peers import Declared, declared_peers
from observatory.comparing.workloads import WORKLOADS
from observatory.keys import CASCADE

PEERS = list(declared_peers().values())
OTHERS = [declared for declared in PEERS if declared.name != CASCADE]


def name_of(declared: Declared) -> str:
    return declared.name


def imports_on_loading(file: Path) -> set[str]:
    """The modules that are imported when a file is, not those that its functions import."""
    found: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(file.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
        waiting.extend(ast.iter_child_nodes(node))
    return found


def foreign(file: Path) -> set[str]:
    own = {f"observatory.comparing.{name}" for name in ("measuring", "peer", "sqlite_files", "workloads")}
    return {
        name
        for name in imports_on_loading(file)
        if name not in own and name.partition(".")[0] not in sys.stdlib_module_names
    }


def test_the_engines_are_there() -> None:
    expected = {"langgraph", "pydantic_graph", "burr", "hamilton", "dask", "prefect", "dbos", "redun", "ray", CASCADE}
    assert set(declared_peers()) >= expected


@pytest.mark.parametrize("declared", PEERS, ids=name_of)
def test_every_workload_has_a_way_or_a_reason(declared: Declared) -> None:
    assert set(declared.peer.workloads) == set(WORKLOADS)
    for found in declared.peer.workloads.values():
        if isinstance(found, Cannot):
            assert len(found.why) > 10
        else:
            assert isinstance(found, Way)
            assert found.size > 0


@pytest.mark.parametrize("declared", PEERS, ids=name_of)
def test_every_way_is_documented(declared: Declared) -> None:
    ways = [way for way in declared.peer.workloads.values() if isinstance(way, Way)]
    assert [way.prepare.__name__ for way in ways if not way.prepare.__doc__] == []


@pytest.mark.parametrize("declared", OTHERS, ids=name_of)
def test_an_engine_is_imported_inside_functions_only(declared: Declared) -> None:
    assert foreign(declared.file) == set()


@pytest.mark.parametrize(
    "module", [worker, measuring, peer, sqlite_files, workloads], ids=lambda module: module.__name__
)
def test_what_runs_beside_an_engine_needs_the_standard_library_only(module: object) -> None:
    assert foreign(Path(str(getattr(module, "__file__", "")))) == set()


@pytest.mark.parametrize("declared", OTHERS, ids=name_of)
def test_requirements_are_pinned_and_begin_with_the_engine(declared: Declared) -> None:
    assert all("==" in requirement for requirement in declared.peer.requirements)
    assert declared.peer.requirements[0].partition("==")[0].partition("[")[0] == declared.peer.distribution


def test_cascade_needs_no_environment() -> None:
    assert declared_peers()[CASCADE].peer.requirements == ()


@pytest.mark.slow
@pytest.mark.parametrize("workload", WORKLOADS.values(), ids=list(WORKLOADS))
def test_cascade_does_every_workload(
    workload: workloads.Workload, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = measure(declared_peers()[CASCADE].peer, workload, samples=1, budget_s=0, divisor=1_000)
    assert answer["size"] == max(10, declared_peers()[CASCADE].peer.workloads[workload.name].size // 1_000)  # type: ignore[union-attr]
    assert answer["values"]
    assert all(value > 0 for value in answer["values"]) or workload.is_memory
