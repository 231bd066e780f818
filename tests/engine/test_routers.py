"""Routers: one route is taken, and nothing that only the others need ever starts."""

from __future__ import annotations

import enum
from typing import Any

import pytest

from cascade import workflow as cs
from cascade.testing import ShuffledSolver


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


@pytest.fixture
def started() -> list[str]:
    return []


@pytest.fixture
def note(started: list[str]) -> Any:
    @cs.task(mode="inline")
    def note(name: Any, *_inputs: Any) -> Any:
        started.append(name)
        return name

    return note


def run(target: Any) -> Any:
    return cs.run(target, engine=cs.Engine(ShuffledSolver()))


def test_only_the_chosen_route_and_what_it_needs_is_started(note: Any, started: list[str]) -> None:
    shared = note("shared")
    routes = {
        "left": note("left", note("left input"), shared),
        "right": note("right", note("right input"), shared),
    }
    assert run(cs.Router(note("left"), routes)) == "left"
    assert sorted(started) == ["left", "left", "left input", "shared"]


def test_no_route_is_started_before_the_selector_is_known(note: Any, started: list[str]) -> None:
    run(cs.Router(note("a", note("b")), {"a": note("route")}))
    assert started == ["b", "a", "route"]


def test_a_route_that_somebody_else_needs_is_started_all_the_same(note: Any, started: list[str]) -> None:
    other = note("other")
    assert run([cs.Router("a", {"a": note("chosen"), "b": other}), other]) == ["chosen", "other"]
    assert sorted(started) == ["chosen", "other"]


@pytest.mark.parametrize("key", [1, "one", None, (1, "a"), frozenset({1}), Colour.RED, 2.5, b"x", True])
def test_any_hashable_value_may_be_a_key(key: Any, note: Any) -> None:
    routes = {"no": note("wrong"), key: note("right"), Colour.BLUE: note("wrong")}
    assert run(cs.Router(note(key), routes)) == "right"
    assert run(cs.Router(key, routes)) == "right"


def test_routes_may_be_plain_values(note: Any) -> None:
    routes = {"a": 1, "b": [2, note("x")], "c": None}
    assert [run(cs.Router(note(key), routes)) for key in "abc"] == [1, [2, "x"], None]


def test_routers_nest_in_routes_and_in_selectors(note: Any, started: list[str]) -> None:
    inner = cs.Router(note("y"), {"x": note("inner x"), "y": "go"})
    outer = cs.Router(inner, {"go": cs.Router("deep", {"deep": note("found")}), "stop": note("stopped")})
    assert run(outer) == "found"
    assert started == ["y", "found"]


def test_a_shared_router_decides_once(note: Any, started: list[str]) -> None:
    router = cs.Router(note("a"), {"a": note("route")})
    assert run([router, note("user", router), router]) == ["route", "user", "route"]
    assert sorted(started) == ["a", "route", "user"]


def test_two_routers_may_share_their_routes(note: Any, started: list[str]) -> None:
    routes = {"a": note("route a"), "b": note("route b")}
    assert run([cs.Router("a", routes), cs.Router("a", routes)]) == ["route a", "route a"]
    assert started == ["route a"]


def test_the_default_is_taken_when_no_route_has_the_value(note: Any, started: list[str]) -> None:
    routes = {"a": note("a")}
    assert run(cs.Router(note("z"), routes, default=note("default"))) == "default"
    assert run(cs.Router("z", routes, default=None)) is None
    assert run(cs.Router("z", {}, default=3)) == 3
    assert "a" not in started


def test_the_default_never_starts_when_a_route_is_taken(note: Any, started: list[str]) -> None:
    run(cs.Router("a", {"a": 1}, default=note("default")))
    assert started == []


def test_a_value_without_a_route_is_an_error_that_names_the_selector_and_the_routes(note: Any) -> None:
    with pytest.raises(cs.RouteNotFoundError, match=r"note gave 'z'.*its routes are 'a', 2\. Add the route"):
        run(cs.Router(note("z"), {"a": 1, 2: note("b")}))


@pytest.mark.parametrize("value", [[1], {"a": 1}])
def test_a_value_that_is_not_hashable_has_no_route(value: Any, note: Any) -> None:
    @cs.task
    def give() -> Any:
        return value

    with pytest.raises(cs.RouteNotFoundError, match="give gave"):
        run(cs.Router(give(), {"a": 1}))
    assert run(cs.Router(give(), {"a": 1}, default="default")) == "default"


def test_a_router_may_be_an_argument_anywhere_and_the_target(note: Any, started: list[str]) -> None:
    router = cs.Router("a", {"a": note("x")})
    assert run({"deep": [router]}) == {"deep": ["x"]}
    assert run(note("user", {"deep": [router]}, key_of(router))) == "user"


def key_of(value: Any) -> Any:
    return (value,)


def test_a_task_may_return_a_router_as_its_tail_call(note: Any, started: list[str]) -> None:
    @cs.task(mode="inline")
    def machine(state: str, path: str = "") -> str:
        following = {"start": "middle", "middle": "end"}
        if state == "end":
            return path
        return cs.Router(
            note(following[state]),
            {"middle": machine("middle", path + "m"), "end": machine("end", path + "e")},
        )

    assert run(machine("start")) == "me"
    assert started == ["middle", "end"]


def test_a_router_decides_anew_in_every_step(note: Any, started: list[str]) -> None:
    @cs.task(mode="inline")
    def loop(n: int, _value: Any = None) -> str:
        return "done" if n == 0 else loop(n - 1, cs.Router(n % 2, {0: note(f"even {n}"), 1: note(f"odd {n}")}))

    run(loop(4))
    assert started == ["even 4", "odd 3", "even 2", "odd 1"]


def test_a_skipped_route_gives_its_consumer_the_default_of_the_parameter(note: Any) -> None:
    @cs.task
    def consumer(value: Any = "default") -> Any:
        return value

    assert run(consumer(cs.Router("a", {"a": note("x").run_if(False)}))) == "default"


def test_a_skipped_selector_skips_the_router(note: Any, started: list[str]) -> None:
    @cs.task
    def consumer(value: Any = "default") -> Any:
        return value

    assert run(consumer(cs.Router(note("a").run_if(False), {"a": note("x")}))) == "default"
    assert started == []


def test_a_router_without_anything_to_choose_is_refused() -> None:
    with pytest.raises(cs.TaskDefinitionError, match="can never choose anything"):
        cs.Router("a", {})
    with pytest.raises(cs.TaskDefinitionError, match="takes a mapping"):
        cs.Router("a", ["not", "a", "mapping"])  # type: ignore[call-overload]


def test_a_capacity_may_depend_on_a_router(note: Any) -> None:
    engine = cs.Engine(system_resources={"gpu": 2})
    amount = cs.Router(note("big"), {"small": 1, "big": 2})
    assert cs.run(note("x").with_constraints(gpu=amount), engine=engine) == "x"
