"""Resources: opened when they are first needed, closed in reverse order whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from cascade import workflow as cs
from cascade.testing import RecordingBus
from tests.support.running import run_virtually

LOG: list[str] = []


@pytest.fixture(autouse=True)
def log() -> list[str]:
    LOG.clear()
    return LOG


def opened(name: str) -> Iterator[str]:
    LOG.append(f"open {name}")
    try:
        yield name
    except BaseException as error:
        LOG.append(f"{name} sees {type(error).__name__}")
        raise
    finally:
        LOG.append(f"close {name}")


@cs.resource
def config() -> Iterator[str]:
    yield from opened("config")


@cs.resource
def database(_config: str = cs.Inject(config)) -> Iterator[str]:
    yield from opened("database")


@cs.resource(scope="step")
def cursor(_database: str = cs.Inject(database)) -> Iterator[str]:
    yield from opened("cursor")


@cs.resource(name="pool")
async def make_pool() -> AsyncIterator[str]:
    LOG.append("open pool")
    await asyncio.sleep(1)
    yield "pool"
    await asyncio.sleep(1)
    LOG.append("close pool")


@cs.resource
@contextlib.contextmanager
def managed() -> Iterator[str]:
    yield from opened("managed")


@cs.resource
@contextlib.asynccontextmanager
async def managed_async() -> AsyncIterator[str]:
    LOG.append("open managed_async")
    yield "managed_async"
    LOG.append("close managed_async")


@cs.task(mode="inline")
def use(*values: Any, db: Any = cs.Inject(database)) -> Any:
    LOG.append("use")
    return (*values, db)


@cs.task(mode="inline")
def plain(*values: Any) -> Any:
    LOG.append("plain")
    return values


def test_a_resource_is_the_default_of_a_parameter() -> None:
    assert cs.run(use(1)) == (1, "database")


def test_an_argument_takes_the_place_of_the_resource_which_is_then_not_opened() -> None:
    assert cs.run(use(1, db="mine")) == (1, "mine")
    assert LOG == ["use"]


def test_a_resource_may_be_an_argument_also_inside_containers_and_mapped_tasks() -> None:
    assert cs.run(plain(cs.Inject(config), [cs.Inject(config), {"x": cs.Inject(config)}])) == (
        "config",
        ["config", {"x": "config"}],
    )
    assert cs.run(use.map([1, 2])) == [(1, "database"), (2, "database")]
    assert cs.run(plain.map([1, 2], cs.literal(cs.Inject(config)))) == [(1, "config"), (2, "config")]


def test_resources_open_when_first_needed_and_close_in_reverse_order() -> None:
    cs.run(use(plain()))
    assert LOG == ["plain", "open config", "open database", "use", "close database", "close config"]


def test_a_resource_that_nobody_needs_is_not_opened() -> None:
    cs.run(plain(use().run_if(False), plain()).run_if(False, otherwise=plain()))
    assert LOG == ["plain"]


def test_a_resource_of_the_run_is_opened_once_for_all_its_steps() -> None:
    @cs.task(mode="inline")
    def loop(n: int, db: str = cs.Inject(database)) -> str:
        LOG.append(f"step {n}")
        return db if n == 0 else loop(n - 1)

    assert cs.run(loop(2)) == "database"
    assert [line for line in LOG if "config" not in line] == [
        "open database",
        "step 2",
        "step 1",
        "step 0",
        "close database",
    ]


def test_a_resource_of_the_step_is_opened_anew_in_every_step() -> None:
    @cs.task(mode="inline")
    def loop(n: int, _cursor: str = cs.Inject(cursor)) -> str:
        LOG.append(f"step {n}")
        return "done" if n == 0 else loop(n - 1)

    cs.run(loop(1))
    assert [line for line in LOG if "config" not in line] == [
        "open database",
        "open cursor",
        "step 1",
        "close cursor",
        "open cursor",
        "step 0",
        "close cursor",
        "close database",
    ]


@pytest.mark.parametrize("resource", [make_pool, managed, managed_async], ids=lambda resource: resource.name)
def test_async_generators_and_context_managers_are_resources_too(resource: Any) -> None:
    @cs.task
    async def consume(value: str = cs.Inject(resource)) -> str:
        LOG.append("use")
        return value

    assert run_virtually(consume())[0] == resource.name
    assert [f"open {resource.name}", "use", f"close {resource.name}"] == LOG


def test_consumers_that_start_at_once_share_one_resource() -> None:
    assert run_virtually(plain.map([1] * 5, cs.literal(cs.Inject(make_pool))))[0] == [(1, "pool")] * 5
    assert LOG.count("open pool") == 1


def test_the_exception_of_a_task_is_raised_inside_every_resource() -> None:
    @cs.task
    def fail(db: str = cs.Inject(database)) -> None:
        raise LookupError(db)

    with pytest.raises(LookupError):
        cs.run(fail())
    assert LOG == [
        "open config",
        "open database",
        "database sees LookupError",
        "close database",
        "config sees LookupError",
        "close config",
    ]


def test_a_resource_that_swallows_the_exception_does_not_swallow_the_failure() -> None:
    @cs.resource
    def lenient() -> Iterator[int]:
        with contextlib.suppress(LookupError):
            yield 1

    @cs.task
    def fail(value: int = cs.Inject(lenient)) -> None:
        raise LookupError(value)

    with pytest.raises(LookupError):
        cs.run(fail())


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
async def test_an_exit_of_a_task_closes_every_resource_before_it_leaves_the_run(error: type[BaseException]) -> None:
    @cs.task
    async def leave(_database: str = cs.Inject(database)) -> None:
        raise error

    with pytest.raises(error):
        await cs.arun(leave())
    assert LOG[-2:] == [f"config sees {error.__name__}", "close config"]


def test_a_resource_that_cannot_be_opened_ends_the_run_and_closes_the_others() -> None:
    @cs.resource
    def broken(_config: str = cs.Inject(config)) -> Iterator[int]:
        raise ConnectionError("no server")
        yield 1

    with pytest.raises(ConnectionError, match="no server"):
        cs.run(plain(cs.Inject(broken)))
    assert LOG == ["open config", "config sees ConnectionError", "close config"]


def test_an_exception_while_closing_is_raised_if_there_is_no_other() -> None:
    @cs.resource
    def broken(_config: str = cs.Inject(config)) -> Iterator[int]:
        yield 1
        raise ConnectionError("on closing")

    with pytest.raises(ConnectionError, match="on closing"):
        cs.run(plain(cs.Inject(broken)))
    assert LOG[-1] == "close config"


def test_an_exception_while_closing_does_not_replace_that_of_a_task() -> None:
    @cs.resource
    def broken() -> Iterator[int]:
        try:
            yield 1
        finally:
            raise ConnectionError("on closing")

    @cs.task
    def fail(value: int = cs.Inject(broken)) -> None:
        raise LookupError(value)

    with pytest.raises(LookupError) as caught:
        cs.run(fail())
    assert any("on closing" in note for note in caught.value.__notes__)


def test_all_that_closing_raised_between_two_steps_is_said() -> None:
    def broken(name: str) -> Any:
        @cs.resource(name=name, scope="step")
        def made() -> Iterator[int]:
            yield 1
            raise ConnectionError(f"{name} on closing")

        return made

    @cs.task
    def loop(n: int, *_resources: int) -> int:
        return n if n else loop(1)

    with pytest.raises(ConnectionError, match="second on closing") as caught:
        cs.run(loop(0, cs.Inject(broken("first")), cs.Inject(broken("second"))))
    assert any("ConnectionError: first on closing" in note for note in caught.value.__notes__)


async def test_a_run_that_is_cancelled_while_a_resource_is_closed_waits_for_it() -> None:
    is_closing = asyncio.Event()
    bus = RecordingBus(cs.ResourceReleased)

    @cs.resource(scope="step")
    async def slow() -> AsyncIterator[int]:
        yield 1
        is_closing.set()
        await asyncio.sleep(0.05)
        LOG.append("close slow")

    @cs.task
    def loop(n: int, _slow: int = cs.Inject(slow)) -> int:
        return n if n else loop(1)

    run = asyncio.create_task(cs.Engine(bus=bus).run(loop(0)))
    await is_closing.wait()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert LOG == ["close slow"]
    assert len(bus.events) == 1


def test_a_failed_attempt_is_retried_with_the_same_resource() -> None:
    attempts: list[str] = []

    @cs.task
    async def flaky(db: str = cs.Inject(database)) -> str:
        attempts.append(db)
        if len(attempts) < 3:
            raise ConnectionError
        return db

    assert run_virtually(flaky.with_retry(3)())[0] == "database"
    assert LOG.count("open database") == 1


def test_what_a_resource_raises_when_it_is_closed_names_it() -> None:
    @cs.resource
    def twice() -> Iterator[int]:
        yield 1
        yield 2

    @cs.task
    def take(value: int = cs.Inject(twice)) -> int:
        return value

    with pytest.raises(RuntimeError, match="generator didn't stop") as caught:
        cs.run(take())
    assert caught.value.__notes__[0] == "Cascade: while resource 'twice' was closed"


def test_resources_are_found_by_name_in_the_engine_and_in_the_run() -> None:
    @cs.task
    def by_name(value: Any = cs.Inject("pool")) -> Any:
        return value

    assert run_virtually(by_name(), cs.Engine(resources=[make_pool]))[0] == "pool"
    assert run_virtually(by_name(), resources=[make_pool])[0] == "pool"


def test_a_resource_can_be_replaced_for_a_test() -> None:
    @cs.resource
    def fake() -> Iterator[str]:
        yield "fake"

    engine = cs.Engine()
    with engine.override(database=fake):
        assert cs.run(use(), engine=engine) == ("fake",)
    assert cs.run(use(), engine=engine) == ("database",)
    with (
        pytest.raises(cs.ResourceError, match="takes what @resource made, not 'fake'"),
        engine.override(database="fake"),  # type: ignore[arg-type]
    ):
        raise AssertionError("never here")
    assert cs.run(use(), engine=engine) == ("database",)


def test_opening_and_closing_is_published() -> None:
    bus = RecordingBus(cs.ResourceEvent)
    cs.run(use(), engine=cs.Engine(bus=bus))
    assert [(type(event), event.resource, event.scope) for event in bus.of(cs.ResourceEvent)] == [
        (cs.ResourceAcquired, "config", "run"),
        (cs.ResourceAcquired, "database", "run"),
        (cs.ResourceReleased, "database", "run"),
        (cs.ResourceReleased, "config", "run"),
    ]
