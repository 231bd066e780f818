"""Right programs: modifiers, maps, routers, and running. Accepted by mypy and pyright (see test_checkers.py)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, assert_type

from cascade import workflow as cs
from cascade.spec.protocols import CachePolicy


@cs.task
def fetch(url: str, timeout_s: float = 1.0) -> bytes:
    return url.encode()


@cs.task
async def fetch_async(url: str) -> bytes:
    return url.encode()


@cs.task
def size(data: bytes) -> int:
    return len(data)


@cs.task
def is_long(url: str) -> bool:
    return len(url) > 3


@cs.task
def show(value: int | str | None) -> str:
    return repr(value)


class Memory:
    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    def key(self, task: cs.Task[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
        return f"{task.name}{args}{kwargs}"

    async def load(self, key: str) -> tuple[Any] | None:
        return (self.kept[key],) if key in self.kept else None

    async def store(self, key: str, value: Any, ttl_s: float | None = None) -> None:
        self.kept[key] = value


def test_modifiers_keep_the_signature() -> None:
    cache: CachePolicy = Memory()
    assert_type(fetch.with_retry(3)("a"), bytes)
    assert_type(fetch.with_retry(3, delay_s=0, backoff=2, jitter=0.1, retry_on=(OSError, ValueError))("a"), bytes)
    assert_type(fetch.with_retry(retry_on=lambda error: isinstance(error, OSError))("a", timeout_s=2), bytes)
    assert_type(fetch.with_cache(cache).named("page")("a"), bytes)
    assert_type(fetch_async.with_timeout(5).with_retry(2)("a"), bytes)
    assert_type(fetch.with_constraints(gpu=1, memory_gb=0.5, licence=size(fetch("a")))("a"), bytes)
    assert cs.run(size(fetch.with_cache(cache).named("page").with_retry(3)("abc"))) == 3


def test_conditions_and_order() -> None:
    here = fetch("a")
    assert_type(fetch.run_if(is_long("abcd"))("b"), bytes)
    assert_type(fetch.run_if(True, otherwise=b"")("b"), bytes)
    assert_type(fetch.after(here, fetch_async("b"))("c"), bytes)
    assert cs.run(size(fetch.run_if(is_long("a"), otherwise=b"12")("abc"))) == 2
    assert cs.run(fetch.after(here, fetch_async("b"))("c")) == b"c"


def test_maps_are_typed_as_the_list_of_their_results() -> None:
    pages = fetch.map(url=["a", "bc"], timeout_s=cs.literal(2.0))
    assert_type(pages, list[bytes])
    assert_type(size.map(pages), list[int])
    assert_type(fetch_async.with_retry(2).map(["a"], max_in_flight=4), list[bytes])
    assert_type(pages[0], bytes)
    assert_type(fetch.map(["a"], on_error="continue"), list[bytes | cs.Failure])
    assert cs.run((size.map(pages), size(pages[1]))) == ([1, 2], 2)


def test_router_is_typed_as_the_union_of_its_routes() -> None:
    data = cs.Router(is_long("abcd"), {True: fetch("yes"), False: fetch_async("no")})
    assert_type(data, bytes)
    assert_type(cs.Router(is_long("a"), {True: size(data)}, default=None), int | None)
    assert_type(cs.Router("a", {"a": size(data)}, default="none"), int | str)
    assert_type(cs.Router("a", {"a": cs.Router("b", {"b": 1}), "b": 2}), int)
    assert cs.run(size(data)) == 3
    # mypy joins the values of a dict display to "object", so it needs the annotation: see limits.py.
    routes: dict[str, int | str] = {"a": size(data), "b": "text"}
    assert_type(cs.Router("b", routes), int | str)
    assert cs.run(show(cs.Router("b", routes))) == "'text'"


def test_literal_is_typed_as_its_value() -> None:
    assert_type(cs.literal("abc"), str)
    assert_type(cs.literal([1, 2]), list[int])
    assert cs.run(fetch(cs.literal("abc"))) == b"abc"


def test_run_is_typed_as_the_target() -> None:
    assert_type(cs.run(size(fetch("a"))), int)
    assert_type(cs.run((size(fetch("a")), fetch("b"))), tuple[int, bytes])
    assert_type(cs.run([size(fetch("a")), 2]), list[int])
    assert_type(cs.run({"a": [size(fetch("a"))]}), dict[str, list[int]])
    assert_type(cs.run(size.map([b"a", b""])), list[int])
    with cs.Engine(system_resources={"gpu": 1}) as engine:
        assert_type(cs.run(size(b"a"), engine=engine, timeout_s=5), int)


async def test_arun_and_engine_run_are_typed_as_the_target() -> None:
    assert_type(await cs.arun(size(b"a")), int)
    assert_type(await cs.arun({"a": fetch("a")}, params={}), dict[str, bytes])
    with cs.Engine() as engine:
        assert_type(await engine.run((size(b"a"), fetch("a"))), tuple[int, bytes])
        one, two = await asyncio.gather(engine.run(size(b"a")), engine.run(fetch("a")))
    assert_type(one, int)
    assert_type(two, bytes)


async def test_handle_is_typed_as_the_target() -> None:
    handle: cs.RunHandle[tuple[int, bytes]] = cs.start((size(b"a"), fetch("a")), events=cs.Event)
    assert_type(await handle, tuple[int, bytes])
    assert_type(handle.result(timeout_s=5), tuple[int, bytes])
    assert_type(cs.start(size(b"a")).result(), int)
    for event in handle.events():
        assert_type(event, cs.Event)


def test_subscriber_is_typed_as_the_event_it_asked_for() -> None:
    finished: list[cs.TaskExecutionFinished] = []

    def note(event: cs.TaskEvent) -> None:
        assert event.task == "size"

    with cs.Engine() as engine:
        engine.subscribe(cs.TaskExecutionFinished, finished.append)
        engine.subscribe(cs.TaskExecutionFinished, note)
        cs.run(size(b"a"), engine=engine)
    assert_type(finished[0].duration_s, float)
