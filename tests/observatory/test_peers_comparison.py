"""A whole comparison: environments that are really made, processes, result files, and the command."""

from __future__ import annotations

import sys
from io import StringIO
from pathlib import Path

import pyperf
import pytest
from click.testing import CliRunner
from rich.console import Console

from observatory.cli import main
from observatory.comparing.environments import DONE, Environments, InstallationError, cache_folder
from observatory.comparing.peers import Declared, declared_peers
from observatory.comparing.running import Cell, Comparison, compare
from observatory.comparing.tables import remarks, tables
from observatory.comparing.workloads import FAN_OUT, MEMORY, SIMPLE_LOOP, WORKLOADS
from observatory.keys import CASCADE, Key
from observatory.results import Results
from tests.observatory.peer_support import PEER, VERSION, declare, write_wheel

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("comparison")]

CHOSEN = [WORKLOADS[name] for name in (SIMPLE_LOOP, FAN_OUT, MEMORY)]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Declared:
    folder = tmp_path_factory.mktemp("tiny")
    return declare(folder, PEER.replace("REQUIREMENT", repr(str(write_wheel(folder)))))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def comparison(tiny: Declared, cache: Path) -> Comparison:
    """Cascade, an engine that installs, and one that does not."""
    return compare([declared_peers()[CASCADE], tiny, absent()], CHOSEN, Environments(cache), "smoke")


def absent() -> Declared:
    """An engine that nobody can install."""
    burr = declared_peers()["burr"]
    peer = type(burr.peer)(**{**vars(burr.peer), "requirements": ("/nowhere/engine-1.0-py3-none-any.whl",)})
    return burr._replace(peer=peer)


def printed(comparison: Comparison, chosen: list[Declared]) -> str:
    console = Console(width=120, file=StringIO())
    for table in tables(comparison, chosen, CHOSEN):
        console.print(table)
    assert isinstance(console.file, StringIO)
    return "\n".join([*remarks(comparison, chosen), console.file.getvalue()])


def test_engines_are_measured_under_the_same_names(comparison: Comparison) -> None:
    assert set(comparison.results.values) == {
        Key(SIMPLE_LOOP, CASCADE),
        Key(FAN_OUT, CASCADE),
        Key(MEMORY, CASCADE),
        Key(SIMPLE_LOOP, "tiny_peer"),
        Key(MEMORY, "tiny_peer"),
    }


def test_what_an_engine_cannot_do_is_kept_with_the_reason(comparison: Comparison) -> None:
    assert comparison.cannot == {Cell("tiny_peer", FAN_OUT): "has no such thing"}
    assert comparison.failed == {}


def test_an_engine_that_cannot_be_installed_is_a_line(comparison: Comparison, tiny: Declared) -> None:
    assert set(comparison.missing) == {"burr"}
    assert "cannot be installed" in comparison.missing["burr"]
    text = printed(comparison, [declared_peers()[CASCADE], tiny, absent()])
    assert "Burr: cannot be installed: " in text
    assert f"Tiny {VERSION}: as it comes" in text
    assert "has no such thing" in text
    assert "it has no guard" in text


def test_result_files_say_whose_they_are_and_how_they_came_about(comparison: Comparison, tmp_path: Path) -> None:
    comparison.results.write(tmp_path)
    suite = pyperf.BenchmarkSuite.load(str(tmp_path / "tiny_peer.json"))
    metadata = suite.get_benchmark(SIMPLE_LOOP).get_metadata()
    assert metadata["peer_version"] == VERSION
    assert metadata["peer_settings"] == "as it comes"
    assert metadata["peer_note"] == "it has no guard"
    assert metadata["peer_size"] == 10
    assert metadata["python_version"] == sys.version.split()[0]
    assert {"date", "hostname", "platform", "commit", "effort"} <= set(metadata)
    assert Results.read([tmp_path]).values.keys() == comparison.results.values.keys()


def test_an_environment_holds_nothing_of_ours(tiny: Declared, cache: Path, tmp_path: Path) -> None:
    source = PEER.replace("REQUIREMENT", repr(tiny.peer.requirements[0])).replace(
        "import tiny\n",
        "import importlib.util, tiny\n"
        "        assert importlib.util.find_spec('cascade') is None\n"
        "        assert importlib.util.find_spec('click') is None\n",
    )
    nosy = declare(tmp_path, source)
    found = compare([nosy], CHOSEN[:1], Environments(cache), "smoke")
    assert found.failed == {}
    assert found.results.subjects == ["tiny_peer"]


def test_an_environment_is_made_once_and_again_for_other_requirements(tiny: Declared, cache: Path) -> None:
    folder = cache / f"tiny_peer-{sys.version_info.major}.{sys.version_info.minor}"
    environments = Environments(cache, may_install=False)
    assert environments.python(tiny).is_relative_to(folder)
    (folder / DONE).write_text("tiny==0.1")
    try:
        with pytest.raises(InstallationError, match=r"is not installed in .*; run without --no-install"):
            environments.python(tiny)
    finally:
        (folder / DONE).write_text("\n".join(tiny.peer.requirements))


def test_the_cache_is_where_the_environment_variable_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CASCADE_OBSERVATORY_CACHE", str(tmp_path / "here"))
    assert cache_folder() == tmp_path / "here"
    monkeypatch.delenv("CASCADE_OBSERVATORY_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "cascade-observatory"


def test_the_command_compares_and_goes_on_without_what_is_missing(tmp_path: Path) -> None:
    output = tmp_path / "results"
    arguments = ["compare", "--smoke", "--no-install", "--peers", "burr", "--workloads", "simple_countdown"]
    answer = CliRunner().invoke(main, [*arguments, "--cache", str(tmp_path), "--output", str(output)])
    assert answer.exit_code == 0, answer.output
    assert "Burr: is not installed in" in answer.output
    assert "tco/simple_countdown: a step of counting down" in answer.output
    assert [file.name for file in output.iterdir()] == ["cascade.json"]


def test_the_command_lists_peers_and_workloads() -> None:
    answer = CliRunner().invoke(main, ["compare", "--list"])
    assert answer.exit_code == 0
    for declared in declared_peers().values():
        assert declared.peer.title in answer.output
    for workload in WORKLOADS.values():
        assert workload.label in answer.output


@pytest.mark.parametrize(("option", "what"), [("--peers", "peer"), ("--workloads", "workload")])
def test_an_unknown_name_is_refused_with_those_that_are_known(option: str, what: str) -> None:
    answer = CliRunner().invoke(main, ["compare", option, "nobody"])
    assert answer.exit_code == 2
    assert f"there is no {what} 'nobody'; there are " in answer.output
