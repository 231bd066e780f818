"""The engine of runs that name none: made when it is first needed, one a process."""

from __future__ import annotations

import threading

from cascade.runtime.engine import Engine

_lock = threading.Lock()
_made: list[Engine] = []


def default_engine() -> Engine:
    """The engine that the whole process shares."""
    with _lock:
        if not _made:
            _made.append(Engine())
        return _made[0]


__all__ = ["default_engine"]
