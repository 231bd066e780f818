"""A loop whose steps are chosen by a task: the traffic light, as a state machine.

Measured: a router in tail position whose selector is computed in the step, so that a decision is taken in its middle.
The floor creates the same lazy results and router, calls the same functions, and follows the chosen one by hand.
"""

from __future__ import annotations

from typing import Any

from cascade import workflow as cs
from observatory.timing import Workload, loop
from observatory.workloads.common import inline


@inline
def signal(n: int) -> str:
    """What the light shows at a time; it breaks down in the end."""
    return "off" if n <= 0 else ("green", "yellow", "red", "red")[n % 4]


@inline
def drive(n: int, driven: int) -> Any:
    """Green."""
    return look(n - 1, driven + 1)


@inline
def wait(n: int, driven: int) -> Any:
    """Yellow or red."""
    return look(n - 1, driven)


@inline
def stop(driven: int) -> int:
    """Off."""
    return driven


def look(n: int, driven: int) -> Any:
    """What comes next depends on the light."""
    waiting = wait(n, driven)
    routes = {"green": drive(n, driven), "yellow": waiting, "red": waiting, "off": stop(driven)}
    return cs.Router(signal(n), routes)


def answer(steps: int) -> int:
    """How often it is green."""
    return steps // 4


def floor(n: int) -> Any:
    """Create everything, follow one route."""
    shown, driven = signal.fn, 0
    look(n, driven)
    while (light := shown(n)) != "off":
        if light == "green":
            drive.fn(n, driven)
            driven += 1
        else:
            wait.fn(n, driven)
        n -= 1
    return stop.fn(driven)


EXPERIMENT = loop(
    "tco/state_machine",
    Workload(
        "a router whose selector is computed in each step; floor: creating everything and following one route by hand",
        call=lambda n: look(n, 0),
        answer=answer,
        floor=floor,
        interpreter=True,
    ),
)
