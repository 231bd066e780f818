"""`StateBackend`: keeps what a run needs to go on after an interruption."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from cascade.spec.events import SkipReason
from cascade.spec.identifiers import NodeId


@runtime_checkable
class StateBackend(Protocol):
    """The state of one run: results and skips of the current step, and the checkpoint at its last tail call.

    The consistent cut of a run is its tail-call boundary: `checkpoint` replaces the step's results by the next call in
    one atomic change. So what is stored stays as small as one step, however long the loop.

    Attributes:
        wants_results: Whether `put_result` and `put_skip` are called at all. ``False`` saves the work in memory, where
            the engine holds the values of the running step anyway.
        wants_every_step: Whether `checkpoint` is called for every step. ``False`` lets a hot loop put only the latest
            step, a few hundred times a second.

    Implementers:
        One backend object serves one run and is only used on the thread of that run's event loop. All methods but
        `flush` are called between tasks and must not block: a backend that writes to a disk or a network collects the
        changes and writes them elsewhere; `flush` waits until all that was put before is safe.

        Node ids name a node inside the step. The inner steps of a node (its own loop, or a mapped item) are named
        below it, with ``/``.
    """

    @property
    def wants_results(self) -> bool:
        """Whether results and skips are to be put."""
        ...

    @property
    def wants_every_step(self) -> bool:
        """Whether every step is to be put."""
        ...

    def put_result(self, node_id: NodeId, value: Any) -> None:
        """Keep the value of a node of the current step; putting it again replaces it."""
        ...

    def get_result(self, node_id: NodeId) -> Any:
        """The value of a node of the current step.

        Raises:
            KeyError: No value is kept.
        """
        ...

    def has_result(self, node_id: NodeId) -> bool:
        """Whether a value is kept (``None`` is one)."""
        ...

    def put_skip(self, node_id: NodeId, reason: SkipReason) -> None:
        """Keep that a node of the current step was skipped."""
        ...

    def get_skip(self, node_id: NodeId) -> SkipReason | None:
        """Why a node of the current step was skipped, or ``None``."""
        ...

    def checkpoint(self, step: int, call: Any) -> None:
        """Begin a step: forget the results and skips of the step before, and keep the call that this one makes.

        Args:
            step: The number of the step that begins, from 1.
            call: The lazy result that it will evaluate.
        """
        ...

    def last_checkpoint(self) -> tuple[int, Any] | None:
        """The step and call of the last `checkpoint`, or ``None`` before the first."""
        ...

    def finish(self, value: Any) -> None:
        """Keep the value of the run and forget its steps."""
        ...

    async def flush(self) -> None:
        """Wait until everything that was put is as safe as the backend can make it."""
        ...


__all__ = ["StateBackend"]
