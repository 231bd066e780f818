"""`Clock`: where times come from."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


@runtime_checkable
class Clock(Protocol):
    """Two clocks: one to say when something happened, one to measure how long it took.

    Waiting (delays, timeouts, rates) is done by the event loop and follows the loop's own clock.
    """

    def timestamp(self) -> float:
        """Seconds since the Unix epoch."""
        ...

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never goes back."""
        ...


__all__ = ["Clock"]
