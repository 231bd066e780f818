"""`StateBackendConformance`: the promises of `cascade.spec.protocols.StateBackend`."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from cascade.spec.identifiers import NodeId
from cascade.spec.protocols import StateBackend
from cascade.spec.task import Task

LOAD, PARSE = NodeId("load-0"), NodeId("parse-1")
INNER = NodeId("load-0#2/parse-1")
"""A node of the same name inside the loop of another node."""


def count_down(n: int, by: int = 1) -> int:
    return n - by


_count_down: Task[..., int] = Task(count_down)


def call(*args: Any, **kwargs: Any) -> Any:
    """The lazy result that a step is to evaluate."""
    return _count_down(*args, **kwargs)


def described(checkpoint: tuple[int, Any] | None) -> tuple[int, str, tuple[Any, ...], dict[str, Any]] | None:
    """What must survive: a backend that stores bytes gives back an equal call, not the same object."""
    if checkpoint is None:
        return None
    step, lazy = checkpoint
    return step, lazy._task.qualname, tuple(lazy._args), dict(lazy._kwargs)


class StateBackendConformance:
    """Give a fixture ``make_backend``: a function without arguments that makes the backend of another new run.

    If the backend does not want results by default, the fixture makes one that does.
    """

    @pytest.fixture
    def make_backend(self) -> Callable[[], StateBackend]:
        """Makes the backend of a new run."""
        raise NotImplementedError(
            "give the test class a fixture 'make_backend' that returns a function which makes a backend for a new run"
        )

    @pytest.fixture
    def backend(self, make_backend: Callable[[], StateBackend]) -> StateBackend:
        """The backend of one run."""
        return make_backend()

    def test_says_whether_it_wants_results(self, backend: StateBackend) -> None:
        """``wants_results`` is a truth value."""
        assert isinstance(backend.wants_results, bool)

    def test_gives_back_a_result(self, backend: StateBackend) -> None:
        """A result that was put is kept."""
        backend.put_result(LOAD, {"rows": [1, 2]})
        assert backend.has_result(LOAD)
        assert backend.get_result(LOAD) == {"rows": [1, 2]}

    def test_keeps_none_as_a_result(self, backend: StateBackend) -> None:
        """``None`` is a result like any other."""
        backend.put_result(LOAD, None)
        assert backend.has_result(LOAD)
        assert backend.get_result(LOAD) is None

    def test_has_no_result_that_was_not_put(self, backend: StateBackend) -> None:
        """Before a result is put there is none."""
        backend.put_result(LOAD, 1)
        assert not backend.has_result(PARSE)

    def test_a_missing_result_is_a_key_error(self, backend: StateBackend) -> None:
        """Asking for a result that is not kept raises ``KeyError``."""
        with pytest.raises(KeyError):
            backend.get_result(LOAD)

    def test_putting_a_result_again_replaces_it(self, backend: StateBackend) -> None:
        """The last value of a node counts."""
        backend.put_result(LOAD, "old")
        backend.put_result(LOAD, "new")
        assert backend.get_result(LOAD) == "new"

    def test_tells_inner_nodes_from_outer_ones(self, backend: StateBackend) -> None:
        """The nodes of inner steps are told from outer nodes of the same name."""
        backend.put_result(PARSE, "outer")
        backend.put_result(INNER, "inner")
        assert (backend.get_result(PARSE), backend.get_result(INNER)) == ("outer", "inner")

    def test_gives_back_why_a_node_was_skipped(self, backend: StateBackend) -> None:
        """The reason of a skip is kept."""
        backend.put_skip(LOAD, "ConditionFalse")
        backend.put_skip(PARSE, "UpstreamSkipped_Data")
        assert (backend.get_skip(LOAD), backend.get_skip(PARSE)) == ("ConditionFalse", "UpstreamSkipped_Data")

    def test_a_node_that_was_not_skipped_has_no_reason(self, backend: StateBackend) -> None:
        """A node that was not skipped has the reason ``None``, whether or not it has a result."""
        backend.put_result(LOAD, 1)
        assert backend.get_skip(LOAD) is None
        assert backend.get_skip(PARSE) is None

    def test_has_no_checkpoint_before_the_first(self, backend: StateBackend) -> None:
        """Before the first step there is no checkpoint."""
        assert backend.last_checkpoint() is None

    def test_gives_back_the_checkpoint(self, backend: StateBackend) -> None:
        """The step and its call are kept, positional and keyword arguments included."""
        backend.checkpoint(1, call(3, by=2))
        assert described(backend.last_checkpoint()) == (1, "count_down", (3,), {"by": 2})

    def test_a_checkpoint_replaces_the_one_before(self, backend: StateBackend) -> None:
        """Only the last checkpoint is kept."""
        backend.checkpoint(1, call(3))
        backend.checkpoint(2, call(2))
        assert described(backend.last_checkpoint()) == (2, "count_down", (2,), {})

    def test_a_checkpoint_forgets_the_results_of_the_step_before(self, backend: StateBackend) -> None:
        """A new step begins without results."""
        backend.checkpoint(1, call(3))
        backend.put_result(LOAD, 1)
        backend.checkpoint(2, call(2))
        assert not backend.has_result(LOAD)

    def test_a_checkpoint_forgets_the_skips_of_the_step_before(self, backend: StateBackend) -> None:
        """A new step begins without skips."""
        backend.checkpoint(1, call(3))
        backend.put_skip(LOAD, "ConditionFalse")
        backend.checkpoint(2, call(2))
        assert backend.get_skip(LOAD) is None

    def test_a_result_of_an_earlier_step_is_let_go(self, backend: StateBackend) -> None:
        """What is kept stays as small as one step: values of earlier steps are freed."""

        def put_and_forget() -> weakref.ref[set[int]]:
            value = {1, 2, 3}
            backend.put_result(LOAD, value)
            return weakref.ref(value)

        backend.checkpoint(1, call(3))
        value = put_and_forget()
        backend.checkpoint(2, call(2))
        asyncio.run(_flush(backend))
        gc.collect()
        assert value() is None, "the value of an earlier step is still held"

    def test_finishing_forgets_the_steps(self, backend: StateBackend) -> None:
        """A run that has ended has neither results nor skips nor a checkpoint."""
        backend.checkpoint(1, call(3))
        backend.put_result(LOAD, 1)
        backend.put_skip(PARSE, "ConditionFalse")
        backend.finish("value")
        left = (backend.has_result(LOAD), backend.get_skip(PARSE), described(backend.last_checkpoint()))
        assert left == (False, None, None)

    def test_flushing_keeps_what_was_put(self, backend: StateBackend) -> None:
        """After a flush everything is there still."""
        backend.checkpoint(1, call(3))
        backend.put_result(LOAD, 1)
        backend.put_skip(PARSE, "ConditionFalse")
        asyncio.run(_flush(backend))
        assert described(backend.last_checkpoint()) == (1, "count_down", (3,), {})
        assert backend.has_result(LOAD)
        assert backend.get_skip(PARSE) == "ConditionFalse"

    def test_runs_do_not_see_each_other(self, make_backend: Callable[[], StateBackend]) -> None:
        """The backends of two runs are apart."""
        first, second = make_backend(), make_backend()
        first.checkpoint(1, call(3))
        first.put_result(LOAD, 1)
        first.put_skip(PARSE, "ConditionFalse")
        seen = (second.has_result(LOAD), second.get_skip(PARSE), described(second.last_checkpoint()))
        assert seen == (False, None, None)


async def _flush(backend: StateBackend) -> None:
    async with asyncio.timeout(30):
        await backend.flush()


__all__ = ["StateBackendConformance"]
