"""Stored calls: what comes back, what is refused and where it stands, and bytes that are none."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cascade import workflow as cs
from cascade.adapters.serializers.types import TypeRegistry
from cascade.graph.build import build_graph
from cascade.graph.serialize import graph_to_dict
from cascade.runtime.durability.calls import CallCodec
from cascade.runtime.durability.names import Names
from cascade.runtime.parameters import ParameterValues
from cascade.spec.lazy_types import LazyResult

from .programs import Broken, Order, join, order, takes, versioned, work

GOLDEN: Final = Path(__file__).parent / "golden" / "call_version_1.json"

often = work.with_retry(4, retry_on=lambda error: "again" in str(error)).with_cache(cs.MemoryCache())
"""A task with what cannot be stored, under a name of its own."""


@cs.task
def annotated(order: Order) -> int:
    """A task that is annotated with a class."""
    return len(order.items)


@cs.resource
def lamp() -> Iterator[str]:
    """A resource of this module."""
    yield "light"


def make_codec(**params: Any) -> CallCodec:
    registry = TypeRegistry()
    registry.register(Order)
    return CallCodec(Names(registry), ParameterValues(params).value)


def there_and_back(call: Any, **params: Any) -> Any:
    return make_codec(**params).decode(make_codec(**params).encode(call)).call


def alike(one: Any, other: Any) -> bool:
    """Whether two calls are the same graph over the same data, with equal options."""
    (graph, data, _), (graph_2, data_2, _) = build_graph(one), build_graph(other)
    return (
        graph_to_dict(graph) == graph_to_dict(graph_2)
        and repr(data) == repr(data_2)
        and graph.root.template_id == graph_2.root.template_id
    )


shared = work("shared", [1, 2])
CALLS: Final[dict[str, Any]] = {
    "no arguments": order([]),
    "leaves": takes(1),
    "all leaves": join("ü\ud800", 1, -(2**70), 1.5, float("inf"), True, None, b"b", 2j),
    "keywords": takes(value=work(name="a", value=[1])),
    "nested": join("a", work("b", work("c")), work("d")),
    "shared call": join("a", shared, [shared, {"x": shared}]),
    "containers": takes([(work("a"), 1), {work("b"): {2}}, frozenset({3})]),
    "dataclass": takes(Order([work("a"), 2], "note", {"t"})),
    "item": takes(work("a")["key"][work("b")]),
    "map": takes(work.map(["a", "b"], cs.literal([1, 2]), max_in_flight=3, on_error="continue")),
    "map over a call": work.map(work("names"), value=range(3)),
    "router": cs.Router(work("a"), {1: work("b"), "x": 2}, default=work("c")),
    "router without a default": takes(cs.Router(True, {True: work("b")})),
    "literal": takes(cs.literal([1, [2]])),
    "policies": work.with_retry(3, 0.5, 2.0, 9.0, 0.1, (ValueError, Broken)).with_timeout(5)("a"),
    "condition": takes(work.run_if(work("c"), otherwise=[7])("a")),
    "order and label": work.after(work("b"), shared).named("label")("a"),
    "capacities": work.with_constraints(gpu=1, cpu=work("amount"))("a"),
    "resource": takes(cs.Inject(lamp)),
    "resource by name": takes(cs.Inject("db")),
    "environment": takes(cs.Env("HOME", default="x", description="where")),
    "container": [work("a"), {"b": work("b")}],
    "method-like variant": often("a"),
    "version": versioned(3),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_comes_back_as_it_was(name: str) -> None:
    assert alike(there_and_back(CALLS[name]), CALLS[name])


def test_a_parameter_comes_back_with_its_value() -> None:
    call = takes(cs.Param("n", type=int))
    decoded = make_codec().decode(make_codec(n="21").encode(call))
    assert list(decoded.parameters.values()) == [21]
    values = ParameterValues({})
    values.preset(decoded.parameters)
    graph, _, _ = build_graph(decoded.call)
    assert values.value(graph.nodes[0].operation) == 21  # type: ignore[arg-type]
    assert alike(decoded.call, there_and_back(call, n=21))


def test_options_of_a_task_with_a_name_of_its_own_are_those_of_the_program() -> None:
    came_back = there_and_back(often("a"))
    assert came_back._task is often
    assert b"MemoryCache" not in make_codec().encode(often("a"))


def test_what_is_shared_stays_shared() -> None:
    holder = [1]
    call = there_and_back(join("a", shared, takes([shared]), holder, {"again": holder}))
    name, first, second, third, fourth = call._args
    assert name == "a"
    assert second._args[0][0] is first
    assert fourth["again"] is third


def test_the_quick_way_and_the_long_way_write_the_same_call() -> None:
    twice = work("c", None)
    call = join("a", work("b", 1.5), twice, twice, True)
    codec = make_codec()
    quick = codec.encode_simple(call)
    assert quick is not None
    long = codec._encode(call)
    assert alike(codec.decode(quick).call, codec.decode(long).call)
    assert sorted(map(str, json.loads(quick)["tasks"])) == sorted(map(str, json.loads(long)["tasks"]))
    assert len(json.loads(quick)["parts"]) == len(json.loads(long)["parts"])


@settings(deadline=None)
@given(
    st.recursive(
        st.one_of(st.integers(), st.floats(allow_nan=False), st.text(), st.booleans(), st.none()),
        lambda inner: st.builds(
            lambda values, named: join("x", *values, **named), st.lists(inner, max_size=3), st.just({})
        ),
        max_leaves=12,
    ).filter(lambda call: isinstance(call, LazyResult))
)
def test_random_calls_come_back(call: Any) -> None:
    assert alike(there_and_back(call), call)


def test_a_chain_of_a_hundred_thousand_calls_needs_no_stack() -> None:
    call: Any = work("a")
    for _ in range(100_000):
        call = takes(call)
    came_back, depth = there_and_back(call), 0
    while came_back._task is takes:
        came_back, depth = came_back._args[0], depth + 1
    assert depth == 100_000


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (takes(object()), r"^args\[0\] is a builtins.object, which cannot be stored"),
        (takes(Order([1, {"when": object()}])), r"^args\[0\].items\[1\]\['when'\] is a builtins.object"),
        (join("a", takes(value=[object()])), r"^takes\(…\)\.value\[0\] is a builtins.object"),
        (takes(x for x in "ab"), r"^args\[0\] is a builtins.generator"),
        (
            work.with_cache(cs.MemoryCache())("a"),
            r"^it has a cache, which cannot be stored with the call; give the task",
        ),
        (work.with_retry(2, retry_on=callable)("a"), r"^it has a predicate that says what is tried again"),
        (takes(cs.Env("X", type=json.loads)), r"^.* is an Env of type .* convert it"),
    ],
)
def test_what_cannot_be_stored_is_named_with_its_place(call: Any, said: str) -> None:
    with pytest.raises(cs.UnstorableValueError, match=said):
        make_codec().encode(call)


def test_a_container_that_contains_itself_is_refused() -> None:
    circle: list[Any] = [1]
    circle.append(circle)
    with pytest.raises(cs.UnstorableValueError, match="contains itself"):
        make_codec().encode(takes(circle))


def test_a_shared_value_may_be_of_a_class_that_only_the_tasks_around_it_know() -> None:
    order = Order([1])
    codec = CallCodec(Names(TypeRegistry()), ParameterValues({}).value)
    came_back = codec.decode(codec.encode(join("a", annotated(order), annotated(order)))).call
    assert came_back._args[1]._args[0] == order
    assert came_back._args[1]._args[0] is came_back._args[2]._args[0]


def test_a_class_that_is_not_registered_is_refused_when_it_is_written() -> None:
    codec = CallCodec(Names(TypeRegistry()), ParameterValues({}).value)
    with pytest.raises(cs.UnstorableValueError, match="which is not registered"):
        codec.encode(takes(Order([])))
    with pytest.raises(cs.UnstorableValueError, match="which is not registered"):
        codec.encode(takes([takes(Order([]))]))


# --- Bytes ------------------------------------------------------------------------------------------------------------


def test_version_1_is_read_and_is_what_is_written() -> None:
    calls = [CALLS[name] for name in CALLS if name != "order and label"]
    written = make_codec().encode(calls)
    assert alike(make_codec().decode(GOLDEN.read_bytes()).call, calls)
    assert json.loads(written) == json.loads(GOLDEN.read_bytes())


def refused(data: bytes) -> bool:
    """Whether the bytes are refused; if not, they are a call that nobody has made."""
    try:
        make_codec().decode(data)
    except (cs.CorruptDataError, cs.TaskNotFoundError, cs.TaskVersionError, cs.UnstorableValueError) as error:
        return bool(str(error))
    return False


@settings(deadline=None)
@given(st.binary())
def test_any_bytes_are_refused_in_words(data: bytes) -> None:
    assert refused(data)


ANY_JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["$", "v", "args", "task", "kwargs", "options", "type", "x"]), inner, max_size=4
        )
        | st.builds(
            lambda tag, fields: {**fields, "$": tag},
            st.sampled_from(
                ["ref", "call", "map", "router", "item", "literal", "inject", "param", "env", "tuple", "set"]
            ),
            st.dictionaries(
                st.sampled_from(
                    "v task args kwargs options map keys routes selector source key value name resource default type "
                    "description".split()
                ),
                inner,
                max_size=6,
            ),
        )
    ),
    max_leaves=20,
)


@settings(deadline=None)
@given(parts=st.lists(ANY_JSON, max_size=4), call=ANY_JSON)
def test_any_document_is_a_call_or_refused_in_words(parts: Any, call: Any) -> None:
    tasks = [["tests.durability.programs:takes", ""], ["tests.durability.programs:versioned", "1"]]
    document = {"format": "cascade-call", "version": 1, "tasks": tasks, "parts": parts, "call": call}
    refused(json.dumps(document).encode("utf-8", "surrogatepass"))


@settings(deadline=None)
@given(st.data())
def test_damaged_bytes_are_a_call_or_refused_in_words(draw: st.DataObject) -> None:
    data = bytearray(GOLDEN.read_bytes())
    for _ in range(draw.draw(st.integers(1, 3))):
        place = draw.draw(st.integers(0, len(data) - 1))
        data[place : place + draw.draw(st.integers(0, 3))] = draw.draw(st.binary(max_size=3))
    refused(bytes(data))


@pytest.mark.parametrize(
    "name",
    [
        "os:system",
        "builtins:exec",
        "tests.durability.programs:Order",
        "tests.durability.programs:CALLS",
        "nowhere:x",
        ":",
    ],
)
def test_a_name_that_leads_to_no_task_leads_nowhere(name: str) -> None:
    data = make_codec().encode(takes(1)).replace(b"tests.durability.programs:takes", name.encode())
    with pytest.raises(cs.TaskNotFoundError):
        make_codec().decode(data)


def test_nothing_is_imported_because_of_bytes() -> None:
    data = make_codec().encode(takes(1)).replace(b"tests.durability.programs:takes", b"antigravity:takes")
    with pytest.raises(cs.TaskNotFoundError, match="that module is not imported"):
        make_codec().decode(data)
    assert "antigravity" not in sys.modules


def test_a_newer_version_is_refused() -> None:
    data = make_codec().encode(takes(1)).replace(b'"version":1', b'"version":2')
    with pytest.raises(cs.CorruptDataError, match="of version 2, and this version of Cascade reads versions up to 1"):
        make_codec().decode(data)
