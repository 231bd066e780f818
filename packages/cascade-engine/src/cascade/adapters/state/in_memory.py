"""`InMemoryStateBackend`: the state of a run in dictionaries; gone with the process."""

from __future__ import annotations

from typing import Any

from cascade.spec.events import SkipReason
from cascade.spec.identifiers import NodeId


class InMemoryStateBackend:
    """The state backend that is used by default.

    Args:
        wants_results: Whether results and skips are put. ``False`` by default: the engine holds the values of the
            running step anyway, and nothing that is only in memory survives the process.

    Attributes:
        wants_results: As given.
        wants_every_step: Only the latest step is of use.
        is_finished: Whether `finish` was called.
        value: The value of the run, after `finish`.
    """

    wants_every_step = False

    def __init__(self, wants_results: bool = False) -> None:
        self.wants_results = wants_results
        self.is_finished = False
        self.value: Any = None
        self._results: dict[NodeId, Any] = {}
        self._skips: dict[NodeId, SkipReason] = {}
        self._checkpoint: tuple[int, Any] | None = None

    def put_result(self, node_id: NodeId, value: Any) -> None:
        """Keep the value of a node of the current step."""
        self._results[node_id] = value

    def get_result(self, node_id: NodeId) -> Any:
        """The value of a node of the current step; `KeyError` if none is kept."""
        return self._results[node_id]

    def has_result(self, node_id: NodeId) -> bool:
        """Whether a value is kept."""
        return node_id in self._results

    def put_skip(self, node_id: NodeId, reason: SkipReason) -> None:
        """Keep that a node of the current step was skipped."""
        self._skips[node_id] = reason

    def get_skip(self, node_id: NodeId) -> SkipReason | None:
        """Why a node of the current step was skipped."""
        return self._skips.get(node_id)

    def checkpoint(self, step: int, call: Any) -> None:
        """Begin a step: forget the one before, keep the call."""
        self._results.clear()
        self._skips.clear()
        self._checkpoint = (step, call)

    def last_checkpoint(self) -> tuple[int, Any] | None:
        """The step and call of the last checkpoint."""
        return self._checkpoint

    def finish(self, value: Any) -> None:
        """Keep the value of the run and forget its steps."""
        self._results.clear()
        self._skips.clear()
        self._checkpoint = None
        self.is_finished, self.value = True, value

    async def flush(self) -> None:
        """Memory is as safe as it will be."""


__all__ = ["InMemoryStateBackend"]
