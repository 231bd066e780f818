"""The environments of peers: a virtual environment each, made once and kept in a cache folder.

It lies at ``<cache>/<peer>-<python>``, never inside the repository. The cache folder is ``CASCADE_OBSERVATORY_CACHE``,
by default ``~/.cache/cascade-observatory``. An environment is made again when the requirements of its peer change. What
goes wrong is an `InstallationError` with a reason in one line; all that pip said is in ``<peer>-<python>.log``.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from observatory.comparing.peers import Declared

CACHE_VARIABLE: Final = "CASCADE_OBSERVATORY_CACHE"
TIMEOUT_S: Final = 900.0
DONE: Final = "installed.txt"


class InstallationError(RuntimeError):
    """An environment could not be made; the message says why in one line."""


def cache_folder() -> Path:
    """Where the environments are."""
    given = os.environ.get(CACHE_VARIABLE)
    if given:
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cascade-observatory"


class Environments:
    """Makes the environments of peers, or finds them.

    Args:
        cache: The folder that holds them.
        may_install: Whether what is missing may be installed.
    """

    def __init__(self, cache: Path, *, may_install: bool = True) -> None:
        self.cache = cache
        self.may_install = may_install

    def python(self, declared: Declared) -> Path:
        """The interpreter of a peer's environment, which is made if need be. Without requirements it is our own.

        Raises:
            InstallationError: There is none.
        """
        requirements = declared.peer.requirements
        if not requirements:
            return Path(sys.executable)
        folder = self._folder(declared)
        interpreter = _interpreter(folder)
        if not self._is_done(folder, requirements):
            if not self.may_install:
                raise InstallationError(f"is not installed in {folder}; run without --no-install")
            self._make(folder, requirements)
        return interpreter

    def has(self, declared: Declared) -> bool:
        """Whether nothing has to be installed for a peer."""
        requirements = declared.peer.requirements
        return not requirements or self._is_done(self._folder(declared), requirements)

    def _folder(self, declared: Declared) -> Path:
        return self.cache / f"{declared.name}-{sys.version_info.major}.{sys.version_info.minor}"

    @staticmethod
    def _is_done(folder: Path, requirements: tuple[str, ...]) -> bool:
        note = folder / DONE
        is_noted = note.is_file() and note.read_text(encoding="utf-8") == "\n".join(requirements)
        return is_noted and _interpreter(folder).exists()  # the Python that it was made of may be gone

    def _make(self, folder: Path, requirements: tuple[str, ...]) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        self.cache.mkdir(parents=True, exist_ok=True)
        log = folder.with_name(f"{folder.name}.log")
        log.unlink(missing_ok=True)
        interpreter = _interpreter(folder)
        options, pip = [], [str(interpreter), "-m", "pip"]
        if importlib.util.find_spec("pip"):  # ours can install into an environment without one, which is made sooner
            options, pip = ["--without-pip"], [sys.executable, "-m", "pip", "--python", str(interpreter)]
        install = ["--disable-pip-version-check", "--no-input", "install", "--quiet"]
        try:
            _run([sys.executable, "-m", "venv", *options, str(folder)], log)
            _run([*pip, *install, *requirements], log)
            (folder / DONE).write_text("\n".join(requirements), encoding="utf-8")
        except OSError as error:
            raise InstallationError(f"cannot be installed: {error}") from error


def _interpreter(folder: Path) -> Path:
    return folder / ("Scripts" if os.name == "nt" else "bin") / "python"


def _run(command: list[str], log: Path) -> None:
    with log.open("ab") as words:
        try:
            answer = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=words, stderr=words, timeout=TIMEOUT_S, check=False
            )
        except subprocess.TimeoutExpired:
            raise InstallationError(f"cannot be installed: it took longer than {TIMEOUT_S:.0f} s; see {log}") from None
    if answer.returncode != 0:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        reasons = [line for line in lines if line.startswith("ERROR:")] or lines or ["no reason was given"]
        raise InstallationError(f"cannot be installed: {reasons[-1].removeprefix('ERROR: '):.300}; see {log}")


__all__ = ["CACHE_VARIABLE", "Environments", "InstallationError", "cache_folder"]
