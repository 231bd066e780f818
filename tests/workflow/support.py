"""Ways to call the command: in this process, where that is honest, or as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import IO

from click.testing import CliRunner, Result

from cascade.workflow.cli.command import cascade

COMMAND = (sys.executable, "-m", "cascade.workflow")
HEAD = "from cascade import workflow as cs\n"
LONGEST_S = 60


def program(folder: Path, source: str, name: str = "flow.py") -> str:
    """Write a program, which may be indented; its path."""
    file = folder / name
    file.write_text(HEAD + textwrap.dedent(source), encoding="utf-8")
    return str(file)


def call(*arguments: str) -> Result:
    """Call the command in this process."""
    return CliRunner().invoke(cascade, arguments)


def call_process(*arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Call the command in a process of its own."""
    return subprocess.run(
        [*COMMAND, *arguments], cwd=folder, capture_output=True, text=True, timeout=LONGEST_S, check=False
    )


def start_process(*arguments: str, stderr: int | IO[str] = subprocess.PIPE) -> subprocess.Popen[str]:
    """Start the command in a process of its own, and in a process group of its own."""
    return subprocess.Popen(
        [*COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


def wait_for_line(stream: IO[str] | None, word: str) -> str:
    """Read lines until one has the word in it; that line."""
    assert stream is not None
    for line in stream:
        if word in line:
            return line
    raise AssertionError(f"no line with {word!r} came")
