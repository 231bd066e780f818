"""Runs Cascade from a checkout. Needs Python 3.11 or newer with pip; everything else is installed into .venv.

    python3 dev.py example        runs examples/pagerank.py with the command "cascade run"
    python3 dev.py test           runs the tests on this Python; options after "--" go to pytest
    python3 dev.py hatch ...      runs any other command of hatch: "hatch run lint:all"

The first run installs what it needs. Later runs start at once. Delete .venv to start afresh.
"""

# Any Python 3 since 3.7 can read this file, so that an old one gets a clear message instead of a syntax error.

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")

OLDEST_PYTHON = (3, 11)
OLDEST_PIP = (22, 3)  # the first that can install into an environment without pip: "pip --python"
HATCH = "hatch>=1.18,<2"


def main() -> int:
    command, arguments = (sys.argv[1], sys.argv[2:]) if len(sys.argv) > 1 else ("", [])
    if sys.version_info < OLDEST_PYTHON:
        fail(
            f"Cascade needs Python 3.11 or newer, but {sys.executable} is Python {sys.version.split()[0]}.",
            f"Run the same command with a newer Python, for example: python3.11 dev.py {command}",
        )
    if command == "example":
        make_environment()
        install_members()
        return run([str(BIN / "cascade"), "run", str(Path("examples", "pagerank.py")), *arguments])
    if command == "test":
        return hatch(["test", "-i", "interpreter=current", *arguments])
    if command == "hatch":
        return hatch(arguments)
    print(__doc__)
    return 0 if command in ("-h", "--help", "help") else 2


def hatch(arguments: list[str]) -> int:
    """Runs hatch on this Python. What hatch makes and caches is kept below .venv, too: HOME may be read-only."""
    make_environment()
    install("hatch", [HATCH], wanted=HATCH)
    home = VENV / "hatch"
    home.mkdir(exist_ok=True)
    config = home / "config.toml"
    config.touch()
    os.environ["HATCH_CONFIG"] = str(config)
    os.environ["HATCH_DATA_DIR"] = str(home)
    os.environ["HATCH_PYTHON"] = "self"
    os.environ.setdefault("UV_CACHE_DIR", str(home / "cache"))
    return run([str(BIN / "python"), "-m", "hatch", *arguments])


def install_members() -> None:
    """Installs every member, editable. All in one command, because the members pin each other."""
    projects = sorted([*ROOT.glob("packages/*/pyproject.toml"), ROOT / "observatory" / "pyproject.toml"])
    wanted = hashlib.sha256(b"\0".join(project.read_bytes() for project in projects)).hexdigest()
    editables = [argument for project in projects for argument in ("--editable", str(project.parent))]
    install("Cascade", editables, wanted)


def make_environment() -> None:
    """Makes .venv, or makes it again if it belongs to another Python or to another place."""
    wanted = "\n".join([sys.version, sys.base_prefix, str(ROOT)])
    note = VENV / "made-by-dev.txt"
    made = read(note)
    if made == wanted and (BIN / "python").exists():
        return
    # Not "with pip": that needs ensurepip, which Debian and others ship in a package of its own.
    options = ["--without-pip"] if made is None else ["--without-pip", "--clear"]
    if run([sys.executable, "-m", "venv", *options, str(VENV)]):
        fail(f"Python could not make the virtual environment {VENV}: its own words are above.")
    note.write_text(wanted, encoding="utf-8")


def install(name: str, requirements: list[str], wanted: str) -> None:
    """Installs the requirements into .venv, unless the same was done before."""
    note = VENV / f"installed-{name.lower()}.txt"
    if read(note) == wanted:
        return
    check_pip()
    print(f"Installing {name} into {VENV} ...", flush=True)
    pip = [sys.executable, "-m", "pip", "--python", str(BIN / "python"), "--disable-pip-version-check"]
    if run([*pip, "install", "--quiet", *requirements]):
        fail(
            f"pip could not install {name}: its own words are above.",
            "If it could not reach the package index, check the network and pip's settings, then run this again.",
        )
    note.write_text(wanted, encoding="utf-8")


def check_pip() -> None:
    answer = subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        fail(
            f"{sys.executable} has no pip.",
            f"Install it (on Debian and Ubuntu: apt install python3-pip; elsewhere: {sys.executable} -m ensurepip).",
        )
    version = answer.stdout.split()[1]  # "pip 23.2.1 from ..."
    numbers = tuple(int(number) for number in re.findall(r"\d+", version)[:2])
    if numbers < OLDEST_PIP:
        fail(
            f"pip 22.3 or newer is needed, but {sys.executable} has pip {version}.",
            f"Renew it: {sys.executable} -m pip install --upgrade pip",
        )


def read(file: Path) -> str | None:
    return file.read_text(encoding="utf-8") if file.is_file() else None


def run(command: list[str]) -> int:
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def fail(*lines: str) -> NoReturn:
    print("dev.py: " + "\n        ".join(lines), file=sys.stderr)
    raise SystemExit(1)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
