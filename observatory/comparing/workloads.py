"""The workloads of comparisons: the same meaning for every engine.

All tasks are no-ops or nearly, so that nothing but the engine is measured. A value is the time of one step, node or
run, so that each engine can do as many of them as it manages in a fraction of a second; what a run costs once is
spread over them. ``memory`` is the exception: it is what a step of the first loop leaves behind.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, NamedTuple

CHAIN: Final = 11
"""How many tasks the chain in a step of ``CHAIN_LOOP`` has."""


class Workload(NamedTuple):
    """What an engine is asked to do.

    Attributes:
        name: The name of the benchmark.
        about: What is done, and what one value is.
        answer: What comes out of so many steps.
        measure: Seconds for a step, or bytes that a step leaves behind.
    """

    name: str
    about: str
    answer: Callable[[int], int]
    measure: Literal["time", "memory"] = "time"


def _zero(_size: int) -> int:
    return 0


SIMPLE_LOOP: Final = "simple_loop"
CHAIN_LOOP: Final = "chain_loop"
ASYNC_LOOP: Final = "async_loop"
FAN_OUT: Final = "fan_out"
DEEP_CHAIN: Final = "chain"
ONE_TASK: Final = "one_task"
DURABLE_LOOP: Final = "durable_loop"
MEMORY: Final = "memory"

WORKLOADS: Final = {
    workload.name: workload
    for workload in (
        Workload(SIMPLE_LOOP, "counting down to 0, one task a step; a step", _zero),
        Workload(CHAIN_LOOP, f"counting down, with a chain of {CHAIN} no-op tasks in each step; a step", _zero),
        Workload(ASYNC_LOOP, "counting down, with two awaiting tasks side by side in each step; a step", _zero),
        Workload(FAN_OUT, "no-op tasks side by side and one that sums what they gave; a task", lambda n: n * (n - 1) // 2),
        Workload(DEEP_CHAIN, "no-op tasks, each of which takes the value of the one before; a task", _zero),
        Workload(ONE_TASK, "a run of one task; a run", lambda n: n),
        Workload(DURABLE_LOOP, "counting down, each step committed to a file before the next begins; a step", _zero),
        Workload(MEMORY, "what a step of simple_loop adds to the resident memory, while it runs", _zero, "memory"),
    )
}

__all__ = [
    "ASYNC_LOOP",
    "CHAIN",
    "CHAIN_LOOP",
    "DEEP_CHAIN",
    "DURABLE_LOOP",
    "FAN_OUT",
    "MEMORY",
    "ONE_TASK",
    "SIMPLE_LOOP",
    "WORKLOADS",
    "Workload",
]
