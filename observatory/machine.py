"""Where values were measured: the metadata of a process, and the commit of the code."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyperf

import observatory

HERE = Path(observatory.__file__).parent


def collect() -> dict[str, Any]:
    """What pyperf knows about this process and machine."""
    metadata: dict[str, Any] = pyperf.Run([1.0]).get_metadata()
    return metadata


def commit() -> str:
    """The commit of the checkout that this is run from, with a ``+`` if it was changed; empty if there is none."""

    def git(*arguments: str) -> str:
        answer = subprocess.run(["git", *arguments], cwd=HERE, capture_output=True, text=True, check=False)
        return answer.stdout.strip() if answer.returncode == 0 else ""

    try:
        name = git("rev-parse", "--short", "HEAD")
        return f"{name}+" if name and git("status", "--porcelain", "--untracked-files=no") else name
    except FileNotFoundError:
        return ""


def results_parent() -> Path:
    """Where results are kept: below the package in a checkout, otherwise below the current folder."""
    return HERE / "results" if (HERE / "pyproject.toml").is_file() else Path("observatory-results")


def results_folder() -> Path:
    """A new folder for results, named after the time and the commit."""
    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%SZ")
    return results_parent() / "-".join(filter(None, [stamp, commit()]))


__all__ = ["collect", "commit", "results_folder", "results_parent"]
