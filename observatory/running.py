"""Runs experiments: each in some processes of its own, one after the other."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from observatory.declaring import Experiment, Suite
from observatory.machine import commit
from observatory.results import Results
from observatory.setting import Effort, Setting
from observatory.worker import Measured, measure, read_answer, write_order

MOST_PROCESSES: Final[dict[Effort, int]] = {"full": 100, "fast": 1, "smoke": 1}
ROUNDS: Final[dict[Effort, int]] = {"full": 7, "fast": 5, "smoke": 1}


class Job(NamedTuple):
    """One process of an experiment.

    Attributes:
        module: Where the experiment's suite is.
        experiment: What is measured.
    """

    module: str
    experiment: Experiment


class Outcome(NamedTuple):
    """What came of a run.

    Attributes:
        results: What was measured.
        failures: The experiments that gave no values, with the words of their process.
    """

    results: Results
    failures: dict[str, str]


def jobs(chosen: Iterable[tuple[str, Suite]], effort: Effort) -> list[Job]:
    """The processes of some suites; an experiment that several share is measured once.

    They go round the experiments, so that a slow minute of the machine does not hit all processes of one.

    Args:
        chosen: Suites with their modules.
        effort: How many processes there are of an experiment.
    """
    experiments = {one.name: Job(module, one) for module, suite in chosen for one in suite.experiments}
    turns = range(MOST_PROCESSES[effort])
    return [job for turn in turns for job in experiments.values() if turn < job.experiment.processes]


def run(work: Sequence[Job], setting: Setting, announce: Callable[[str], None] = lambda _name: None) -> Outcome:
    """Do the work.

    Args:
        work: One process each. The first failure of an experiment ends it, and no other.
        setting: For all of them. ``smoke`` starts no process and measures in this one.
        announce: Called with the name of an experiment when one of its processes begins.
    """
    outcome, code = Outcome(Results(), {}), commit()
    for job in work:
        what = job.experiment
        announce(what.name)
        if what.name in outcome.failures:
            continue
        rounds = min(ROUNDS[setting.effort], what.rounds)
        try:
            found = measure(what, setting, rounds) if setting.is_smoke else _in_a_process(job, setting, rounds)
        except Exception as error:  # whatever an experiment does, the others are measured
            outcome.failures[what.name] = f"{type(error).__name__}: {error}"
            continue
        except KeyboardInterrupt:  # what was measured so far is kept
            outcome.failures[what.name] = "stopped by Ctrl-C"
            break
        declared = {benchmark.name: benchmark for benchmark in what.benchmarks}
        for key, values in found.values.items():
            metadata = {**found.metadata, "commit": code, "effort": setting.effort}
            outcome.results.add(declared[key.benchmark], key.subject, values, metadata)
    return outcome


class WorkerError(RuntimeError):
    """A process that measures has failed."""


def _in_a_process(job: Job, setting: Setting, rounds: int) -> Measured:
    with tempfile.TemporaryDirectory(prefix="observatory-") as folder:
        file = Path(folder) / "order.json"
        write_order(file, job.module, job.experiment.name, setting, rounds)
        command = [sys.executable, "-m", "observatory.worker", str(file)]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        if answer.returncode != 0:
            words = answer.stderr.strip() or f"the process ended with exit code {answer.returncode}"
            raise WorkerError(words)
        return read_answer(file)


__all__ = ["Job", "Outcome", "WorkerError", "jobs", "run"]
