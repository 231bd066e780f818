"""Results are files that pyperf understands."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from observatory.declaring import Benchmark
from observatory.keys import CASCADE, FLOOR, Key
from observatory.machine import collect
from observatory.results import Results, ResultsError

LOOP = Benchmark("tco/loop", "a loop")
LOST = Benchmark("durability/lost", "steps lost", "integer")
CURVE = Benchmark("graphs/chain/100", "a chain", "second", "graphs/chain", 100)


def some_results() -> Results:
    results = Results()
    for benchmark, subject, values in (
        (LOOP, CASCADE, [2e-6, 3e-6]),
        (LOOP, FLOOR, [1e-6, 1.5e-6]),
        (LOST, CASCADE, [0, 0]),
        (CURVE, CASCADE, [5e-6]),
    ):
        results.add(benchmark, subject, values, collect() | {"commit": "abc1234"})
    results.add(LOOP, CASCADE, [4e-6, 4e-6], collect())
    return results


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    written = some_results()
    assert [file.name for file in written.write(tmp_path)] == ["cascade.json", "floor.json"]
    read = Results.read([tmp_path])
    assert read.values == written.values
    assert read.benchmarks == written.benchmarks
    assert read.values[Key("tco/loop")] == [2e-6, 3e-6, 4e-6, 4e-6], "the processes follow each other"
    assert read.values[Key("durability/lost")] == [0, 0], "pyperf knows no zero"


def test_a_file_says_itself_whose_it_is(tmp_path: Path) -> None:
    some_results().write(tmp_path)
    (tmp_path / "floor.json").rename(tmp_path / "renamed.json")
    assert Key("tco/loop", FLOOR) in Results.read([tmp_path / "renamed.json"]).values


def test_the_metadata_tell_when_where_and_of_what(tmp_path: Path) -> None:
    some_results().write(tmp_path)
    metadata = next(iter(Results.read([tmp_path / "floor.json"]).metadata()))
    assert metadata["commit"] == "abc1234"
    assert {"date", "python_version", "platform", "cpu_count"} <= metadata.keys()


@pytest.mark.slow
def test_pyperf_sets_two_files_against_each_other(tmp_path: Path) -> None:
    some_results().write(tmp_path)

    def pyperf(*arguments: str) -> str:
        command = [sys.executable, "-m", "pyperf", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    compared = pyperf("compare_to", "floor.json", "cascade.json", "--table")
    assert "tco/loop" in compared
    assert "slower" in compared
    assert "Number of run with values: 2" in pyperf("stats", "cascade.json")


@pytest.mark.parametrize("text", ["", "{}", "no json"])
def test_a_file_of_something_else_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "other.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ResultsError, match=r"other\.json: not a result file of pyperf"):
        Results.read([file])


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="no result files"):
        Results.read([tmp_path])


def test_a_result_file_is_plain_json(tmp_path: Path) -> None:
    (file, _) = some_results().write(tmp_path)
    assert {"benchmarks", "metadata", "version"} <= json.loads(file.read_text(encoding="utf-8")).keys()
