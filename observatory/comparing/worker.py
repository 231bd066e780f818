"""What runs in a peer's environment: one workload of one peer, in a process of its own.

    python -P worker.py PEER_FILE WORKLOAD SAMPLES BUDGET_S DIVISOR

It is run by its path, and only makes ``observatory`` known as the folder in which it lies: installing the observatory
there would bring Cascade and its dependencies along. For the same reason it uses the standard library only.

It prints lines of JSON, the last of which is the result: ``{"values": [...], "version": …, …}``, or
``{"cannot": "why"}``. What the engine itself prints goes to stderr.

The answer of a small run is checked first, then that of one of full size, which is not timed. Garbage is collected
before each sample, and collecting stays on, as users have it.
"""

from __future__ import annotations

import asyncio
import gc
import importlib.metadata
import importlib.util
import json
import os
import platform
import sys
import threading
from inspect import isawaitable
from pathlib import Path
from statistics import linear_regression
from time import perf_counter
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, TextIO

if TYPE_CHECKING:
    from observatory.comparing.peer import Peer, Work
    from observatory.comparing.workloads import Workload

CHECKED_SIZE: Final = 20
LEAST_SIZE: Final = 10
LEAST_SAMPLES: Final = 3
MEMORY_INTERVAL_S: Final = 0.005
WARM_UP: Final = 0.3
"""The first part of a loop whose memory is watched that does not count."""


class WrongAnswerError(AssertionError):
    """A peer gave a wrong answer, so there is nothing to time."""


class Worker:
    """Does the work of one workload and measures it."""

    def __init__(self, workload: Workload, runner: asyncio.Runner) -> None:
        self.workload = workload
        self._runner = runner

    def answer(self, work: Work, size: int) -> None:
        """Do the work and check what comes out.

        Raises:
            WrongAnswerError: It is wrong.
        """
        found, expected = self.do(work), self.workload.answer(size)
        if found != expected:
            raise WrongAnswerError(f"{self.workload.name} gave {found!r:.100} for size {size}; expected {expected!r}")

    def do(self, work: Work) -> Any:
        """Do the work once."""
        found = work()
        return self._runner.run(_value_of(found)) if isawaitable(found) else found

    def times(self, work: Work, size: int, samples: int, budget_s: float) -> list[float]:
        """Seconds for a step, as often as there is time for."""
        values: list[float] = []
        end = perf_counter() + budget_s
        while len(values) < samples and (len(values) < LEAST_SAMPLES or perf_counter() < end):
            gc.collect()
            began = perf_counter()
            self.do(work)
            values.append((perf_counter() - began) / size)
        return values

    def growth(self, work: Work, size: int) -> float:
        """Bytes by which a step lets the resident memory grow: a line laid through what it is from time to time.

        The steps are taken to be evenly long, so that the engine need not be asked how far it is.
        """
        gc.collect()
        with MemoryWatch() as watch:
            began = perf_counter()
            self.do(work)
            ended = perf_counter()
        first = began + (ended - began) * WARM_UP
        kept = [(at, rss) for at, rss in watch.samples if first <= at <= ended]
        if len(kept) < 10:
            raise WrongAnswerError(f"{self.workload.name}: {size} steps took {ended - began:.3f} s, too short to see growth")
        slope = linear_regression([at for at, _ in kept], [rss for _, rss in kept]).slope
        return slope * (ended - began) / size


class MemoryWatch:
    """Looks at the resident memory of this process, from a thread."""

    def __init__(self) -> None:
        self.samples: list[tuple[float, int]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> MemoryWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        page = os.sysconf("SC_PAGE_SIZE")
        with Path("/proc/self/statm").open(encoding="ascii") as statm:
            while not self._stop.wait(MEMORY_INTERVAL_S):
                statm.seek(0)
                self.samples.append((perf_counter(), int(statm.read().split()[1]) * page))


async def _value_of(awaitable: Any) -> Any:
    return await awaitable


def load(file: Path) -> Peer:
    """The peer that a file declares."""
    name = f"observatory.peers.{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is no Python file")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    peer: Peer = module.PEER
    return peer


def know_the_observatory() -> None:
    """Let ``observatory.…`` be imported from the folder of this file, without anything that lies beside that folder."""
    if "observatory" not in sys.modules:
        package = sys.modules["observatory"] = ModuleType("observatory")
        package.__path__ = [str(Path(__file__).resolve().parents[1])]


def measure(peer: Peer, workload: Workload, samples: int, budget_s: float, divisor: int) -> dict[str, Any]:
    """The result of one workload of one peer."""
    from observatory.comparing.peer import Cannot, CannotError

    version = importlib.metadata.version(peer.distribution)
    way = peer.workloads[workload.name]
    if isinstance(way, Cannot):
        return {"cannot": way.why, "version": version}
    size = max(way.size // divisor, min(way.size, LEAST_SIZE))
    checked = min(size, CHECKED_SIZE)
    try:
        with peer.session(), asyncio.Runner() as runner:
            worker = Worker(workload, runner)
            worker.answer(way.prepare(checked), checked)
            work = way.prepare(size)
            if workload.measure == "memory":
                values = [worker.growth(work, size)]
            else:
                worker.answer(work, size)
                values = worker.times(work, size, samples, budget_s)
    except CannotError as error:
        return {"cannot": str(error), "version": version}
    return {"values": values, "size": size, "version": version, "python": platform.python_version()}


def reserve_stdout() -> TextIO:
    """The stream for results; whatever anybody else prints goes to stderr from here on."""
    results = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return results


def main(peer_file: str, workload: str, samples: str, budget_s: str, divisor: str) -> None:
    """Measure, and print the result."""
    results = reserve_stdout()
    know_the_observatory()
    from observatory.comparing.workloads import WORKLOADS

    result = measure(load(Path(peer_file)), WORKLOADS[workload], int(samples), float(budget_s), int(divisor))
    print(json.dumps({"workload": workload, **result}), file=results, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
