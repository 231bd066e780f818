"""Counts of what the interpreter of Python does for a piece of work: function calls and allocations.

Both are seen from the hook of ``sys.setprofile``, which is called when a function, of Python or of C, is entered or
left. An allocation is counted when there are more allocated blocks at such a moment than at the one before. What is
allocated and freed between two of them is not seen, nor what Python takes from a free list, so the count is a lower
bound that moves with the true number; the hook itself allocates nothing that stays.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeAlias

Work: TypeAlias = Callable[[int], Any]
Hook: TypeAlias = Callable[[FrameType, str, Any], object]


def calls(work: Work, size: int) -> int:
    """Function calls of a work."""
    count = 0

    def hook(_frame: FrameType, event: str, _argument: Any) -> None:
        nonlocal count
        if event in ("call", "c_call"):
            count += 1

    with _profiled(hook):
        work(size)
    return count


def allocations(work: Work, size: int) -> int:
    """Allocations of a work, as far as they can be seen."""
    count, before = 0, sys.getallocatedblocks()

    def hook(_frame: FrameType, _event: str, _argument: Any) -> None:
        nonlocal count, before
        now = sys.getallocatedblocks()
        if now > before:
            count += now - before
        before = now

    with _profiled(hook):
        work(size)
    return count


def per_step(count: Callable[[Work, int], int], work: Work, steps: int) -> float:
    """What one step adds to a count: what is paid once a run does not count."""
    return (count(work, 2 * steps) - count(work, steps)) / steps


@contextmanager
def _profiled(hook: Hook) -> Iterator[None]:
    before = sys.getprofile()
    gc.collect()
    gc.disable()  # what it calls depends on what was there before
    sys.setprofile(hook)
    try:
        yield
    finally:
        sys.setprofile(before)
        gc.enable()


__all__ = ["Work", "allocations", "calls", "per_step"]
