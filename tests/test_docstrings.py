"""Every example in a docstring runs and gives what it says.

The modules are found as files below ``packages/*/src``: ``cascade`` is a namespace that several distributions fill, so
walking the imported package would need to know all of its folders.
"""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def module_names() -> list[str]:
    files = {
        file.relative_to(source).with_suffix("")
        for source in ROOT.glob("packages/*/src")
        for file in source.rglob("*.py")
        if file.stem != "__main__"
    }
    return sorted(".".join(file.parts[:-1] if file.name == "__init__" else file.parts) for file in files)


@pytest.mark.parametrize("name", module_names())
def test_examples_run(name: str) -> None:
    module = importlib.import_module(name)
    failed, _ = doctest.testmod(module, optionflags=doctest.ELLIPSIS | doctest.FAIL_FAST)
    assert failed == 0, "the output above shows the example that failed"


def test_there_are_examples() -> None:
    finder = doctest.DocTestFinder(exclude_empty=True)
    modules = [importlib.import_module(name) for name in module_names()]
    assert sum(bool(test.examples) for module in modules for test in finder.find(module)) >= 10
