"""Whoever follows the README measures parts of their own."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

import observatory
from observatory.cli import main
from observatory.keys import CASCADE, CUSTOM, FLOOR, Key
from observatory.parts import Parts
from observatory.results import Results
from observatory.suites import suites

README = Path(observatory.__file__).with_name("README.md").read_text(encoding="utf-8")


def chapter(title: str) -> str:
    return README.partition(f"## {title}\n")[2].partition("\n## ")[0]


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.mark.slow
def test_parts_are_measured_as_the_readme_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = chapter("Measure parts of your own")
    (program,), (command,) = blocks(text, "python"), blocks(text, "sh")
    (tmp_path / "my_parts.py").write_text(program, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    words = shlex.split(command)
    assert words[0] == "observatory"
    answer = CliRunner().invoke(main, [*words[1:], "--output", "results"])
    assert answer.exit_code == 0, answer.output
    assert "custom" in answer.output
    values = Results.read([tmp_path / "results"]).values
    rounds = {subject: values[Key("tco/heavy_complex_countdown", subject)] for subject in (CASCADE, CUSTOM, FLOOR)}
    assert len({len(found) for found in rounds.values()}) == 1, "all were measured in turns"


def test_the_parts_of_the_readme_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (program,) = blocks(chapter("Measure parts of your own"), "python")
    (tmp_path / "parts_in_use.py").write_text(program, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    with Parts("parts_in_use:OneByOne", "parts_in_use:Direct").engine() as engine:
        assert type(engine.solver).__name__ == "OneByOne"
        assert type(engine.executor).__name__ == "Direct"


def test_every_suite_of_the_readme_exists() -> None:
    table = re.findall(r"^\| `(\w+)` \|", chapter("Measure"), re.MULTILINE)
    assert set(table) == set(suites())
