"""Runs workloads of peers: each in a process and a folder of its own, with a limit of time.

The processes go round the peers for one workload after the other, and all of that several times, so that a slow minute
of the machine does not hit all values of one engine. A failure ends that workload of that peer, and nothing else.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from observatory.comparing import worker
from observatory.comparing.environments import Environments, InstallationError
from observatory.comparing.peer import Cannot
from observatory.comparing.peers import Declared
from observatory.comparing.workloads import WORKLOADS, Workload
from observatory.declaring import Benchmark
from observatory.machine import collect, commit
from observatory.results import Results
from observatory.setting import Effort


class Amount(NamedTuple):
    """How much is measured.

    Attributes:
        processes: For each workload of each peer.
        samples: Values of one process at most.
        budget_s: After so many seconds a process takes no more of them.
        divisor: What sizes are divided by.
        timeout_s: How long a process may take, its start and end included.
    """

    processes: int
    samples: int
    budget_s: float
    divisor: int
    timeout_s: float


AMOUNTS: Final[Mapping[Effort, Amount]] = {
    "full": Amount(processes=3, samples=7, budget_s=2.0, divisor=1, timeout_s=120.0),
    "fast": Amount(processes=1, samples=3, budget_s=0.5, divisor=4, timeout_s=60.0),
    "smoke": Amount(processes=1, samples=1, budget_s=0.0, divisor=1_000, timeout_s=60.0),
}


class WorkError(RuntimeError):
    """A workload gave no values; the message says why in one line."""


class Cell(NamedTuple):
    """A workload of a peer."""

    peer: str
    workload: str


@dataclass
class Comparison:
    """What came of a comparison.

    Attributes:
        results: What was measured.
        versions: Of each peer that said so.
        missing: Peers without an environment, with the reason.
        cannot: What peers cannot do, with the reason.
        failed: What peers can do, but did not, with the reason.
    """

    results: Results = field(default_factory=Results)
    versions: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    cannot: dict[Cell, str] = field(default_factory=dict)
    failed: dict[Cell, str] = field(default_factory=dict)

    def is_open(self, cell: Cell) -> bool:
        """Whether it is worth another process."""
        return cell not in self.cannot and cell not in self.failed


def install(
    chosen: Iterable[Declared], environments: Environments, announce: Callable[[str], None] = lambda _line: None
) -> tuple[dict[str, Path], dict[str, str]]:
    """Make the environments of some peers.

    Returns:
        The interpreter of each, and the reason where there is none.
    """
    pythons, missing = {}, {}
    for declared in chosen:
        if not environments.has(declared) and environments.may_install:
            announce(f"installing {', '.join(declared.peer.requirements)}")
        try:
            pythons[declared.name] = environments.python(declared)
        except InstallationError as error:
            missing[declared.name] = str(error)
    return pythons, missing


def compare(
    chosen: Sequence[Declared],
    workloads: Sequence[Workload],
    environments: Environments,
    effort: Effort,
    announce: Callable[[str], None] = lambda _line: None,
) -> Comparison:
    """Measure some workloads of some peers.

    Args:
        chosen: The peers.
        workloads: What they are to do.
        environments: Where they are installed.
        effort: How much is measured.
        announce: Called with a line when something begins that takes time.
    """
    amount, code = AMOUNTS[effort], commit()
    pythons, missing = install(chosen, environments, announce)
    comparison = Comparison(missing=missing)
    own = collect()
    present = [declared for declared in chosen if declared.name in pythons]
    for turn in range(amount.processes):
        for workload in workloads:
            for declared in present:
                cell = Cell(declared.name, workload.name)
                if not comparison.is_open(cell):
                    continue
                announce(f"{workload.label} of {declared.peer.title}, {turn + 1} of {amount.processes}")
                try:
                    answer = run_worker(declared, workload, pythons[declared.name], amount)
                except WorkError as error:
                    comparison.failed[cell] = str(error)
                    continue
                metadata = {**own, "commit": code, "effort": effort}
                _keep(comparison, cell, declared, workload, answer, metadata)
    return comparison


def _keep(
    comparison: Comparison,
    cell: Cell,
    declared: Declared,
    workload: Workload,
    answer: Mapping[str, Any],
    metadata: Mapping[str, Any],
) -> None:
    """Take in what one process has answered."""
    comparison.versions[cell.peer] = answer["version"]
    if "cannot" in answer:
        comparison.cannot[cell] = answer["cannot"]
        return
    way = declared.peer.workloads[workload.name]
    note = "" if isinstance(way, Cannot) else way.note
    about = {
        "python_version": answer["python"],
        "peer": declared.peer.title,
        "peer_version": answer["version"],
        "peer_settings": declared.peer.about,
        "peer_size": answer["size"],
    }
    if note:
        about["peer_note"] = note
    benchmark = Benchmark(workload.name, workload.about, "byte" if workload.is_memory else "second")
    comparison.results.add(benchmark, cell.peer, answer["values"], {**metadata, **about})


def run_worker(declared: Declared, workload: Workload, python: Path, amount: Amount) -> dict[str, Any]:
    """Let a process do a workload of a peer; what it answered.

    Nothing that it started is left when this returns.

    Raises:
        WorkError: It gave no answer, or not in time.
    """
    if workload.name not in WORKLOADS:
        raise WorkError(f"{workload.name} is no workload")
    arguments = [workload.name, amount.samples, amount.budget_s, amount.divisor]
    command = [str(python), "-P", str(worker.__file__), str(declared.file), *map(str, arguments)]
    with tempfile.TemporaryDirectory(prefix="observatory-", ignore_cleanup_errors=True) as folder:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=_environment(declared),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        try:
            out, err = process.communicate(timeout=amount.timeout_s)
        except subprocess.TimeoutExpired:
            raise WorkError(f"took longer than {amount.timeout_s:.0f} s") from None
        finally:
            _end(process)
    if process.returncode != 0:
        raise WorkError(f"failed: {_last_line(err) or f'exit code {process.returncode}'}")
    try:
        answer: dict[str, Any] = json.loads(_last_line(out))
    except ValueError:
        raise WorkError(f"gave no answer, but {_last_line(out)!r:.200}") from None
    return answer


def _environment(declared: Declared) -> dict[str, str]:
    """Ours, without what would lead another Python to our packages."""
    environment = dict(os.environ)
    if declared.peer.requirements:
        for name in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"):
            environment.pop(name, None)
    return environment | dict(declared.peer.environment)


def _end(process: subprocess.Popen[str]) -> None:
    """End a process and all that it started, which may outlive it: servers, workers."""
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.communicate()


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip()[:300] if lines else ""


__all__ = ["AMOUNTS", "Amount", "Cell", "Comparison", "WorkError", "compare", "install", "run_worker"]
