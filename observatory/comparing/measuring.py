"""Doing a workload of a peer, and measuring it: what `observatory.comparing.worker` runs.

It prints one line of JSON, ``{"values": [...], "size": …, "version": …, "python": …}`` or ``{"cannot": "why", …}``.
What the engine itself prints goes to stderr.

The answer of a small run is checked first, then that of one of full size, which is not timed. Garbage is collected
before each sample, and the collector stays on, as users have it.
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
from typing import Any, Final, TextIO

from observatory.comparing.peer import Cannot, CannotError, Peer, Work
from observatory.comparing.workloads import WORKLOADS, Workload

CHECKED_SIZE: Final = 20
LEAST_SIZE: Final = 10
LEAST_SAMPLES: Final = 3

STATM: Final = Path("/proc/self/statm")
MEMORY_INTERVAL_S: Final = 0.005
MEMORY_SAMPLES: Final = 10
WARM_UP: Final = 0.3
"""The first part of a loop whose memory is watched that does not count."""


class WrongAnswerError(AssertionError):
    """A peer gave a wrong answer, so there is nothing to time."""


class Meter:
    """Measures the work of one workload."""

    def __init__(self, workload: Workload, runner: asyncio.Runner) -> None:
        self.workload = workload
        self._runner = runner

    def check(self, work: Work, size: int) -> None:
        """Do the work and compare its answer.

        Raises:
            WrongAnswerError: It is wrong.
        """
        found, expected = self._do(work), self.workload.answer(size)
        if found != expected:
            raise WrongAnswerError(f"{self.workload.name} gave {found!r:.100} for size {size}; expected {expected!r}")

    def times(self, work: Work, size: int, samples: int, budget_s: float) -> list[float]:
        """Seconds of a step, as often as there is time for, though not less than a few times."""
        values: list[float] = []
        end = perf_counter() + budget_s
        while len(values) < samples and (len(values) < LEAST_SAMPLES or perf_counter() < end):
            gc.collect()
            began = perf_counter()
            self._do(work)
            values.append((perf_counter() - began) / size)
        return values

    def growth(self, work: Work, size: int) -> float:
        """Bytes that a step leaves behind: the slope of a line through the resident memory over time.

        The steps are taken to be evenly long, so that the engine need not be asked how far it is. A loop that is over
        before it could be watched counts as flat: only a smoke test has such a one.

        Raises:
            CannotError: The system does not tell how much there is.
        """
        if not STATM.exists():
            raise CannotError(f"there is no {STATM} here, which tells the resident memory")
        gc.collect()
        with MemoryWatch() as watch:
            began = perf_counter()
            self._do(work)
            ended = perf_counter()
        first = began + (ended - began) * WARM_UP
        kept = [(at, rss) for at, rss in watch.samples if first <= at <= ended]
        if len(kept) < MEMORY_SAMPLES:
            return 0.0
        slope = linear_regression([at for at, _ in kept], [rss for _, rss in kept]).slope
        return max(0.0, slope * (ended - began) / size)

    def _do(self, work: Work) -> Any:
        found = work()
        return self._runner.run(_value_of(found)) if isawaitable(found) else found


class MemoryWatch:
    """Looks at the resident memory of this process from a thread."""

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
        page_bytes = os.sysconf("SC_PAGE_SIZE")
        with STATM.open(encoding="ascii") as statm:
            while not self._stop.wait(MEMORY_INTERVAL_S):
                statm.seek(0)
                self.samples.append((perf_counter(), int(statm.read().split()[1]) * page_bytes))


async def _value_of(awaitable: Any) -> Any:
    return await awaitable


def load(file: Path) -> Peer:
    """The peer that a file declares.

    Raises:
        ImportError: It is no Python file.
    """
    name = f"observatory.peers.{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is no Python file")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    peer: Peer = module.PEER
    return peer


def measure(peer: Peer, workload: Workload, samples: int, budget_s: float, divisor: int) -> dict[str, Any]:
    """The result of one workload of one peer.

    Args:
        peer: The engine.
        workload: What it is to do.
        samples: How many values to take at most.
        budget_s: After so many seconds no more are taken.
        divisor: The size is divided by this.
    """
    about = {"version": importlib.metadata.version(peer.distribution), "python": platform.python_version()}
    way = peer.workloads[workload.name]
    if isinstance(way, Cannot):
        return {"cannot": way.why, **about}
    size = max(way.size // divisor, min(way.size, LEAST_SIZE))
    small = min(size, CHECKED_SIZE)
    try:
        with peer.session(), asyncio.Runner() as runner:
            meter = Meter(workload, runner)
            meter.check(way.prepare(small), small)
            work = way.prepare(size)
            if workload.is_memory:
                values = [meter.growth(work, size)]
            else:
                meter.check(work, size)
                values = meter.times(work, size, samples, budget_s)
    except CannotError as error:
        return {"cannot": str(error), **about}
    return {"values": values, "size": size, **about}


def main(peer_file: str, workload: str, samples: str, budget_s: str, divisor: str) -> None:
    """Measure, and print the result."""
    results = _reserve_stdout()
    result = measure(load(Path(peer_file)), WORKLOADS[workload], int(samples), float(budget_s), int(divisor))
    print(json.dumps({"workload": workload, **result}), file=results, flush=True)


def _reserve_stdout() -> TextIO:
    """The stream for results; whatever anybody else prints goes to stderr from here on."""
    results = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return results
