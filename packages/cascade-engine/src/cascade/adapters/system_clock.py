"""`SystemClock`: the clocks of the operating system."""

from __future__ import annotations

import time


class SystemClock:
    """The clock that is used by default."""

    def timestamp(self) -> float:
        """Seconds since the Unix epoch."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds since some fixed moment."""
        return time.perf_counter()


__all__ = ["SystemClock"]
