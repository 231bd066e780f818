"""Programs that are killed. Each effect is one line in a log, written at once: name, number, CPU time so far."""

from __future__ import annotations

import os
import random
import time
from typing import Any

from cascade import workflow as cs

LOG = -1
"""The open log."""


def effect(name: str, number: int) -> None:
    """Write a line; lines of one process never mix."""
    os.write(LOG, f"{name} {number} {time.process_time()}\n".encode())


@cs.task(mode="inline")
def tick(n: int) -> int:
    """A step of a hot loop."""
    effect("step", n)
    return tick(n + 1)


@cs.task(mode="inline")
def bump(n: int) -> int:
    """Part of a step."""
    return n + 1


@cs.task(mode="inline")
def climb(n: int, state: dict[str, list[int]]) -> int:
    """A step with a nested call and a state that grows, shrinks, and is changed in place."""
    effect("step", n)
    state["seen"].append(n)
    del state["seen"][:-5]
    return climb(bump(n), state)


@cs.task
async def wait(n: int) -> int:
    """A step that awaits now and then."""
    effect("step", n)
    if n % 7 == 0:
        import asyncio

        await asyncio.sleep(0.001)
    return wait(n + 1)


@cs.task(mode="thread")
def slow(step: int, n: int) -> int:
    """A node that takes some milliseconds, and says when it begins and ends."""
    effect("begin", step * 100 + n)
    time.sleep(0.002 + 0.02 * random.Random(step * 100 + n).random())
    effect("end", step * 100 + n)
    return n


@cs.task(mode="inline")
def together(step: int, first: list[int], second: int) -> int:
    """A step of slow nodes."""
    effect("step", step)
    return together(step + 1, [slow(step, n) for n in range(5)], slow(step, bump(slow(step, 5))))


@cs.task(mode="thread")
def item(step: int, n: int) -> int:
    """An item of a map that is a loop of two steps."""
    effect("begin", step * 100 + n)
    time.sleep(0.004)
    return item_end(step, n)


@cs.task(mode="thread")
def item_end(step: int, n: int) -> int:
    """The second step of the item."""
    time.sleep(0.004)
    effect("end", step * 100 + n)
    return n


@cs.task(mode="inline")
def mapped(step: int, parts: list[int]) -> int:
    """A step with a map of slow items."""
    effect("step", step)
    return mapped(step + 1, item.map(cs.literal(step), list(range(12)), max_in_flight=3))


TARGETS: dict[str, Any] = {
    "tick": lambda: tick(1),
    "climb": lambda: climb(1, {"seen": []}),
    "wait": lambda: wait(1),
    "together": lambda: together(1, [], 0),
    "mapped": lambda: mapped(1, []),
}
