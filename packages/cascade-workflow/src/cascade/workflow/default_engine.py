"""The engine of runs that name none: made when it is first needed, one a process."""

from __future__ import annotations

import os
import threading

from cascade.runtime.engine import Engine

_lock = threading.Lock()
_made: list[Engine] = []

if hasattr(os, "register_at_fork"):
    # The threads of the parent's engine do not exist in a forked child, which would wait for them for ever.
    os.register_at_fork(after_in_child=_made.clear)


def default_engine() -> Engine:
    """The engine that the whole process shares."""
    with _lock:
        if not _made:
            _made.append(Engine())
        return _made[0]


__all__ = ["default_engine"]
