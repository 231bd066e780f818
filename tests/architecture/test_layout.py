"""The folder tree is the architecture: namespaces, type markers, versions, and the size of modules."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
MEMBERS = sorted([*(file.parent for file in ROOT.glob("packages/*/pyproject.toml")), ROOT / "observatory"])
MEMBER_NAMES = [member.name for member in MEMBERS]

# Folders that several distributions fill. An __init__.py in one of them would hide what the others put there.
NAMESPACES = ("cascade", "cascade/adapters", "cascade/graph", "cascade/runtime")

# The folder that bears the type marker, and the only distribution that ships it.
TYPE_MARKERS = {
    "cascade/adapters": "cascade-engine",
    "cascade/graph": "cascade-interfaces",
    "cascade/runtime": "cascade-runtime",
    "cascade/spec": "cascade-interfaces",
    "cascade/testing": "cascade-testing",
    "cascade/workflow": "cascade-workflow",
}

LONGEST_MODULE = 600


def project(member: Path) -> dict[str, Any]:
    table: dict[str, Any] = tomllib.loads((member / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return table


def test_every_folder_of_packages_is_a_distribution_named_like_its_folder() -> None:
    folders = [folder for folder in (ROOT / "packages").iterdir() if folder.is_dir()]
    assert [folder.name for folder in folders if not (folder / "pyproject.toml").is_file()] == []
    assert [folder.name for folder in folders if project(folder)["name"] != folder.name] == []


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_a_namespace_has_no_init_module(namespace: str) -> None:
    found = [str(file.relative_to(ROOT)) for file in ROOT.glob(f"packages/*/src/{namespace}/__init__.py")]
    assert found == [], f"{found} would hide what other distributions put into {namespace}"


def test_distributions_fill_the_cascade_namespace_only() -> None:
    strangers = [path for path in ROOT.glob("packages/*/src/*") if path.name != "cascade" and path.suffix != ".pth"]
    assert strangers == []


def test_no_two_distributions_hold_the_same_file() -> None:
    files = Counter(
        str(file.relative_to(source))
        for source in ROOT.glob("packages/*/src")
        for file in source.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    )
    assert [file for file, count in files.items() if count > 1] == []


def test_type_markers_lie_in_each_portion_and_in_one_distribution() -> None:
    found = {
        (file.parent.relative_to(source).as_posix(), source.parent.name)
        for source in ROOT.glob("packages/*/src")
        for file in source.rglob("py.typed")
    }
    plugins = {entry for entry in found if entry[1] not in TYPE_MARKERS.values()}
    assert found - plugins == set(TYPE_MARKERS.items())
    assert (ROOT / "observatory" / "py.typed").is_file()


def test_all_versions_agree() -> None:
    versions = {member.name: project(member)["version"] for member in MEMBERS}
    assert len(set(versions.values())) == 1, f"one common version was expected, but there are {versions}"


@pytest.mark.parametrize("member", MEMBERS, ids=MEMBER_NAMES)
def test_siblings_are_pinned_to_the_common_version(member: Path) -> None:
    siblings = {project(other)["name"]: project(other)["version"] for other in MEMBERS}
    declared = project(member)
    optional = declared.get("optional-dependencies", {})
    requirements = [*declared["dependencies"], *(line for lines in optional.values() for line in lines)]
    for requirement in requirements:
        match = re.match(r"[A-Za-z0-9._-]+", requirement)
        assert match, f"{member.name}: {requirement!r} does not begin with the name of a distribution"
        name = match.group()
        if name in siblings:
            assert requirement == f"{name}=={siblings[name]}", f"{member.name} must pin its sibling {name}"
        else:
            assert not name.startswith("cascade-"), f"{member.name} requires {name}, which is not in this repository"


@pytest.mark.parametrize("member", MEMBERS, ids=MEMBER_NAMES)
def test_every_distribution_carries_the_common_licence_and_a_readme(member: Path) -> None:
    assert (member / "LICENSE").read_text(encoding="utf-8") == (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert (member / "README.md").read_text(encoding="utf-8").startswith(f"# {project(member)['name']}\n")


def test_mypy_looks_at_every_source_folder() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mypy"]
    prefix = "$MYPY_CONFIG_FILE_DIR/"
    listed = {entry.removeprefix(prefix) for entry in config["mypy_path"] if entry.startswith(prefix)}
    sources = [*ROOT.glob("packages/*/src"), *(file.parent for file in ROOT.glob("examples/plugins/*/pyproject.toml"))]
    assert listed == {source.relative_to(ROOT).as_posix() for source in sources}


def test_every_test_environment_installs_every_member() -> None:
    environments = tomllib.loads((ROOT / "hatch.toml").read_text(encoding="utf-8"))["envs"]
    for name in ("default", "hatch-test"):
        assert environments[name]["workspace"]["members"] == ["packages/*", "observatory"], name


def test_no_module_is_longer_than_the_limit() -> None:
    sources = [*ROOT.glob("packages/*/src/**/*.py"), *ROOT.glob("observatory/**/*.py")]
    lengths = {
        str(file.relative_to(ROOT)): len(file.read_text(encoding="utf-8").splitlines())
        for file in sources
        if "results" not in file.parts
    }
    assert {file: length for file, length in lengths.items() if length > LONGEST_MODULE} == {}
