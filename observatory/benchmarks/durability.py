"""Durable loops: what a step costs, as a ratio to the floor under it, both measured in this one process.

The floor of level ``step`` is a bare loop of `sqlite3` that updates one row a step and commits (WAL, synchronous
NORMAL, all else as SQLite has it). The floor of level ``interval`` is the same Cascade loop in memory. Floor and
workload take turns on the same disk, so that a slow moment of the machine hits both; every figure is a median. The size
of the store is that of all its files when the run has ended and the file is closed.

Run it with ``python -m observatory.benchmarks.durability``.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Final, NamedTuple

from cascade import workflow as cs

ROUNDS: Final = 7
COMMITTED_STEPS: Final = 20_000
INTERVAL_STEPS: Final = 400_000
FEW_STEPS: Final = 1_000
MANY_STEPS: Final = 1_000_000


class Figure(NamedTuple):
    """One measured number, with what it may be at most; ``None`` where there is no bar."""

    name: str
    value: float
    unit: str
    bar: float | None

    def __str__(self) -> str:
        verdict = "" if self.bar is None else f"  at most {self.bar:g}: {'pass' if self.value <= self.bar else 'SHORT'}"
        return f"{self.name:<44} {self.value:9.2f} {self.unit:<3}{verdict}"


@cs.task(mode="inline")
def countdown(n: int, _note: str = "") -> str:
    """A loop with a counter and a short text."""
    return "done" if n <= 0 else countdown(n - 1, "a state of twenty letters")


@contextmanager
def database() -> Iterator[Path]:
    """The path of a database that is not there yet."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "runs.db"


def bare_commits(steps: int) -> float:
    """Seconds of a bare loop of SQLite that commits one row a step."""
    with database() as file:
        connection = sqlite3.connect(file)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("CREATE TABLE state (id INTEGER PRIMARY KEY, step INTEGER, data TEXT)")
        connection.execute("INSERT INTO state VALUES (1, 0, '')")
        connection.commit()
        began = perf_counter()
        for step in range(steps):
            connection.execute("UPDATE state SET step = ?, data = ? WHERE id = 1", (step, "a state of twenty letters"))
            connection.commit()
        elapsed_s = perf_counter() - began
        connection.close()
        return elapsed_s


def durable(engine: cs.Engine, steps: int, level: str, state: Path | None) -> float:
    """Seconds of a loop of Cascade, durable if there is a file for it."""
    began = perf_counter()
    url = None if state is None else f"sqlite:///{state}"
    value = cs.run(countdown(steps), engine=engine, run_id="r1", state=url, durability=level)
    elapsed_s = perf_counter() - began
    if value != "done":
        raise AssertionError(f"the loop gave {value!r}")
    return elapsed_s


def measure(engine: cs.Engine) -> Iterator[Figure]:
    """The ratios and the sizes."""
    ratios, rates = [], []
    for _ in range(ROUNDS):
        floor_s = bare_commits(COMMITTED_STEPS)
        with database() as file:
            loop_s = durable(engine, COMMITTED_STEPS, "step", file)
        ratios.append(loop_s / floor_s)
        rates.append(COMMITTED_STEPS / loop_s)
    yield Figure("durability=step / bare sqlite3 commits", median(ratios), "x", 2.0)
    yield Figure("    steps a second", median(rates), "/s", None)
    ratios, rates = [], []
    for _ in range(ROUNDS):
        floor_s = durable(engine, INTERVAL_STEPS, "interval", None)
        with database() as file:
            loop_s = durable(engine, INTERVAL_STEPS, "interval(50)", file)
        ratios.append(loop_s / floor_s)
        rates.append(INTERVAL_STEPS / loop_s)
    yield Figure("durability=interval(50) / in memory", median(ratios), "x", 2.0)
    yield Figure("    steps a second", median(rates), "/s", None)
    sizes = []
    for steps in (FEW_STEPS, MANY_STEPS):
        with database() as file:
            durable(engine, steps, "interval(50)", file)
            sizes.append(sum(part.stat().st_size for part in file.parent.iterdir()))
    yield Figure(f"store size after {MANY_STEPS:,} steps / {FEW_STEPS:,}", sizes[1] / sizes[0], "x", 1.1)
    yield Figure("    bytes", sizes[1], "B", None)


def main() -> None:
    """Measure and print everything."""
    with cs.Engine() as engine:
        durable(engine, 1_000, "step", None)  # compiles the loop
        for figure in measure(engine):
            print(figure, flush=True)


if __name__ == "__main__":
    main()
