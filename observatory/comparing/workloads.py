"""The workloads of comparisons: the same meaning for every engine.

All tasks are no-ops or nearly, so that nothing but the engine is measured. A value is the time of one step, task or
run, so that each engine can do as many of them as it manages in a fraction of a second; what a run costs once is
spread over them. ``MEMORY`` is the exception: it is what a step of the first loop leaves behind.

Where our own suites measure the same, the benchmark has the same name. The graphs and the memory have names of their
own: in our suites a size belongs to the name, and here every engine has a size that it can do.

There are two durable loops, because SQLite has two ways to commit in WAL mode, which differ more than engines do:
``synchronous=NORMAL`` leaves it to the system when the disk is written, ``synchronous=FULL`` waits for the disk in
every commit. Every engine does both, whichever it would do by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

CHAIN: Final = 11
"""How many tasks the chain in a step of ``CHAIN_LOOP`` has."""


class Workload(NamedTuple):
    """What an engine is asked to do.

    Attributes:
        name: The name of the benchmark.
        about: What is done, and what one value is of.
        answer: What comes out of so many steps.
        is_memory: Whether a value is bytes that a step leaves behind, and not seconds.
    """

    name: str
    about: str
    answer: Callable[[int], int]
    is_memory: bool = False

    @property
    def label(self) -> str:
        """The last part of the name."""
        return self.name.rpartition("/")[2]


def _zero(_size: int) -> int:
    return 0


SIMPLE_LOOP: Final = "tco/simple_countdown"
CHAIN_LOOP: Final = "tco/heavy_complex_countdown"
ASYNC_LOOP: Final = "tco/parallel_step"
FAN_OUT: Final = "peers/fan_out"
DEEP_CHAIN: Final = "peers/chain"
ONE_TASK: Final = "runs/one_task"
DURABLE_LOOP: Final = "peers/durable_loop"
FLUSHED_LOOP: Final = "peers/flushed_loop"
MEMORY: Final = "peers/memory"

WORKLOADS: Final = {
    workload.name: workload
    for workload in (
        Workload(SIMPLE_LOOP, "a step of counting down to 0, one task a step", _zero),
        Workload(CHAIN_LOOP, f"a step of counting down, with a chain of {CHAIN} no-op tasks in it", _zero),
        Workload(ASYNC_LOOP, "a step of counting down, with two awaiting tasks at once in it", _zero),
        Workload(FAN_OUT, "a no-op task of many at once, whose values one task sums", lambda n: n * (n - 1) // 2),
        Workload(DEEP_CHAIN, "a no-op task of many, each of which takes the value of the one before", _zero),
        Workload(ONE_TASK, "a run of one task", lambda n: n),
        Workload(DURABLE_LOOP, "a step of counting down, committed to a file so that it survives a kill", _zero),
        Workload(FLUSHED_LOOP, "a step of counting down, committed so that it survives a loss of power, too", _zero),
        Workload(MEMORY, "what a step of simple_countdown leaves in the memory while the loop runs", _zero, True),
    )
}

__all__ = [
    "ASYNC_LOOP",
    "CHAIN",
    "CHAIN_LOOP",
    "DEEP_CHAIN",
    "DURABLE_LOOP",
    "FAN_OUT",
    "FLUSHED_LOOP",
    "MEMORY",
    "ONE_TASK",
    "SIMPLE_LOOP",
    "WORKLOADS",
    "Workload",
]
