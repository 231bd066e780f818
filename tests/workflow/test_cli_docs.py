"""What docs/cli.md shows is what the command prints."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.workflow.support import call

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
PROGRAM = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)[0]
SHOWN = re.findall(r"^```console\n\$ cascade (.*?)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def without_what_changes(text: str) -> str:
    """Times, ids, lines of code, where the repository lies, and where lines are broken."""
    text = text.replace(str(ROOT), "/home/ada/cascade")
    return " ".join(re.sub(r"\d+\.\d+|[0-9a-f]{32}|(?<=line )\d+", "#", text).split())


@pytest.mark.parametrize(("line", "shown"), SHOWN, ids=[line for line, _ in SHOWN])
def test_the_page_shows_what_is_printed(line: str, shown: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "words.py").write_text(PROGRAM, encoding="utf-8")
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    assert without_what_changes(call(*shlex.split(line)).output) == without_what_changes(shown)


def test_the_page_has_examples() -> None:
    assert len(SHOWN) >= 5
