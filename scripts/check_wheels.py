"""Builds every distribution and checks the wheels as a stranger would get them.

The editable layout of a checkout hides faults: a file that no wheel ships, a file that two wheels ship, a dependency
that nobody declared. So each source archive is built, each wheel is built from its source archive, and the wheels are
installed into clean environments, without an index, so that nothing but these wheels and their declared dependencies
can be found. The example plug-ins are built and installed in the same way, as a third party would do it, and their
tests run there: they are found by their entry points, and the kits come from the wheel of cascade-testing. Needs Python
3.11 or newer with pip, and a package index for the third-party dependencies:

    python3 scripts/check_wheels.py
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
MEMBERS = sorted([*(file.parent for file in ROOT.glob("packages/*/pyproject.toml")), ROOT / "observatory"])

PLUGINS = sorted(file.parent for file in ROOT.glob("examples/plugins/*/pyproject.toml"))

# These must install and work alone, with no third-party package at all.
CORE = ("cascade-interfaces", "cascade-runtime", "cascade-engine")

# Modules about other engines: such an engine is no dependency, so it may be missing.
PEERS = "observatory.peers."

PROGRAM = """\
from cascade import workflow as cs

@cs.task
def countdown(n: int) -> str:
    return "done" if n <= 0 else countdown(n - 1)

assert cs.run(countdown(1_000)) == "done"
"""


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="cascade-wheels-") as folder:
        check(Path(folder))


def check(folder: Path) -> None:
    builder = make_environment(folder / "build")
    wheels = build(MEMBERS, folder / "wheels", builder)
    check_contents(wheels)

    core = make_environment(folder / "core")
    core_wheels = {name: wheel for name, wheel in wheels.items() if name in CORE}
    pip(core, "install", "--no-index", *map(str, core_wheels.values()))
    import_all(core, core_wheels.values())
    say(f"the core installs and imports alone: {', '.join(core_wheels)}")

    # pip is told where the third-party wheels are, not which to take: that is what the wheels must declare.
    download_dependencies(core, folder / "wheels")
    whole = make_environment(folder / "whole")
    pip(whole, "install", "--no-index", "--find-links", str(folder / "wheels"), *wheels)
    pip(whole, "check")
    import_all(whole, wheels.values())
    for command in ("cascade", "observatory"):
        run(str(whole.with_name(command)), "--help", quiet=True)
    program = folder / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")
    run(str(whole), "-I", str(program))
    say("everything installs without an index, imports, and runs a program")

    check_plugins(build(PLUGINS, folder / "plugins", builder), whole, folder)


def check_plugins(plugins: dict[str, Path], python: Path, folder: Path) -> None:
    """Installs the example plug-ins beside the rest and runs their tests where no source of them is in sight."""
    pip(python, "install", "--no-index", "--find-links", str(folder / "wheels"), *map(str, plugins.values()))
    tests = folder / "plugin-tests"
    tests.mkdir()
    for plugin in PLUGINS:
        for file in plugin.glob("test_*.py"):
            shutil.copy(file, tests)
    options = ("-q", "-W", "error", "--import-mode=importlib", "-p", "no:cacheprovider")
    run(str(python), "-I", "-m", "pytest", *options, str(tests), cwd=tests)
    say(f"the kits find nothing wrong with the installed plug-ins: {', '.join(plugins)}")


def build(members: Iterable[Path], wheels: Path, python: Path) -> dict[str, Path]:
    """Returns the wheel of each distribution, by its name, built from its source archive."""
    backends = {line for member in members for line in read(member)["build-system"]["requires"]}
    pip(python, "install", *sorted(backends))

    def build_one(member: Path) -> tuple[str, Path]:
        name = read(member)["project"]["name"]
        archives = wheels.with_name("archives") / name
        run(str(python), "-m", "hatchling", "build", "-t", "sdist", "-d", str(archives), cwd=member, quiet=True)
        (archive,) = archives.glob("*.tar.gz")
        pip(python, "wheel", "--no-index", "--no-deps", "--no-build-isolation", "-w", str(wheels), str(archive))
        (wheel,) = wheels.glob(f"{name.replace('-', '_')}-*.whl")
        return name, wheel

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(pool.map(build_one, members))


def check_contents(wheels: dict[str, Path]) -> None:
    owners = defaultdict(list)
    for name, wheel in wheels.items():
        files = files_in(wheel)
        top = "observatory" if name == "cascade-observatory" else "cascade"
        strangers = [file for file in files if not file.startswith(f"{top}/") and ".dist-info/" not in file]
        expect(not strangers, f"{name} ships files outside of {top}/: {strangers}")
        expect("cascade/__init__.py" not in files, f"{name} ships cascade/__init__.py: it hides all other portions")
        expect(any(file.endswith("/py.typed") for file in files), f"{name} ships no py.typed")
        expect(any(file.endswith("/licenses/LICENSE") for file in files), f"{name} ships no licence")
        unwanted = [file for file in files if file.startswith(f"{top}/") and not is_wanted(file)]
        expect(not unwanted, f"{name} ships what is no part of it: {unwanted}")
        source = next(member for member in MEMBERS if read(member)["project"]["name"] == name)
        missing = modules_of_source(source) - set(files)
        expect(not missing, f"{name} does not ship {sorted(missing)}")
        for file in files:
            owners[file].append(name)
    shared = {file: names for file, names in owners.items() if len(names) > 1}
    expect(not shared, f"several wheels ship the same file: {shared}")
    say(f"{len(wheels)} wheels hold {len(owners)} files, each in one wheel only")


def files_in(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def is_wanted(file: str) -> bool:
    path = Path(file)
    is_stray = path.name in ("pyproject.toml", "README.md", "LICENSE") or path.suffix == ".pyc"
    return not is_stray and "results" not in path.parts


def modules_of_source(member: Path) -> set[str]:
    """Returns the Python files that the wheel of a member must ship, by their path inside the wheel."""
    top = ROOT if member.name == "observatory" else member / "src"
    files = (member if member.name == "observatory" else top).rglob("*.py")
    return {file.relative_to(top).as_posix() for file in files if is_wanted(file.as_posix())}


def download_dependencies(python: Path, wheels: Path) -> None:
    """Puts the wheels of all third-party dependencies, and of theirs, into the folder."""
    needed = {line for member in MEMBERS for line in read(member)["project"]["dependencies"]}
    third_party = sorted(line for line in needed if not line.startswith("cascade-"))
    pip(python, "download", "--only-binary", ":all:", "-d", str(wheels), *third_party)


def import_all(python: Path, wheels: Iterable[Path]) -> None:
    """Imports every module of the wheels in the order of their names; a warning is an error."""
    names = sorted({module_name(file) for wheel in wheels for file in files_in(wheel)} - {""})
    program = f"""
import importlib
for name in {names!r}:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if not name.startswith({PEERS!r}) or error.name.partition(".")[0] in ("cascade", "observatory"):
            raise
"""
    run(str(python), "-I", "-W", "error", "-c", program)


def module_name(file: str) -> str:
    """Returns ``a.b`` for ``a/b.py`` and for ``a/b/__init__.py``; nothing for what cannot or must not be imported."""
    path = Path(file)
    if path.suffix != ".py" or path.name == "__main__.py":
        return ""
    return ".".join(path.parent.parts if path.name == "__init__.py" else path.with_suffix("").parts)


def make_environment(folder: Path) -> Path:
    """Makes an empty virtual environment, without pip, and returns its Python."""
    run(sys.executable, "-m", "venv", "--without-pip", str(folder))
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def pip(python: Path, command: str, *arguments: str) -> None:
    run(sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check", command, "-q", *arguments)


def run(*command: str, cwd: Path | None = None, quiet: bool = False) -> None:
    answer = subprocess.run(command, cwd=cwd, capture_output=quiet, text=True, check=False)
    words = f"\n{answer.stdout}{answer.stderr}" if quiet else ""
    expect(answer.returncode == 0, f"this command failed: {' '.join(command)}{words}")


def read(member: Path) -> dict[str, Any]:
    return tomllib.loads((member / "pyproject.toml").read_text(encoding="utf-8"))


def expect(condition: bool, message: str) -> None:
    if not condition:
        raise SystemExit(f"check_wheels: {message}")


def say(message: str) -> None:
    print(f"check_wheels: {message}", flush=True)


if __name__ == "__main__":
    main()
