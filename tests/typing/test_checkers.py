"""Type checkers accept the right programs and give exactly the stated errors for the others.

A comment above a line states an error that the line must give: ``# mypy says [code] part of the text`` or ``# pyright
says [rule] part of the text``. ``wrong.py`` holds faulty programs, ``limits.py`` right ones that a checker cannot
follow. Pyright is tried only where it is installed.
"""

from __future__ import annotations

import json
import os
import re
import runpy
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from mypy import api

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
RIGHT = sorted(HERE.glob("test_right_*.py"))
OTHERS = [HERE / "limits.py", HERE / "wrong.py"]

pytestmark = pytest.mark.xdist_group("checkers")

STATED = re.compile(r"\s*# (mypy|pyright) says \[([\w-]+)\]\s*(.*)")


class Fault(NamedTuple):
    line: int
    code: str
    text: str


def stated_faults(file: Path, checker: str) -> list[Fault]:
    """The faults that the comments state, each for the next line that is no comment."""
    faults: list[Fault] = []
    pending: list[tuple[str, str]] = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        found = STATED.match(line)
        if found is not None:
            if found[1] == checker:
                pending.append((found[2], found[3]))
        elif not line.lstrip().startswith("#"):
            faults += [Fault(number, code, text) for code, text in pending]
            pending = []
    assert pending == [], f"{file.name} ends with a statement about no line"
    return faults


def differences(file: Path, stated: list[Fault], given: list[Fault]) -> str:
    """One line for each stated fault that was not given, and for each given one that was not stated."""
    left = list(given)
    found = []
    for fault in stated:
        match = next((one for one in left if one[:2] == fault[:2] and fault.text in one.text), None)
        if match is None:
            found.append(f"{file.name}:{fault.line}: stated but not given: [{fault.code}] {fault.text}")
        else:
            left.remove(match)
    found += [f"{file.name}:{fault.line}: given but not stated: [{fault.code}] {fault.text}" for fault in left]
    return "\n".join(found)


@pytest.fixture(scope="module")
def mypy_faults(pytestconfig: pytest.Config) -> Mapping[Path, list[Fault]]:
    cache = getattr(pytestconfig, "cache", None)  # there is none under "-p no:cacheprovider"
    output, problems, _ = api.run(
        [
            f"--config-file={ROOT / 'pyproject.toml'}",
            f"--cache-dir={cache.mkdir('mypy') if cache else os.devnull}",
            "--output=json",
            *map(str, RIGHT + OTHERS),
        ]
    )
    assert problems == ""
    faults: dict[Path, list[Fault]] = {file: [] for file in RIGHT + OTHERS}
    for line in output.splitlines():
        said = json.loads(line)
        file = Path(said["file"]).resolve()
        # What is wrong elsewhere is the business of the check of the whole repository.
        if said["severity"] == "error" and file in faults:
            faults[file].append(Fault(said["line"], said["code"], said["message"]))
    return faults


@pytest.fixture(scope="module")
def pyright_faults(tmp_path_factory: pytest.TempPathFactory) -> Mapping[Path, list[Fault]]:
    pyright = shutil.which("pyright")
    if pyright is None:
        pytest.skip("pyright is not installed")
    folder = tmp_path_factory.mktemp("pyright")
    return dict(pyright_check(pyright, folder, "strict", RIGHT)) | dict(
        # Strict mode would report what follows from a fault (a type that is unknown), too.
        pyright_check(pyright, folder, "standard", OTHERS)
    )


def pyright_check(pyright: str, folder: Path, mode: str, files: list[Path]) -> Iterator[tuple[Path, list[Fault]]]:
    sources = [str(ROOT), *map(str, sorted(ROOT.glob("packages/*/src")))]
    settings: dict[str, Any] = {
        # Pyright ignores absolute paths here.
        "include": [os.path.relpath(file, folder) for file in files],
        "extraPaths": sources,
        "pythonVersion": "3.11",
        "typeCheckingMode": mode,
    }
    (folder / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    answer = subprocess.run(
        [pyright, "--outputjson", "--project", str(folder)], capture_output=True, text=True, check=False
    )
    report = json.loads(answer.stdout)
    assert report["summary"]["filesAnalyzed"] == len(files)
    for file in files:
        yield (
            file,
            [
                Fault(said["range"]["start"]["line"] + 1, said.get("rule", "syntax"), said["message"])
                for said in report["generalDiagnostics"]
                if said["severity"] == "error" and Path(said["file"]).resolve() == file
            ],
        )


@pytest.mark.slow
@pytest.mark.once  # mypy is told for which Python it checks
@pytest.mark.parametrize("file", RIGHT + OTHERS, ids=lambda file: file.stem)
def test_mypy_gives_exactly_the_stated_errors(file: Path, mypy_faults: Mapping[Path, list[Fault]]) -> None:
    assert differences(file, stated_faults(file, "mypy"), mypy_faults[file]) == ""


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.parametrize("file", RIGHT + OTHERS, ids=lambda file: file.stem)
def test_pyright_gives_exactly_the_stated_errors(file: Path, pyright_faults: Mapping[Path, list[Fault]]) -> None:
    assert differences(file, stated_faults(file, "pyright"), pyright_faults[file]) == ""


@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_wrong_programs_state_errors_and_right_ones_state_none(checker: str) -> None:
    assert [stated_faults(file, checker) for file in RIGHT] == [[] for _ in RIGHT]
    assert len(stated_faults(HERE / "wrong.py", checker)) > 50


def test_programs_at_the_limits_of_the_checkers_run() -> None:
    assert runpy.run_path(str(HERE / "limits.py"))["__doc__"]


def test_a_missing_and_an_unexpected_error_are_both_found(tmp_path: Path) -> None:
    file = tmp_path / "program.py"
    file.write_text("# mypy says [arg-type] expected\n# A remark.\nf(1)\nf(2)\n", encoding="utf-8")
    stated = stated_faults(file, "mypy")
    assert stated == [Fault(3, "arg-type", "expected")]
    assert stated_faults(file, "pyright") == []
    assert differences(file, stated, [Fault(3, "arg-type", 'got "str", expected "int"')]) == ""
    assert differences(file, stated, [Fault(4, "arg-type", "expected")]).splitlines() == [
        "program.py:3: stated but not given: [arg-type] expected",
        "program.py:4: given but not stated: [arg-type] expected",
    ]
