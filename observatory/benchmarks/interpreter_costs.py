"""What the interpreter costs, as ratios and per node, each measured in this one process.

Measured: creating a lazy result against the smallest thing that could do the job (a slotted object made by a decorator
object's ``__call__``); the whole way of a no-op node from call to result, in a fan-out and in a chain, at growing
sizes; and importing the facade. Not measured: what tasks do, and loops (the structural JIT has figures of its own).

Run it with ``python -m observatory.benchmarks.interpreter_costs``. Every figure is the median of several rounds, and
the machine should be quiet. The answer of every workload is checked before it is timed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Final

import cascade
from cascade import workflow as cs
from observatory.figures import Figure
from observatory.floors import Decorated

ROUNDS: Final = 7
CREATIONS: Final = 200_000
SIZES: Final = (1_000, 10_000, 100_000)

CREATION_BAR: Final = 1.3
NODE_BAR_US: Final = 10.0
GROWTH_BAR: Final = 1.5
IMPORT_BAR_MS: Final = 100.0


def _nothing(*_values: int) -> int:
    return 1


noop = cs.task(mode="inline")(_nothing)


def fan_out(size: int) -> int:
    """One node that takes the values of ``size`` others."""
    return noop(*[noop(number) for number in range(size)])


def chain(size: int) -> int:
    """``size`` nodes, each of which takes the value of the one before."""
    call = noop()
    for _ in range(size):
        call = noop(call)
    return call


def creation_ratio() -> Figure:
    """Creating a lazy result, against the floor."""
    floor = Decorated(_nothing)

    def seconds(create: Callable[[int], object]) -> float:
        began = perf_counter()
        for _ in range(CREATIONS):
            create(1)
        return perf_counter() - began

    # The two are interleaved, so that a slow moment of the machine hits both.
    ratios = [seconds(noop) / seconds(floor) for _ in range(ROUNDS)]
    return Figure("create one lazy result", median(ratios), "x", CREATION_BAR)


def node_costs(name: str, build: Callable[[int], int], bar_at: int) -> list[Figure]:
    """From call to result, per node, at each size; and how the cost grows."""
    costs: dict[int, list[float]] = {size: [] for size in SIZES}
    if cs.run(build(10)) != 1:
        raise AssertionError(f"{name} gave a wrong answer")
    for _ in range(ROUNDS):
        for size in SIZES:
            began = perf_counter()
            cs.run(build(size))
            costs[size].append((perf_counter() - began) / size * 1e6)
    medians = {size: median(values) for size, values in costs.items()}
    figures = [
        Figure(f"{name} of {size:,}, per node", cost, "us", NODE_BAR_US if size == bar_at else None)
        for size, cost in medians.items()
    ]
    growth = medians[SIZES[-1]] / medians[SIZES[0]]
    return [*figures, Figure(f"{name}, {SIZES[-1]:,} against {SIZES[0]:,}", growth, "x", GROWTH_BAR)]


def import_time() -> Figure:
    """Importing the facade in a new process, without the start of Python.

    The portions of the namespace are laid into one folder, as an installation of the wheels does: in an editable
    installation every import looks through five folders, which users never have.
    """
    with tempfile.TemporaryDirectory() as folder:
        for portion in cascade.__path__:
            shutil.copytree(portion, Path(folder) / "cascade", dirs_exist_ok=True)
        environment = os.environ | {"PYTHONPATH": folder}

        def seconds(program: str) -> float:
            began = perf_counter()
            subprocess.run([sys.executable, "-c", program], check=True, env=environment)
            return perf_counter() - began

        seconds("import cascade.workflow")  # compiles
        rounds = [seconds("import cascade.workflow") - seconds("pass") for _ in range(ROUNDS)]
    return Figure("import cascade.workflow", median(rounds) * 1e3, "ms", IMPORT_BAR_MS)


def main() -> None:
    """Measure and print everything."""
    print(creation_ratio(), flush=True)
    for figure in (*node_costs("fan-out", fan_out, 10_000), *node_costs("chain", chain, 100_000)):
        print(figure, flush=True)
    print(import_time(), flush=True)


if __name__ == "__main__":
    main()
