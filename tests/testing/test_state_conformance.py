"""The in-memory backend keeps the promises of state backends, and the kit finds each backend that does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from cascade.adapters.state.in_memory import InMemoryStateBackend
from cascade.spec.events import SkipReason
from cascade.spec.identifiers import NodeId
from cascade.spec.protocols import StateBackend
from cascade.testing import StateBackendConformance
from tests.support.kits import failed_promises, promises


class TestInMemoryStateBackend(StateBackendConformance):
    @pytest.fixture
    def make_backend(self) -> Callable[[], StateBackend]:
        return lambda: InMemoryStateBackend(wants_results=True)


class Vague(InMemoryStateBackend):
    def __init__(self) -> None:
        super().__init__()
        self.wants_results = "maybe"  # type: ignore[assignment]


class Mangling(InMemoryStateBackend):
    def get_result(self, node_id: NodeId) -> Any:
        value = super().get_result(node_id)
        return list(value) if isinstance(value, dict) else value


class NoneMeansNothing(InMemoryStateBackend):
    def has_result(self, node_id: NodeId) -> bool:
        return self._results.get(node_id) is not None


class Optimistic(InMemoryStateBackend):
    def has_result(self, node_id: NodeId) -> bool:
        return bool(self._results)


class Lenient(InMemoryStateBackend):
    def get_result(self, node_id: NodeId) -> Any:
        return self._results.get(node_id)


class WriteOnce(InMemoryStateBackend):
    def put_result(self, node_id: NodeId, value: Any) -> None:
        self._results.setdefault(node_id, value)


class ShortNames(InMemoryStateBackend):
    def put_result(self, node_id: NodeId, value: Any) -> None:
        super().put_result(NodeId(node_id.rpartition("/")[2]), value)

    def get_result(self, node_id: NodeId) -> Any:
        return super().get_result(NodeId(node_id.rpartition("/")[2]))


class OneReason(InMemoryStateBackend):
    def put_skip(self, node_id: NodeId, reason: SkipReason) -> None:
        super().put_skip(node_id, "ConditionFalse")


class SkipsByDefault(InMemoryStateBackend):
    def get_skip(self, node_id: NodeId) -> SkipReason | None:
        return super().get_skip(node_id) or ("UpstreamSkipped_Data" if node_id in self._results else None)


class BeginsAtZero(InMemoryStateBackend):
    def last_checkpoint(self) -> tuple[int, Any] | None:
        return super().last_checkpoint() or (None if self.is_finished or self._results else (0, self._fake()))

    def _fake(self) -> Any:
        from cascade.testing.conformance.state import call

        return call()


class DropsKeywords(InMemoryStateBackend):
    def checkpoint(self, step: int, call: Any) -> None:
        super().checkpoint(step, type(call)(call._task, call._args, {}))


class KeepsTheFirst(InMemoryStateBackend):
    def checkpoint(self, step: int, call: Any) -> None:
        before = self._checkpoint
        super().checkpoint(step, call)
        self._checkpoint = before or self._checkpoint


class KeepsOldResults(InMemoryStateBackend):
    def checkpoint(self, step: int, call: Any) -> None:
        before = {name: value for name, value in self._results.items() if not isinstance(value, set)}
        super().checkpoint(step, call)
        self._results.update(before)


class KeepsOldSkips(InMemoryStateBackend):
    def checkpoint(self, step: int, call: Any) -> None:
        before = dict(self._skips)
        super().checkpoint(step, call)
        self._skips.update(before)


class KeepsHistory(InMemoryStateBackend):
    def __init__(self) -> None:
        super().__init__()
        self._history: list[Any] = []

    def checkpoint(self, step: int, call: Any) -> None:
        self._history.append(dict(self._results))
        super().checkpoint(step, call)


class NeverFinished(InMemoryStateBackend):
    def finish(self, value: Any) -> None:
        self.value = value


class FlushesAway(InMemoryStateBackend):
    async def flush(self) -> None:
        self._results.clear()


class OneForAll(InMemoryStateBackend):
    current: ClassVar[OneForAll | None] = None

    def __init__(self) -> None:
        super().__init__()
        if OneForAll.current is not None:
            self._results = OneForAll.current._results
        OneForAll.current = self


def fresh(kind: type[InMemoryStateBackend]) -> Callable[[], InMemoryStateBackend]:
    def make() -> InMemoryStateBackend:
        OneForAll.current = None
        return kind()

    return make


@pytest.mark.parametrize(
    ("kind", "broken"),
    [
        (Vague, {"test_says_whether_it_wants_results"}),
        (Mangling, {"test_gives_back_a_result"}),
        (NoneMeansNothing, {"test_keeps_none_as_a_result"}),
        (Optimistic, {"test_has_no_result_that_was_not_put"}),
        (Lenient, {"test_a_missing_result_is_a_key_error"}),
        (WriteOnce, {"test_putting_a_result_again_replaces_it"}),
        (ShortNames, {"test_tells_inner_nodes_from_outer_ones"}),
        (OneReason, {"test_gives_back_why_a_node_was_skipped"}),
        (SkipsByDefault, {"test_a_node_that_was_not_skipped_has_no_reason"}),
        (DropsKeywords, {"test_gives_back_the_checkpoint"}),
        (KeepsTheFirst, {"test_a_checkpoint_replaces_the_one_before"}),
        (KeepsOldResults, {"test_a_checkpoint_forgets_the_results_of_the_step_before"}),
        (KeepsOldSkips, {"test_a_checkpoint_forgets_the_skips_of_the_step_before"}),
        (KeepsHistory, {"test_a_result_of_an_earlier_step_is_let_go"}),
        (NeverFinished, {"test_finishing_forgets_the_steps"}),
        (FlushesAway, {"test_flushing_keeps_what_was_put"}),
        (OneForAll, {"test_runs_do_not_see_each_other"}),
        # A backend that begins with a checkpoint has it in every new run.
        (BeginsAtZero, {"test_has_no_checkpoint_before_the_first", "test_runs_do_not_see_each_other"}),
    ],
)
def test_a_broken_backend_fails_exactly_the_promise_that_it_breaks(
    kind: type[InMemoryStateBackend], broken: set[str]
) -> None:
    def make_backend() -> Callable[[], StateBackend]:
        OneForAll.current = None
        return kind

    fixtures = {"backend": fresh(kind), "make_backend": make_backend}
    assert failed_promises(StateBackendConformance, fixtures) == broken


def test_every_promise_of_backends_is_tried_on_a_broken_one() -> None:
    marks = test_a_broken_backend_fails_exactly_the_promise_that_it_breaks.pytestmark  # type: ignore[attr-defined]
    tried = set().union(*(case[1] for mark in marks for case in mark.args[1]))
    assert tried == {name for name, _ in promises(StateBackendConformance)}
