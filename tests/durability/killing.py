"""Starts runs in child processes and kills them at random moments. A process without threads, so that it can fork.

    python -m tests.durability.killing PROGRAM FOLDER LEVEL ROUNDS SEED

Prints a report in JSON: for each round, how long the log was when the child was killed, and how large the store.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

from cascade import workflow as cs

from . import victims

LONGEST_S = 0.12


def run(program: str, folder: Path, level: str) -> Any:
    """Begin or continue the run of a program; in the child."""
    victims.LOG = os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    state = f"sqlite:///{folder / 'runs.db'}"
    return cs.run(victims.TARGETS[program](), run_id="r1", state=state, durability=level)


def let_pass(seconds: float) -> None:
    """Work for so long: on a busy machine that takes longer, as does what the child does meanwhile."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def kill_often(program: str, folder: Path, level: str, rounds: int, seed: int) -> list[dict[str, Any]]:
    """Kill a child again and again, each time a random while after it has begun to log."""
    moments = random.Random(seed)
    log = folder / "log"
    report = []
    for _ in range(rounds):
        size = log.stat().st_size if log.exists() else 0
        child = os.fork()
        if child == 0:
            status = 1
            try:
                run(program, folder, level)
                status = 0
            finally:
                os._exit(status)
        if moments.random() < 0.8:  # otherwise it may be killed before it has done anything
            while (not log.exists() or log.stat().st_size == size) and os.waitpid(child, os.WNOHANG) == (0, 0):
                time.sleep(0.0005)
        let_pass(moments.random() ** 2 * LONGEST_S)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status), f"the child has ended by itself, with {status}"
        stored = sum(file.stat().st_size for file in folder.glob("runs.db*"))
        report.append({"size": stored, "logged": log.stat().st_size})
    return report


if __name__ == "__main__":
    name, place, durability, count, start = sys.argv[1:]
    print(json.dumps(kill_often(name, Path(place), durability, int(count), int(start))))
