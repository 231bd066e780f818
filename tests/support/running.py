"""Ways to run targets in tests: in virtual time, in a process of its own, with modules made on the spot."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from cascade import workflow as cs
from cascade.testing import run_in_virtual_time

T = TypeVar("T")


def run_virtually(target: T, engine: cs.Engine | None = None, **options: Any) -> tuple[T, float]:
    """The value of a target and the virtual seconds that the run took. Its tasks are to be async or inline."""

    async def program() -> tuple[T, float]:
        value = await (engine or cs.Engine()).run(target, **options)
        return value, asyncio.get_running_loop().time()

    return run_in_virtual_time(program())


def make_module(name: str, source: str, **names: Any) -> ModuleType:
    """A module of this name; it is not importable, so nothing is left behind."""
    module = ModuleType(name)
    module.__dict__.update(names, cs=cs)
    exec(textwrap.dedent(source), module.__dict__)
    return module


def write_script(folder: Path, source: str, name: str = "script.py") -> Path:
    """A file with this source, which may be indented."""
    file = folder / name
    file.write_text(textwrap.dedent(source), encoding="utf-8")
    return file


def run_script(folder: Path, source: str, *, environment: dict[str, str] | None = None) -> str:
    """Run a source as a main script in a process of its own; what it printed.

    Raises:
        AssertionError: It failed; what it wrote is in the message.
    """
    done = subprocess.run(
        [sys.executable, str(write_script(folder, source))],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, **(environment or {})},
    )
    assert done.returncode == 0, f"the script ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def interrupt_script(folder: Path, source: str, *, after: str) -> tuple[list[str], str, int]:
    """Run a source as a main script and press Ctrl-C when it has printed a line.

    Returns:
        The lines that it printed after that, what it wrote to stderr, and its exit code.
    """
    process = subprocess.Popen(
        [sys.executable, "-u", str(write_script(folder, source))],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip() == after:
                break
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    return out.splitlines(), err, process.returncode


def busy(seconds: float) -> None:
    """Work for so long, without letting anybody else on the thread have a turn."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def counted(function: Callable[..., T]) -> tuple[Callable[..., T], list[tuple[Any, ...]]]:
    """A function that keeps the positional arguments of its calls, and the list in which it keeps them."""
    calls: list[tuple[Any, ...]] = []

    def counting(*args: Any) -> T:
        calls.append(args)
        return function(*args)

    counting.__name__ = counting.__qualname__ = function.__name__
    return counting, calls
