"""`View`: how a run is shown while it goes on. There is one for terminals, one for logs, one for programs, and none."""

from __future__ import annotations

from typing import Protocol

from cascade.spec.events import Event


class View(Protocol):
    """Shows the events of one run.

    Attributes:
        kinds: The classes of events that it is given.
        tells_end: Whether it shows to people how the run ended, so that no more need be said of one that was stopped.
    """

    @property
    def tells_end(self) -> bool:
        """Whether people see how the run ended."""
        ...

    @property
    def kinds(self) -> tuple[type[Event], ...]:
        """The classes of events that `receive` is called with."""
        ...

    def receive(self, event: Event) -> None:
        """Show an event. Called on the thread of the run's event loop, between two tasks."""
        ...

    def stopping(self) -> None:
        """Show that the run was asked to stop. Called by a signal handler, at any moment on the main thread."""
        ...

    def close(self) -> None:
        """Leave the terminal as it was found. Called once, however the run ended; may come before its end."""
        ...


class Silence:
    """Shows nothing."""

    kinds: tuple[type[Event], ...] = ()
    tells_end = False

    def receive(self, event: Event) -> None:
        """Nothing."""

    def stopping(self) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


__all__ = ["Silence", "View"]
