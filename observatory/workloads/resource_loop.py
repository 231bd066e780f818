"""A loop whose task has a resource injected that is open for the whole run.

Measured: a step with the resource, against the same loop without it. Not measured: opening and closing, which is paid
once a run.
"""

from __future__ import annotations

from collections.abc import Iterator

from cascade import workflow as cs
from observatory.timing import Workload, loop
from observatory.workloads.common import inline


@cs.resource
def counter() -> Iterator[int]:
    """A number."""
    yield 1


@inline
def resource_loop(n: int, total: int, one: int = cs.Inject(counter)) -> int:
    """Add the resource."""
    return total if n <= 0 else resource_loop(n - 1, total + one)


@inline
def plain_loop(n: int, total: int, one: int = 1) -> int:
    """The same with a default."""
    return total if n <= 0 else plain_loop(n - 1, total + one)


def answer(steps: int) -> int:
    """One a step."""
    return steps


EXPERIMENT = loop(
    "tco/resource_loop",
    Workload(
        "one task with a resource of the run; floor: the same loop without it",
        call=lambda n: resource_loop(n, 0),
        answer=answer,
        floor_call=lambda n: plain_loop(n, 0),
    ),
)
