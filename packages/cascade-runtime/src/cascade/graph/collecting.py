"""`collection_paused`: no garbage collection while a large structure is being made.

To make a graph of 100,000 nodes is to make some 400,000 objects, all of which stay alive. Python's collector looks at
them again and again on the way, finds nothing, and takes a third of the time. So it is paused meanwhile: reference
counting goes on, only the search for circles waits. The pause is for the whole process, as the collector is; it is
counted, so that runs in several threads do not end each other's, and leaves a collector that was off as it was.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class _Pauses:
    """How many pauses there are, and whether the collector was on before the first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._was_enabled = False

    def begin(self) -> None:
        with self._lock:
            if self._count == 0:
                self._was_enabled = gc.isenabled()
                gc.disable()
            self._count += 1

    def end(self) -> None:
        with self._lock:
            self._count -= 1
            if self._count == 0 and self._was_enabled:
                gc.enable()


_pauses = _Pauses()


@contextmanager
def collection_paused() -> Iterator[None]:
    """Pause the garbage collector for the time of the ``with`` block."""
    _pauses.begin()
    try:
        yield
    finally:
        _pauses.end()


__all__ = ["collection_paused"]
