"""The ids of nodes: what is equal has one, what differs has two, in every process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cascade import workflow as cs
from cascade.graph.build import build_graph
from tests.support.running import make_module, run_script


@cs.task
def one() -> Any:
    return 1


@cs.task
def two() -> int:
    return 2


@cs.task
def join(*parts: Any, **more: Any) -> Any:
    return parts, more


def template(target: Any) -> str:
    return build_graph(target)[0].root.template_id


def twice(make: Any) -> tuple[Any, Any]:
    return make("a", 1), make("b", 2.5)


@pytest.mark.parametrize(
    "make",
    [
        lambda x, y: join(x, y),
        lambda x, y: join(x, key=y),
        lambda x, y: join(join(x), [one(), y]),
        lambda x, y: join({"a": one(), "b": y}),
        lambda x, y: join(one()).run_if(x, otherwise=y),
        lambda x, y: join().with_constraints(gpu=len(x)),
        lambda x, y: join().named(x),
        lambda x, y: join.map([x, y], cs.literal(y)),
        lambda x, y: cs.Router(x, {"a": one(), "b": y}),
        lambda x, y: join([x] * len(str(y))),
        lambda x, y: one(),
    ],
    ids=range(11),
)
def test_calls_that_differ_in_nothing_but_literals_have_one_template(make: Any) -> None:
    left, right = twice(make)
    assert template(left) == template(right)


def shared_twice() -> Any:
    shared = one()
    return join(shared, shared)


def first_twice() -> Any:
    first, second = one(), one()
    return join(first, first, second)


def second_twice() -> Any:
    first, second = one(), one()
    return join(first, second, second)


DIFFERENT: dict[str, Any] = {
    "a literal": lambda: join(1),
    "a call": lambda: join(one()),
    "a call of another task": lambda: join(two()),
    "a call with a name": lambda: join(x=one()),
    "a call with another name": lambda: join(y=one()),
    "a literal with a name": lambda: join(x=1),
    "two calls": lambda: join(one(), one()),
    "one call twice": lambda: shared_twice(),
    "the first of two calls twice": lambda: first_twice(),
    "the second of two calls twice": lambda: second_twice(),
    "a call and a literal": lambda: join(one(), 1),
    "a literal and a call": lambda: join(1, one()),
    "a call in a list": lambda: join([one()]),
    "a call in a tuple": lambda: join((one(),)),
    "a call in a set": lambda: join({one()}),
    "a call in a dict": lambda: join({"a": one()}),
    "a call as a key": lambda: join({one(): "a"}),
    "a call in a list in a list": lambda: join([[one()]]),
    "an item": lambda: join(one()["a"]),
    "a parameter": lambda: join(cs.Param("a", default=1)),
    "another parameter": lambda: join(cs.Param("b", default=1)),
    "an environment variable": lambda: join(cs.Env("a", default="")),
    "a condition": lambda: join(one().run_if(True)),
    "an alternative": lambda: join(one().run_if(True, otherwise=1)),
    "a predecessor": lambda: join(one().after(two())),
    "a retry": lambda: join(one.with_retry(2)()),
    "more retries": lambda: join(one.with_retry(3)()),
    "a retry of other errors": lambda: join(one.with_retry(2, retry_on=OSError)()),
    "a timeout": lambda: join(one.with_timeout(2)()),
    "a constraint": lambda: join(one.with_constraints(gpu=1)()),
    "another constraint": lambda: join(one.with_constraints(cpu=1)()),
    "a label": lambda: join(one.named("x")()),
    "a map": lambda: join(join.map([1])),
    "a map over a call": lambda: join(join.map(one())),
    "a map with a broadcast call": lambda: join(join.map([1], cs.literal(one()))),
    "a map with a window": lambda: join(join.map([1], max_in_flight=3)),
    "a map that continues": lambda: join(join.map([1], on_error="continue")),
    "a router": lambda: join(cs.Router(1, {1: one()})),
    "a router with a default": lambda: join(cs.Router(1, {1: one()}, default=1)),
    "a router with two routes": lambda: join(cs.Router(1, {1: one(), 2: 1})),
}


def test_calls_that_differ_in_shape_sharing_task_or_options_have_different_templates() -> None:
    seen: dict[str, str] = {}
    for name, make in DIFFERENT.items():
        other = seen.setdefault(template(make()), name)
        assert other == name, f"{name} and {other} have one template"


@pytest.mark.parametrize("make", DIFFERENT.values(), ids=DIFFERENT.keys())
def test_a_structure_that_is_built_again_has_the_template_that_it_had(make: Any) -> None:
    assert template(make()) == template(make())


def test_the_template_of_a_set_does_not_depend_on_the_order_in_which_it_is_walked() -> None:
    keep = [(one(), two()) for _ in range(50)]
    assert len({template(join({left, right})) for left, right in keep}) == 1


def test_the_template_of_a_node_does_not_depend_on_what_is_around_it() -> None:
    inner = join(one(), 1)
    alone, _, _ = build_graph(inner)
    _, _, instances = build_graph(join(two(), join("another literal"), inner, 3))
    assert instances[inner].template_id == alone.root.template_id
    assert instances[inner].index != alone.root.index


def test_versions_and_modules_tell_tasks_apart() -> None:
    source = "@cs.task(version=VERSION)\ndef step(n):\n    return n"
    tasks = [
        make_module("a", source, VERSION="1").step,
        make_module("a", source, VERSION="2").step,
        make_module("b", source, VERSION="1").step,
    ]
    assert len({template(task(1)) for task in tasks}) == 3
    assert template(tasks[0](1)) == template(make_module("a", source, VERSION="1").step(1))


def test_structural_ids_are_unique_and_reproducible() -> None:
    def target() -> Any:
        return join(one(), [one(), join(1), two()], x=join(one()).run_if(True))

    first, second = build_graph(target())[0], build_graph(target())[0]
    ids = [node.structural_id for node in first.nodes]
    assert len(set(ids)) == len(ids)
    assert ids == [node.structural_id for node in second.nodes]
    assert all(node.name in node.structural_id for node in first.nodes)


PRINT_TEMPLATES = """
    from dataclasses import dataclass
    from cascade import workflow as cs
    from cascade.graph.build import build_graph
    from cascade.graph.canonical import canonical_digest

    @dataclass
    class Point:
        x: int
        y: int = 0

    @cs.task(version=3)
    def one(): ...

    @cs.task
    def join(*parts, **more): ...

    shared = one()
    targets = [
        join(1, x=[one(), {"a", "b"}]),
        join({"a": shared, "b": shared}, Point(one())),
        join(shared).with_retry(3, retry_on=(OSError, ValueError)).with_constraints(gpu=1, cpu=2).with_timeout(4),
        join.map(one(), cs.literal({"a", "b", "c"})),
        cs.Router(one(), {"a": 1, "b": one()}),
        join(cs.Param("n", type=int), frozenset({"x", "y", "z"})),
    ]
    for target in targets:
        graph, _, _ = build_graph(target)
        print(*(f"{node.template_id}/{node.structural_id}" for node in graph.nodes))
    print(canonical_digest([{"a", "b", "c"}, {"k": frozenset("xyz")}, Point(1), 2.5, one]).hex())
"""


@pytest.mark.slow
def test_ids_and_digests_are_the_same_in_every_process(tmp_path: Path) -> None:
    printed = [run_script(tmp_path, PRINT_TEMPLATES, environment={"PYTHONHASHSEED": seed}) for seed in ("1", "2", "3")]
    assert len(set(printed)) == 1
    assert len(printed[0].splitlines()) == 7
