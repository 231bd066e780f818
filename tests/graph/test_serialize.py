"""Graphs as plain data."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest

from cascade import workflow as cs
from cascade.graph.build import build_graph
from cascade.graph.serialize import FORMAT, TEMPLATE_ID_LIMIT, VERSION, graph_to_dict


@cs.task
def load(path: str = "") -> list[int]:
    return [1]


@cs.task(version="v2")
def use(items: Any, *more: Any, extra: Any = None) -> Any:
    return items


@cs.task
def table() -> dict[str, int]:
    return {}


def described(target: Any) -> dict[str, Any]:
    graph, _, _ = build_graph(target)
    return graph_to_dict(graph)


def root_of(target: Any) -> dict[str, Any]:
    nodes: list[dict[str, Any]] = described(target)["nodes"]
    return nodes[-1]


def test_what_is_written_says_which_format_and_version_it_is() -> None:
    written = described(load())
    assert (written["format"], written["version"], written["root"]) == (FORMAT, VERSION, "load-0")


def test_a_node_names_its_task_so_that_it_can_be_found_again() -> None:
    assert root_of(use(1))["task"] == f"{__name__}:use:v2"


def test_operands_are_nodes_or_slots_and_edges_repeat_the_nodes() -> None:
    written = described(use(load("a"), 5, extra=load("b")))
    root = written["nodes"][-1]
    assert root["args"] == [{"node": "load-0"}, {"slot": 2}]
    assert root["kwargs"] == {"extra": {"node": "load-1"}}
    assert written["edges"] == [
        {"source": "load-0", "target": "use-2", "kind": "data", "label": "items"},
        {"source": "load-1", "target": "use-2", "kind": "data", "label": "extra"},
    ]


def test_no_literal_is_ever_written() -> None:
    secret = "a secret that nobody is to see"
    target = use.named(secret)([load(secret), secret], {secret: load()}, cs.literal(secret), extra=table()[secret])
    assert secret not in json.dumps(described(target))


def test_policies_and_gates_are_written_by_value_and_reference() -> None:
    target = use.with_retry(3, delay_s=0.5, retry_on=(OSError, ValueError)).with_timeout(2)(1)
    target = target.run_if(load(), otherwise=7).after(load()).with_constraints(gpu=2)
    root = root_of(target)
    assert root["policies"] == {
        "retry": {
            "max_attempts": 3,
            "delay_s": 0.5,
            "backoff": 1.0,
            "max_delay_s": None,
            "jitter": 0.0,
            "retry_on": ["builtins.OSError", "builtins.ValueError"],
        },
        "timeout_s": 2,
        "constraints": ["gpu"],
    }
    assert root["condition"] == {"node": "load-0"}
    assert set(root["otherwise"]) == {"slot"}
    assert root["after"] == [{"node": "load-1"}]
    assert set(root["amounts"]) == {"gpu"}


def test_a_predicate_of_retries_and_a_cache_are_written_by_name() -> None:
    class Cache:
        def key(self, *_: Any) -> str:
            return ""

        async def load(self, _: str) -> Any: ...
        async def store(self, *_: Any) -> None: ...

    policies = root_of(use.with_retry(retry_on=partial(isinstance)).with_cache(Cache())(1))["policies"]
    assert policies["retry"]["retry_on"] == ["functools.partial"]
    assert policies["cache"] == f"{__name__}.{Cache.__qualname__}"


def test_maps_parameters_and_expressions_say_what_they_are() -> None:
    written = described(use.map(cs.Param("items", default=[1], description="What to use."), max_in_flight=3))
    parameter, mapped = written["nodes"]
    assert parameter["parameter"] == {
        "source": "param",
        "name": "items",
        "type": "builtins.list",
        "description": "What to use.",
    }
    assert mapped["map"] == {"max_in_flight": 3, "on_error": "raise"}
    assert root_of([load()])["operation"] == "builtins.list"


def test_places_of_resources_are_written() -> None:
    @cs.resource
    def db() -> Any:
        yield 1

    assert root_of(use(cs.Inject(db), extra=cs.Inject("other")))["injected"] == [0, "extra"]


def test_calls_that_differ_in_literals_only_have_one_template_id() -> None:
    assert root_of(use(load("a"), 1))["template_id"] == root_of(use(load("b"), 2))["template_id"]
    assert root_of(use(load("a"), 1))["template_id"] != root_of(use(load("a"), extra=1))["template_id"]


@pytest.mark.slow
def test_only_the_root_of_a_large_graph_has_a_template_id() -> None:
    target: Any = load()
    for _ in range(TEMPLATE_ID_LIMIT):
        target = use(target)
    *others, root = described(target)["nodes"]
    assert "template_id" in root
    assert not any("template_id" in node for node in others)
    *others, root = described(target._args[0])["nodes"]
    assert all("template_id" in node for node in (*others, root))


def test_a_written_graph_survives_json() -> None:
    written = described(use(load(), *[load()[0]], extra=cs.Router(load(), {1: load()}, default=2)))
    assert json.loads(json.dumps(written)) == written
