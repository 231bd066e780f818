"""What is held by gates: the counts of the loops and graphs of the suites, and of a loop over a cache."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from statistics import linear_regression
from typing import Any, Final, NamedTuple

from cascade import workflow as cs
from cascade.adapters.executors.local import LocalExecutor
from observatory.benchmarks import graphs, tco_performance
from observatory.declaring import Suite
from observatory.gates.counting import allocations, calls, per_step
from observatory.timing import Timed, Work, on
from observatory.workloads import unbalanced
from observatory.workloads.common import inline

WARM_STEPS: Final = 200
STEPS: Final = 50
ALLOCATION_CALLS: Final = 1_500
"""Function calls in which allocations are counted: looking at the blocks is slow."""
SIZES: Final = (100, 400, 1_600)
"""Sizes of graphs between which the exponents are taken."""
CACHED_CALLS: Final = 60
CACHED_KEYS: Final = 10
THROWN_AWAY: Final = ("evicted", "left", "dropped")
"""What may come of compiled loops that were compiled in vain."""


class Count(NamedTuple):
    """A count to be held.

    Attributes:
        name: What is counted.
        value: The count.
        margin: How much more is still no fault, as a part of the count: a slow machine takes more turns of its event
            loop for the same work.
        slack: How much more is still no fault, whatever the count.
    """

    name: str
    value: float
    margin: float = 0.0
    slack: float = 0.0


def counts() -> Iterator[Count]:
    """Count everything."""
    for name, experiment in _timed(tco_performance.SUITE):
        if experiment.benchmarks[0].series is None:
            yield from _of_loop(name, experiment)
    for name, experiment in _timed(graphs.SUITE):
        if name != unbalanced.EXPERIMENT.name:  # which waits
            yield _of_graph(name, experiment)
    yield Count("cache: misses of 60 calls with 10 arguments", _cache_misses())


def quiet_engine() -> cs.Engine:
    """An engine that never finds an inline call slow, so that a busy machine cannot change what is counted."""
    return cs.Engine(executor=LocalExecutor(inline_limit_s=3600), jit=True)


def _timed(suite: Suite) -> Iterator[tuple[str, Timed]]:
    for experiment in suite.experiments:
        if isinstance(experiment, Timed):
            yield experiment.name, experiment


def _of_loop(name: str, experiment: Timed) -> Iterator[Count]:
    with quiet_engine() as engine:
        work = on(engine, experiment.workload.call)
        for _ in range(2):
            work(WARM_STEPS)
        called = per_step(calls, work, STEPS)
        yield Count(f"{name}: function calls a step", called, margin=0.1, slack=0.5)
        steps = max(10, math.ceil(ALLOCATION_CALLS / max(called, 1)))
        allocated = per_step(allocations, work, steps)
        yield Count(f"{name}: allocations a step", allocated, margin=1.0, slack=2)
        outcomes = statistics(engine)
        yield Count(f"{name}: compilations", outcomes["compiled"], slack=2)
        yield Count(f"{name}: compiled in vain", sum(outcomes[outcome] for outcome in THROWN_AWAY))


def _of_graph(name: str, experiment: Timed) -> Count:
    with quiet_engine() as engine:
        work = on(engine, experiment.workload.call)
        work(SIZES[0])
        return Count(f"{name}: exponent of function calls", _exponent(work), slack=0.02)


def _exponent(work: Work) -> float:
    logs = [math.log(calls(work, size)) for size in SIZES]
    return linear_regression([math.log(size) for size in SIZES], logs).slope


def statistics(engine: cs.Engine) -> Counter[str]:
    """What came of the engine's compiled loops."""
    cycles = engine.cycles
    found: Counter[str] = Counter() if cycles is None else cycles.statistics
    return found


def _cache_misses() -> int:
    ran = 0
    cache = cs.MemoryCache()

    @inline
    def square(x: int) -> int:
        nonlocal ran
        ran += 1
        return x * x

    cached: Any = square.with_cache(cache)

    @inline
    def loop(n: int, _value: int = 0) -> str:
        return "done" if n <= 0 else loop(n - 1, cached(n % CACHED_KEYS))

    with quiet_engine() as engine:
        cs.run(loop(CACHED_CALLS), engine=engine)
    return ran


__all__ = ["Count", "counts", "quiet_engine", "statistics"]
