"""Loops of tail calls: what a step costs, as a ratio to the floor under it, both measured in this one process.

The floor of the simple loop is a hand-written trampoline over slotted thunks. The floor of a loop whose steps are
graphs is to create the same lazy results and to call the same bare functions, without any engine. Tasks are no-
ops, so that nothing but the engine is measured; they are inline, so that the figure does not depend on when
``auto`` finds them short.

Run it with ``python -m observatory.benchmarks.tco_performance``. Floor and workload take turns, so that a slow
moment of the machine hits both; every figure is a median. The answer of every workload is checked before it is
timed."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any, Final, NamedTuple

from cascade import workflow as cs
from observatory.figures import Figure
from observatory.floors import Decorated, trampoline

ROUNDS: Final = 9
SIMPLE_STEPS: Final = 300_000
GRAPH_STEPS: Final = 30_000
CHAIN: Final = 11

inline = cs.task(mode="inline")


@inline
def noop(x: int) -> int:
    """Do nothing."""
    return x


@inline
def simple_countdown(n: int) -> str:
    """One task a step."""
    return "done" if n <= 0 else simple_countdown(n - 1)


@Decorated
def floor_countdown(n: int) -> Any:
    """The same for the trampoline."""
    return "done" if n <= 0 else floor_countdown(n - 1)


@inline
def complex_countdown(n: int, _x: int = 0) -> str:
    """One no-op task nested into each step."""
    return "done" if n <= 0 else complex_countdown(n - 1, noop(n))


@inline
def heavy_complex_countdown(n: int, _x: int = 0) -> str:
    """A chain of eleven no-op tasks in each step: twelve nodes."""
    if n <= 0:
        return "done"
    x = noop(n)
    for _ in range(CHAIN - 1):
        x = noop(x)
    return heavy_complex_countdown(n - 1, x)


@inline
def shift(x: int, by: int) -> int:
    """Add."""
    return x + by


@inline
def changing_literals(n: int, _x: int = 0) -> str:
    """As heavy, with a literal in every nested call that is another one in each step."""
    if n <= 0:
        return "done"
    x = shift(n, n)
    for k in range(CHAIN - 1):
        x = shift(x, n + k)
    return changing_literals(n - 1, x)


@inline
def first(n: int) -> str:
    """One of three tasks that call each other, with steps of different shapes."""
    return "done" if n <= 0 else second(noop(n - 1), noop(n))


@inline
def second(n: int, _x: int) -> str:
    """The second of the three."""
    return "done" if n <= 0 else third(noop(noop(n - 1)))


@inline
def third(n: int) -> str:
    """The last of the three."""
    return "done" if n <= 0 else first(n - 1)


class Workload(NamedTuple):
    """A loop and what is under it.

    Attributes:
        name: What is measured.
        loop: The call that begins it.
        floor: The same work without an engine.
        steps: Steps of one round.
        bar: What the ratio may be at most.
    """

    name: str
    loop: Callable[[int], str]
    floor: Callable[[int], object]
    steps: int
    bar: float | None


def bare_steps(task: Any, *arguments: Callable[[int], tuple[Any, ...]]) -> Callable[[int], object]:
    """The floor of a loop whose steps are graphs: the body creates the lazy results, and each function is called."""
    body = task.fn

    def run(n: int) -> object:
        value: object = None
        while n >= 0:
            value = body(n)
            for nested in arguments:
                function, *values = nested(n)
                function(*values)
            n -= 1
        return value

    return run


def chain_floor(task: Any, nested: Any, *more: int) -> Callable[[int], object]:
    """The floor of a loop with a chain of nested calls in each step."""
    body, function = task.fn, nested.fn

    def run(n: int) -> object:
        value: object = None
        while n >= 0:
            value = body(n)
            for _ in range(CHAIN):
                function(n, *more)
            n -= 1
        return value

    return run


def mutual_floor(n: int) -> object:
    """The floor of the three tasks."""
    value: object = None
    a, b, c, nothing = (task.fn for task in (first, second, third, noop))
    while n > 0:
        value = a(n)
        nothing(n)
        nothing(n)
        value = b(n - 1, n)
        nothing(n)
        nothing(n)
        value = c(n - 2)
        n -= 3
    return value


WORKLOADS: Final = (
    Workload(
        "simple_countdown / trampoline",
        simple_countdown,
        lambda n: trampoline(floor_countdown(n)),
        SIMPLE_STEPS,
        1.15,
    ),
    Workload(
        "complex_countdown / creation and calls",
        complex_countdown,
        bare_steps(complex_countdown, lambda n: (noop.fn, n)),
        GRAPH_STEPS,
        None,
    ),
    Workload(
        "heavy_complex_countdown / creation and calls",
        heavy_complex_countdown,
        chain_floor(heavy_complex_countdown, noop),
        GRAPH_STEPS,
        1.5,
    ),
    Workload(
        "changing_literals / creation and calls",
        changing_literals,
        chain_floor(changing_literals, shift, 1),
        GRAPH_STEPS,
        1.6,
    ),
    Workload("mutual recursion / creation and calls", first, mutual_floor, GRAPH_STEPS, 1.6),
)


def measure(workload: Workload, engine: cs.Engine) -> list[Figure]:
    """The ratio of a workload to its floor, and its steps a second."""
    if cs.run(workload.loop(100), engine=engine) != "done":
        raise AssertionError(f"{workload.name} gave a wrong answer")
    ratios, rates = [], []
    for _ in range(ROUNDS):
        floor_s = seconds(workload.floor, workload.steps)
        loop_s = seconds(lambda steps: cs.run(workload.loop(steps), engine=engine), workload.steps)
        ratios.append(loop_s / floor_s)
        rates.append(workload.steps / loop_s)
    return [
        Figure(workload.name, median(ratios), "x", workload.bar),
        Figure("    steps a second", median(rates), "/s", None),
    ]


def seconds(work: Callable[[int], object], steps: int) -> float:
    """How long a round takes."""
    began = perf_counter()
    work(steps)
    return perf_counter() - began


def main() -> None:
    """Measure and print everything."""
    with cs.Engine() as engine:
        for workload in WORKLOADS:
            for figure in measure(workload, engine):
                print(figure, flush=True)


if __name__ == "__main__":
    main()
