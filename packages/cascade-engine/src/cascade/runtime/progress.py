"""`Progress`: counts what a run does and says so about ten times a second, to those who listen."""

from __future__ import annotations

from typing import Final

from cascade.runtime.run_context import RunContext
from cascade.spec.events import LoopProgress

INTERVAL_S: Final = 0.1


class Progress:
    """The counters of one run.

    Args:
        run: The run.

    Attributes:
        done: Nodes that have ended.
        total: Nodes known so far.
        task: The task of the latest step.
    """

    __slots__ = ("_last_at", "_last_steps", "_run", "done", "task", "total")

    def __init__(self, run: RunContext) -> None:
        self._run = run
        self.done = 0
        self.total = 0
        self.task = ""
        self._last_at = run.clock.monotonic()
        self._last_steps = 0

    @property
    def interval_s(self) -> float | None:
        """How long the run may sleep without saying anything; ``None`` if nobody listens."""
        return INTERVAL_S if self._run.bus.wants(LoopProgress) else None

    def add(self, nodes: int) -> None:
        """Compiled code has run so many nodes."""
        self.done += nodes
        self.total += nodes

    def tick(self, running: int) -> None:
        """Publish the counters if it is time."""
        now = self._run.clock.monotonic()
        elapsed_s = now - self._last_at
        if elapsed_s < INTERVAL_S:
            return
        steps = self._run.steps
        self._run.publish(
            LoopProgress,
            steps=steps,
            steps_per_s=(steps - self._last_steps) / elapsed_s,
            task=self.task,
            nodes_done=self.done,
            nodes_running=running,
            nodes_total=self.total,
        )
        self._last_at, self._last_steps = now, steps


__all__ = ["INTERVAL_S", "Progress"]
