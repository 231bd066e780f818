"""`Tally`: what a run has said of itself so far, for whoever shows it to people."""

from __future__ import annotations

from collections import deque
from typing import Final

from cascade.spec.events import (
    Event,
    LoopProgress,
    RunEvent,
    RunFinished,
    RunStarted,
    TaskBlocked,
    TaskRetrying,
    TaskSkipped,
)

TALLIED: Final = (RunEvent, TaskBlocked, TaskRetrying, TaskSkipped)
"""The events that a tally counts. Not the start and end of every task: a hot loop would pay for them."""

_RECENT_S: Final = 3.0
_FEW_STEPS: Final = 5


class Tally:
    """Counts the events of one run.

    Attributes:
        started_at: Timestamp of the start, in seconds since the Unix epoch; ``None`` before.
        now: Timestamp of the last event.
        progress: The last report of the engine.
        finished: The end of the run.
        retries: Attempts that failed and were followed by another.
        skipped: Calls that were skipped.
        blocked: Calls that had to wait for a capacity or a limit.
        last_retry: What was tried again last, and why.
    """

    def __init__(self) -> None:
        self.started_at: float | None = None
        self.now = 0.0
        self.progress: LoopProgress | None = None
        self.finished: RunFinished | None = None
        self.retries = 0
        self.skipped = 0
        self.blocked = 0
        self.last_retry = ""
        self._recent: deque[tuple[float, int]] = deque()

    def receive(self, event: Event) -> None:
        """Count an event."""
        self.now = event.timestamp
        match event:
            case RunStarted():
                self.started_at = event.timestamp
                self._recent.append((event.timestamp, 1))
            case LoopProgress():
                self.progress = event
                self._recent.append((event.timestamp, event.steps))
                while len(self._recent) > 2 and event.timestamp - self._recent[0][0] > _RECENT_S:
                    self._recent.popleft()
            case RunFinished():
                self.finished = event
            case TaskRetrying():
                self.retries += 1
                self.last_retry = f"{event.task}: {type(event.error).__name__}: {event.error}"
            case TaskSkipped():
                self.skipped += 1
            case TaskBlocked():
                self.blocked += 1

    @property
    def elapsed_s(self) -> float:
        """Seconds from the start to the last event."""
        return 0.0 if self.started_at is None else max(self.now - self.started_at, 0.0)

    @property
    def is_loop(self) -> bool:
        """Whether there has been a tail call."""
        return self.progress is not None and self.progress.steps > 1

    @property
    def steps_per_s(self) -> float:
        """The rate of the last seconds; of slow loops that of the whole run, which jumps less."""
        if self.progress is None or self.started_at is None:
            return 0.0
        since, steps_then = self._recent[0]
        if self.progress.steps - steps_then < _FEW_STEPS:
            since, steps_then = self.started_at, 1
        passed_s = self.progress.timestamp - since
        return (self.progress.steps - steps_then) / passed_s if passed_s > 0 else 0.0

    @property
    def troubles(self) -> list[str]:
        """Counts of what does not happen in every run, in words."""
        counts = ((self.retries, "retries"), (self.skipped, "skipped"), (self.blocked, "blocked"))
        return [
            f"{count:,} {word if count != 1 else word.replace('retries', 'retry')}" for count, word in counts if count
        ]


def rate_text(steps_per_s: float) -> str:
    """A rate in words that fit its size."""
    if steps_per_s >= 100:
        return f"{steps_per_s:,.0f} steps/s"
    if steps_per_s >= 1 or steps_per_s == 0:
        return f"{steps_per_s:.1f} steps/s"
    return f"{duration_text(1 / steps_per_s)} per step"


def duration_text(seconds: float) -> str:
    """A duration with as many digits as are of interest."""
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02} min"


__all__ = ["TALLIED", "Tally", "duration_text", "rate_text"]
