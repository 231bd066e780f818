"""What is lost when the process of a durable loop is killed by ``kill -9`` (POSIX only).

Every step appends its number and the time to a file, in one write. A child process runs the loop, is killed a random
while after its first line, and another one goes on with the run for a few steps. The loss is the steps that stand in
the file twice. Measured, of each kill: how many they are, and the time from the oldest of them to the kill, which is a
moment of the clock and not of the processor: where the machine is busy, it holds what the child had to wait for. A step
that was skipped would be an error, not a figure.

A round kills each level once, in folders of its own. The moments come from one seed, the same in every process; what a
child is doing at them depends on the machine. Runs in a store of the user's own are killed in the same way, and have
ended in it afterwards; if one is held a while for the killed process, the second waits. Not measured: the end of the
machine.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any, Final, NamedTuple

from cascade import workflow as cs
from observatory.declaring import Benchmark, Experiment, Round
from observatory.keys import Key
from observatory.parts import Parts
from observatory.setting import Effort, Setting
from observatory.workloads.common import inline
from observatory.workloads.durable import has_own_store, new_run_id, url

STEPS: Final = "durability/steps_repeated"
INTERVAL_STEPS: Final = "durability/interval_steps_repeated"
INTERVAL_TIME: Final = "durability/interval_time_repeated"

SEED: Final = 20_261
LIFE_S: Final[dict[Effort, float]] = {"full": 0.4, "fast": 0.2, "smoke": 0.02}
"""How long a child lives at most after its first step: several intervals."""
STEPS_AFTERWARDS: Final = 10
PATIENCE_S: Final = 60.0
"""How long is waited for the first step of a child, or for a run that is held."""
POLL_S: Final = 0.001


class Line(NamedTuple):
    """What a step has appended: its number, and the time in seconds of a clock that all processes share."""

    number: int
    at_s: float


class Loss(NamedTuple):
    """What was done twice: how many steps, and the seconds from the oldest of them to the kill."""

    steps: int
    time_s: float


class Log:
    """The file that steps append to; in a child.

    Attributes:
        file: Its descriptor.
        steps: How many steps this process may still do; below 0 is any number.
    """

    file = -1
    steps = -1


@inline
def appended_step(n: int) -> int:
    """Append a line, and go on."""
    os.write(Log.file, f"{n} {time.monotonic()}\n".encode())
    Log.steps -= 1
    return n if Log.steps == 0 else appended_step(n + 1)


def run_child(order: dict[str, Any]) -> None:
    """Begin the run or go on with it; in a child."""
    setting = Setting(order["effort"], Parts(**order["parts"]))
    Log.file = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    Log.steps = order["steps"]
    give_up_at = time.monotonic() + PATIENCE_S
    with setting.engine(order["subject"]) as engine:
        while True:
            try:
                cs.run(appended_step(1), engine=engine, **order["options"])
            except cs.RunHeldError:
                if time.monotonic() > give_up_at:
                    raise
                time.sleep(0.1)
            else:
                return


CHILD: Final = (
    "import json, sys; from observatory.workloads import killed_loop as k; k.run_child(json.loads(sys.argv[1]))"
)
"""Not ``-m``: a durable run finds the task by its module, which must not be ``__main__``."""


@contextmanager
def child(order: dict[str, Any], words: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that follows an order. What it complains of is written to a file."""
    with words.open("wb") as complaints:
        process = subprocess.Popen([sys.executable, "-c", CHILD, json.dumps(order)], stderr=complaints)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def lines_of(log: Path) -> list[Line]:
    """The lines so far."""
    return [Line(int(number), float(at)) for number, at in map(str.split, log.read_text(encoding="ascii").splitlines())]


def loss(before: list[Line], killed_at_s: float, after: list[Line]) -> Loss:
    """What is done twice.

    Raises:
        AssertionError: A step was skipped.
    """
    for life in (before, after):
        for one, other in pairwise(life):
            if other.number != one.number + 1:
                raise AssertionError(f"after step {one.number} came step {other.number}")
    last, first = before[-1].number, after[0].number
    if not 1 <= first <= last + 1:
        raise AssertionError(f"after a kill at step {last} the run went on with step {first}")
    if first == last + 1:
        return Loss(0, 0.0)
    return Loss(last + 1 - first, killed_at_s - before[first - 1].at_s)


def kill_once(setting: Setting, subject: str, level: str, life_s: float) -> Loss:
    """Kill a run of its own, and go on with it."""
    with tempfile.TemporaryDirectory() as folder:
        log, words = Path(folder) / "log", Path(folder) / "words"
        options = {"run_id": new_run_id(), "durability": level}
        if not has_own_store(subject, setting):
            options["state"] = url(folder)
        order = asdict(setting) | {"subject": subject, "options": options, "log": str(log)}
        with child(order | {"steps": -1}, words) as first:
            give_up_at = time.monotonic() + PATIENCE_S
            while not (log.exists() and log.stat().st_size):
                if first.poll() is not None or time.monotonic() > give_up_at:
                    raise RuntimeError(f"the child did no step: {words.read_text(errors='replace')}")
                time.sleep(POLL_S)
            time.sleep(life_s)
            killed_at_s = time.monotonic()
        before = lines_of(log)
        with child(order | {"steps": STEPS_AFTERWARDS}, words) as second:
            if second.wait(2 * PATIENCE_S) != 0:
                raise RuntimeError(f"the run did not go on: {words.read_text(errors='replace')}")
        return loss(before, killed_at_s, lines_of(log)[len(before) :])


def measure(setting: Setting) -> Iterator[Round]:
    """One kill of each level and store."""
    moments = Random(SEED)
    while True:
        values: dict[Key, float] = {}
        for subject in setting.subjects:
            life_s = moments.uniform(0.0, LIFE_S[setting.effort])
            values[Key(STEPS, subject)] = kill_once(setting, subject, "step", life_s).steps
            lost = kill_once(setting, subject, "interval(50)", life_s)
            values[Key(INTERVAL_STEPS, subject)], values[Key(INTERVAL_TIME, subject)] = lost
        yield values


EXPERIMENT = Experiment(
    (
        Benchmark(STEPS, 'steps repeated after kill -9, durability="step"', "integer"),
        Benchmark(INTERVAL_STEPS, 'steps repeated after kill -9, durability="interval(50)"', "integer"),
        Benchmark(INTERVAL_TIME, "from the oldest of them to the kill"),
    ),
    measure,
)
