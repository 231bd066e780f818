"""Every example in a docstring runs and gives what it says.

The modules are found as files below ``packages/*/src``: ``cascade`` is a namespace that several distributions fill, so
walking the imported package would find the folders of one of them only.
"""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def modules() -> dict[str, Path]:
    """The file of every module by the module's name."""
    found = {}
    for source in ROOT.glob("packages/*/src"):
        for file in source.rglob("*.py"):
            parts = file.relative_to(source).with_suffix("").parts
            if file.stem != "__main__":
                found[".".join(parts[:-1] if file.stem == "__init__" else parts)] = file
    return dict(sorted(found.items()))


MODULES = modules()


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name: str) -> None:
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "cascade":
            raise
        pytest.skip(f"{error.name}, which {name} needs, is not installed")
    result = doctest.testmod(module, optionflags=doctest.ELLIPSIS | doctest.FAIL_FAST)
    assert result.failed == 0, "the output above shows the example that failed"
    if ">>> " in MODULES[name].read_text(encoding="utf-8"):
        assert result.attempted > 0, f"the examples of {name} stand where doctest does not look"


def test_the_facade_has_examples() -> None:
    assert {"cascade.spec.task", "cascade.workflow.running"} <= MODULES.keys()
    assert ">>> " in MODULES["cascade.spec.task"].read_text(encoding="utf-8")
