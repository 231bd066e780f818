"""Modifiers are values: each makes something new, and the order of writing them down does not matter."""

from __future__ import annotations

from typing import Any

import pytest

from cascade import workflow as cs
from cascade.graph.build import build_graph


@cs.task
def fetch(url: str = "") -> Any:
    return url


class Cache:
    def key(self, task: Any, args: Any, kwargs: Any) -> str:
        return f"{task.name}{args}{kwargs}"

    async def load(self, key: str) -> tuple[Any] | None:
        return None

    async def store(self, key: str, value: Any) -> None:
        pass


MODIFIERS: dict[str, Any] = {
    "with_retry": lambda subject: subject.with_retry(3),
    "with_timeout": lambda subject: subject.with_timeout(5),
    "with_cache": lambda subject: subject.with_cache(Cache()),
    "with_constraints": lambda subject: subject.with_constraints(gpu=1),
    "run_if": lambda subject: subject.run_if(True),
    "run_if with an alternative": lambda subject: subject.run_if(False, otherwise="other"),
    "after": lambda subject: subject.after(fetch("other")),
    "named": lambda subject: subject.named("label"),
}


@pytest.mark.parametrize("modify", MODIFIERS.values(), ids=MODIFIERS.keys())
@pytest.mark.parametrize(
    "make", [lambda: fetch, lambda: fetch("x"), lambda: fetch.map(["x"])], ids=["task", "call", "map"]
)
def test_a_modifier_returns_something_new_of_the_same_kind(make: Any, modify: Any) -> None:
    subject = make()
    before = subject._options
    modified = modify(subject)
    assert modified is not subject
    assert subject._options is before
    assert modified._options is not before
    assert isinstance(modified, type(subject))


@pytest.mark.parametrize("modify", MODIFIERS.values(), ids=MODIFIERS.keys())
def test_a_modifier_of_the_task_means_the_same_as_one_of_the_call(modify: Any) -> None:
    on_task, _, _ = build_graph(modify(fetch)("x"))
    on_call, _, _ = build_graph(modify(fetch("x")))
    if modify is not MODIFIERS["with_cache"]:  # two caches are two options
        assert on_task.root.options == on_call.root.options
    assert on_task.root.options.policies.constraints == on_call.root.options.policies.constraints
    assert [node.name for node in on_task.nodes] == [node.name for node in on_call.nodes]


def test_modifiers_may_be_chained_in_any_order() -> None:
    one, _, _ = build_graph(fetch("x").with_retry(2).with_timeout(3).run_if(True).named("n"))
    other, _, _ = build_graph(fetch("x").named("n").run_if(True).with_timeout(3).with_retry(2))
    assert one.root.options.policies == other.root.options.policies
    assert cs.run(fetch("x").named("n").run_if(True).with_timeout(3).with_retry(2)) == "x"


def test_a_variant_of_a_task_is_the_same_task() -> None:
    variant: Any = fetch.with_retry(3)
    assert variant.base is fetch
    assert (variant.name, variant.qualname, variant.fn) == (fetch.name, fetch.qualname, fetch.fn)


def test_the_last_of_two_equal_modifiers_counts() -> None:
    graph, _, _ = build_graph(fetch("x").with_timeout(3).with_timeout(7))
    assert graph.root.options.policies.timeout_s == 7


@pytest.mark.parametrize(
    ("condition", "said"),
    [(fetch, r"not <task fetch>; call it: fetch\(…\)"), (lambda: False, "a call of a task, not <function")],
)
def test_a_condition_that_was_not_called_is_refused_because_it_would_always_be_true(condition: Any, said: str) -> None:
    for subject in (fetch, fetch("x")):
        with pytest.raises(cs.TaskDefinitionError, match=rf"run_if\(\) takes a value or .*{said}"):
            subject.run_if(condition)


def test_after_takes_calls_only() -> None:
    with pytest.raises(cs.TaskDefinitionError, match=r"after\(\) takes calls of tasks, not 'other'"):
        fetch("x").after("other")
