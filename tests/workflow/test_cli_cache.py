"""``cascade cache ls`` and ``cascade cache clear`` on a real database."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from cascade import workflow as cs
from cascade.workflow.cli.command import cascade


@cs.task
def squared(x: int) -> int:
    return x * x


@cs.task
def cubed(x: int) -> int:
    return x**3


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "cache.db"
    with cs.SqliteCache(path) as cache:
        cs.run([squared.with_cache(cache)(2), squared.with_cache(cache)(3), cubed.with_cache(cache)(2)])
    return path


def command(*words: str | Path) -> str:
    outcome = CliRunner().invoke(cascade, ["cache", *map(str, words)], catch_exceptions=False)
    assert outcome.exit_code == 0, outcome.output
    return outcome.output


def test_ls_shows_each_result_with_its_task(file: Path) -> None:
    lines = command("ls", file).splitlines()
    assert lines[0].split() == ["TASK", "AGE", "TTL", "BYTES", "KEY"]
    assert sum("squared" in line for line in lines) == 2
    assert sum("cubed" in line for line in lines) == 1
    assert lines[-1].startswith("3 results, ")


def test_clear_deletes_the_results_of_one_task(file: Path) -> None:
    with cs.SqliteCache(file) as cache:
        (name,) = {entry.task for entry in cache.entries() if "squared" in entry.task}
    assert command("clear", file, "--task", name) == "2 results deleted\n"
    assert command("ls", file).splitlines()[-1].startswith("1 results")


def test_clear_deletes_everything(file: Path) -> None:
    assert command("clear", file) == "3 results deleted\n"
    assert command("ls", file).splitlines() == ["0 results, 0 bytes"]


def test_clear_expired_keeps_what_has_no_time_to_live(file: Path) -> None:
    assert command("clear", file, "--expired") == "0 results deleted\n"


def test_a_file_that_is_no_cache_is_named(tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("no database " * 200)
    outcome = CliRunner().invoke(cascade, ["cache", "ls", str(other)])
    assert outcome.exit_code == 2
    assert "notes.txt" in outcome.output


def test_a_file_that_does_not_exist_is_not_made(tmp_path: Path) -> None:
    missing = tmp_path / "missing.db"
    outcome = CliRunner().invoke(cascade, ["cache", "ls", str(missing)])
    assert outcome.exit_code == 2
    assert not missing.exists()
