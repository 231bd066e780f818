"""Whoever follows the README measures parts of their own."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

import observatory
from observatory.cli import main
from observatory.parts import Parts
from observatory.results import Results
from observatory.suites import suites

README = Path(observatory.__file__).with_name("README.md").read_text(encoding="utf-8")


def chapter(title: str) -> str:
    return README.partition(f"## {title}\n")[2].partition("\n## ")[0]


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


TEXT = chapter("Measure parts of your own")
PROGRAMS, COMMANDS = blocks(TEXT, "python"), blocks(TEXT, "sh")


@pytest.mark.slow
@pytest.mark.parametrize(("program", "command"), list(zip(PROGRAMS, COMMANDS, strict=True)), ids=["parts", "store"])
def test_parts_are_measured_as_the_readme_says(
    program: str, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = shlex.split(command)
    (module,) = {word.partition(":")[0] for word in words if ":" in word}
    (tmp_path / f"{module}.py").write_text(program, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert words[0] == "observatory"
    answer = CliRunner().invoke(main, [*words[1:], "--output", "results"])
    assert answer.exit_code == 0, answer.output
    assert "custom" in answer.output
    rounds: dict[str, list[int]] = {}
    for key, values in Results.read([tmp_path / "results"]).values.items():
        rounds.setdefault(key.benchmark, []).append(len(values))
    assert all(len(counts) == 3 and len(set(counts)) == 1 for counts in rounds.values()), "all took turns"


def test_the_parts_of_the_readme_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "parts_in_use.py").write_text(PROGRAMS[0], encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    with Parts("parts_in_use:OneByOne", "parts_in_use:Direct").engine() as engine:
        assert type(engine.solver).__name__ == "OneByOne"
        assert type(engine.executor).__name__ == "Direct"


def test_every_suite_of_the_readme_exists() -> None:
    table = re.findall(r"^\| `(\w+)` \|", chapter("Measure"), re.MULTILINE)
    assert set(table) == {name for name, (_, suite) in suites().items() if suite.experiments}
