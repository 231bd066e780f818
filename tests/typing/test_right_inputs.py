"""Right programs: parameters, environment and resources. Accepted by mypy and pyright (see test_checkers.py)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext
from enum import Enum
from io import StringIO
from pathlib import Path
from typing import Any, TextIO, assert_type

import pytest

from cascade import workflow as cs
from cascade.spec.resources import Resource


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


def positive(raw: Any) -> int:
    number = int(raw)
    if number <= 0:
        raise ValueError("must be greater than 0")
    return number


@cs.task
def double(n: int) -> int:
    return 2 * n


@cs.task
def describe(
    colour: Colour = cs.Param("colour", type=Colour, default=Colour.RED),
    folder: Path | None = cs.Param("folder", type=Path, default=None),
    size: float = cs.Param("size", type=float, default=3),
    *,
    user: str = cs.Env("CASCADE_TEST_USER", default="nobody", description="Who runs it."),
    shards: int = cs.Env("CASCADE_TEST_SHARDS", type=int),
) -> str:
    return f"{colour.value} {folder} {size} {user} {shards}"


def test_parameters_and_environment_are_typed_as_their_values(monkeypatch: pytest.MonkeyPatch) -> None:
    assert_type(cs.Param("a"), str)
    assert_type(cs.Param("a", type=int), int)
    assert_type(cs.Param("a", type=positive, description="How many."), int)
    assert_type(cs.Param("a", default=1), int)
    assert_type(cs.Param("a", type=int, default=1), int)
    assert_type(cs.Param("a", type=int, default=None), int | None)
    assert_type(cs.Param("a", type=Colour, default=Colour.RED), Colour)
    assert_type(cs.Env("A"), str)
    assert_type(cs.Env("A", type=Path), Path)
    assert_type(double(cs.Param("n", type=int)), int)
    assert cs.run(double(cs.Param("n", type=positive)), {"n": "21"}) == 42
    monkeypatch.setenv("CASCADE_TEST_SHARDS", "4")
    assert cs.run(describe(), {"colour": "blue"}) == "blue None 3 nobody 4"
    assert cs.run(describe(folder=Path("a"), size=cs.Param("s", type=float)), {"s": 1}) == "red a 1.0 nobody 4"


@cs.resource
def by_generator() -> Generator[str, None, None]:
    yield "generator"


@cs.resource
def by_iterator() -> Iterator[str]:
    yield "iterator"


@cs.resource
async def by_async_generator() -> AsyncGenerator[str, None]:
    yield "async generator"


@cs.resource(name="by async iterator", scope="step")
async def by_async_iterator() -> AsyncIterator[str]:
    yield "async iterator"


@contextmanager
def manager() -> Generator[str]:
    yield "manager"


@asynccontextmanager
async def async_manager() -> AsyncGenerator[str]:
    yield "async manager"


@cs.resource(scope="step")
def by_abstract_manager() -> AbstractContextManager[str]:
    return nullcontext("null context")


class Session:
    def __enter__(self) -> str:
        return "session"

    def __exit__(self, *_: object) -> None:
        pass


@cs.resource
def by_file() -> TextIO:
    return StringIO("file")


@cs.resource
def by_others(first: str = cs.Inject(by_generator), number: int = 1) -> Iterator[tuple[str, int]]:
    yield first, number


by_manager = cs.resource(manager)
by_async_manager = cs.resource(name="async_manager")(async_manager)
by_class = cs.resource(Session)


@cs.task
def collect(*parts: str) -> str:
    return ", ".join(parts)


@cs.task
async def read(file: TextIO = cs.Inject(by_file), other: tuple[str, int] = cs.Inject(by_others)) -> str:
    return f"{file.read()} {other}"


@cs.task
def by_name(name: str = cs.Inject("by_generator")) -> str:
    return name


def test_resources_are_typed_as_what_they_give() -> None:
    assert_type(by_generator, Resource[str])
    assert_type(by_iterator, Resource[str])
    assert_type(by_async_generator, Resource[str])
    assert_type(by_async_iterator, Resource[str])
    assert_type(by_manager, Resource[str])
    assert_type(by_async_manager, Resource[str])
    assert_type(by_abstract_manager, Resource[str])
    assert_type(by_class, Resource[str])
    assert_type(by_file, Resource[TextIO])
    assert_type(by_others, Resource[tuple[str, int]])
    assert_type(cs.Inject(by_others), tuple[str, int])
    parts = collect(
        cs.Inject(by_generator),
        cs.Inject(by_iterator),
        cs.Inject(by_async_generator),
        cs.Inject(by_async_iterator),
        cs.Inject(by_manager),
        cs.Inject(by_async_manager),
        cs.Inject(by_abstract_manager),
        cs.Inject(by_class),
    )
    assert cs.run(parts) == (
        "generator, iterator, async generator, async iterator, manager, async manager, null context, session"
    )
    assert cs.run(read()) == "file ('generator', 1)"


def test_resource_by_name() -> None:
    with cs.Engine(resources=[by_generator]) as engine:
        assert_type(cs.run(by_name(), engine=engine), str)
    assert cs.run(by_name(), resources=[by_generator]) == "generator"
