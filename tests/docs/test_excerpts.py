"""What a page shows of a file is in the file, so that neither is changed without the other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").glob("*.md"))
EXCERPT = re.compile(r"^`([^`\n]+)`:\n\n```(?:py|toml)\n(.*?)^```", re.MULTILINE | re.DOTALL)
EXCERPTS: list[tuple[Path, str, str]] = [
    (page, match[1], match[2]) for page in PAGES for match in EXCERPT.finditer(page.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize(("page", "path", "shown"), EXCERPTS, ids=[f"{page.stem} {path}" for page, path, _ in EXCERPTS])
def test_an_excerpt_is_a_part_of_its_file(page: Path, path: str, shown: str) -> None:
    assert shown.strip() in (ROOT / path).read_text(encoding="utf-8"), f"{page.name} shows what {path} is no more"


def test_every_example_plug_in_is_shown() -> None:
    shown = {path for page, path, _ in EXCERPTS if page.stem == "extending"}
    modules = {
        str(file.relative_to(ROOT))
        for file in (ROOT / "examples" / "plugins").glob("*/*.py")
        if file.stem.startswith("cascade_")
    }
    assert modules <= shown


def test_a_block_of_this_kind_always_names_its_file() -> None:
    blocks = sum(len(re.findall(r"^```(?:py|toml)$", page.read_text(encoding="utf-8"), re.MULTILINE)) for page in PAGES)
    assert blocks == len(EXCERPTS)
