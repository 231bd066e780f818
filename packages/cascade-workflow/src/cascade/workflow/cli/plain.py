"""`PlainView`: a few lines about a run, for logs and other places that are no terminal.

Each line is complete in itself. The first report comes after a second, and each pause is twice as long as the one
before, up to a minute: a short run says little, and a run of days does not fill the disk.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final

from cascade.spec.events import Event, LoopProgress, RunFinished, StaticAnalysisWarning
from cascade.workflow.cli.tally import TALLIED, Tally, duration_text, rate_text

FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 60.0

STOPPING: Final = "stopping; press Ctrl-C again to quit without waiting"


class PlainView:
    """Writes lines.

    Args:
        title: What is run.
        write: Takes a line without its end.
    """

    kinds: tuple[type[Event], ...] = TALLIED
    tells_end = True

    def __init__(self, title: str, write: Callable[[str], None]) -> None:
        self._title = title
        self._write = write
        self._tally = Tally()
        self._pause_s = FIRST_PAUSE_S
        self._next_at = FIRST_PAUSE_S

    def receive(self, event: Event) -> None:
        """Count the event, and write a line if it is time."""
        tally = self._tally
        tally.receive(event)
        if isinstance(event, StaticAnalysisWarning):
            self._say(f"warning {event.code}: {event.message}")
        elif isinstance(event, RunFinished):
            self._say(summary(event, tally))
        elif isinstance(event, LoopProgress) and tally.elapsed_s >= self._next_at:
            self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
            self._next_at = tally.elapsed_s + self._pause_s
            self._say(report(event, tally))

    def stopping(self) -> None:
        """Say so at once: what runs may take its time."""
        with suppress(RuntimeError):  # the signal came while this very stream was being written
            self._say(STOPPING)

    def close(self) -> None:
        """There is nothing to undo."""

    def _say(self, text: str) -> None:
        self._write(f"cascade: {self._title}: {text}")


def report(event: LoopProgress, tally: Tally) -> str:
    """How far a run is, in one line."""
    parts = [duration_text(tally.elapsed_s)]
    if tally.is_loop:
        parts.append(f"step {event.steps:,} ({rate_text(tally.steps_per_s)})")
        parts.append(f"{event.nodes_done:,} nodes done")
    else:
        parts.append(f"{event.nodes_done:,} of {event.nodes_total:,} nodes done")
    if event.nodes_running:
        parts.append(f"{event.nodes_running:,} running")
    parts.append(f"in {event.task}")
    parts.extend(tally.troubles)
    if tally.last_retry:
        parts.append(f"last retry: {tally.last_retry}")
    return ", ".join(parts)


def summary(event: RunFinished, tally: Tally) -> str:
    """How a run ended, in one line."""
    words = {"Succeeded": "done", "Failed": "failed", "Cancelled": "stopped"}
    steps = f"{event.steps:,} steps in " if event.steps > 1 else ""
    parts = [f"{words[event.status]}, {steps}{duration_text(event.duration_s)}", *tally.troubles]
    return ", ".join(parts)


__all__ = ["FIRST_PAUSE_S", "LONGEST_PAUSE_S", "STOPPING", "PlainView", "report", "summary"]
