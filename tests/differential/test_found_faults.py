"""The smallest programs of faults that the random programs, or reading beside them, have found."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from cascade import workflow as cs

STEPS = 20
"""Enough for a loop to be compiled."""


@pytest.fixture(params=[True, False], ids=["jit", "interpreter"])
def engine(request: pytest.FixtureRequest) -> Iterator[cs.Engine]:
    with cs.Engine(jit=request.param) as made:
        yield made


@cs.resource
def db() -> Iterator[str]:
    yield "DB"


@cs.task(mode="inline")
def same(value: Any) -> Any:
    return value


@cs.task(mode="inline")
def defaulted(value: Any = 5) -> Any:
    return value


@cs.task(mode="inline")
def shown(value: Any) -> str:
    """Uses the value: to return it would have a stand-in evaluated after all."""
    return f"<{value}>"


# --- A resource in the place of a decision ----------------------------------------------------------------------------


def test_a_resource_can_be_a_route(engine: cs.Engine) -> None:
    routed = cs.Router(same(1), {1: cs.Inject(db)})
    assert cs.run(routed, engine=engine) == "DB"
    assert cs.run(shown(routed), engine=engine) == "<DB>"


def test_a_resource_can_be_the_alternative_of_a_condition(engine: cs.Engine) -> None:
    assert cs.run(shown(same.run_if(False, otherwise=cs.Inject(db))(1)), engine=engine) == "<DB>"


def test_a_resource_can_be_a_condition(engine: cs.Engine) -> None:
    assert cs.run(same.run_if(cs.Inject(db))(1), engine=engine) == 1


def test_a_resource_can_be_a_selector(engine: cs.Engine) -> None:
    assert cs.run(cs.Router(cs.Inject(db), {"DB": 1}, default=2), engine=engine) == 1


def test_a_resource_can_be_broadcast_and_mapped_over(engine: cs.Engine) -> None:
    @cs.task(mode="inline")
    def pair(left: int, right: Any) -> tuple[int, Any]:
        return left, right

    assert cs.run(pair.map([1, 2], cs.literal(cs.Inject(db))), engine=engine) == [(1, "DB"), (2, "DB")]
    assert cs.run(same.map(cs.Inject(db)), engine=engine) == ["D", "B"]


# --- Values -----------------------------------------------------------------------------------------------------------


def test_parameters_whose_defaults_are_equal_but_not_the_same_are_not_mixed_up(engine: cs.Engine) -> None:
    for default in (1, True, 1.0):
        value = cs.run(same(cs.Param("n", type=int, default=default)), engine=engine)
        assert (type(value), value) == (type(default), default)


# --- Skips ------------------------------------------------------------------------------------------------------------


def test_a_node_that_ran_is_not_reported_as_skipped(engine: cs.Engine) -> None:
    @cs.task(mode="inline")
    def outer() -> Any:
        return same.run_if(False)(1)

    skipped: list[str] = []
    engine.subscribe(cs.TaskSkipped, lambda event: skipped.append(event.task))
    assert cs.run(defaulted(outer()), engine=engine) == 5
    assert skipped == ["same"]


def test_a_map_over_a_skipped_iterable_is_skipped_whatever_the_default_of_an_item(engine: cs.Engine) -> None:
    skipped = same.run_if(False)([1])
    assert cs.run(defaulted(defaulted.map(skipped)), engine=engine) == 5


def test_a_broadcast_argument_that_was_skipped_takes_the_default(engine: cs.Engine) -> None:
    @cs.task(mode="inline")
    def pair(left: int, right: Any = "default") -> tuple[int, Any]:
        return left, right

    skipped = same.run_if(False)("value")
    mapped = pair.map([1, 2], right=cs.literal(skipped))
    assert cs.run(mapped, engine=engine) == [(1, "default"), (2, "default")]


# --- Failures that are kept -------------------------------------------------------------------------------------------


def test_an_item_that_fails_twice_at_once_ends_once(engine: cs.Engine) -> None:
    @cs.task
    async def failing(number: int) -> int:
        raise ValueError(number)

    @cs.task
    async def waiting(number: int) -> int:
        for _ in range(20):
            await asyncio.sleep(0)
        return number

    @cs.task(mode="inline")
    def pair(left: int, right: int) -> int:
        return left + right

    @cs.task(mode="inline")
    def item(number: int) -> int:
        return pair(failing(1), failing(2)) if number == 0 else waiting(number)

    values: list[Any] = cs.run(item.map([0, 1], on_error="continue"), engine=engine)
    assert isinstance(values[0], cs.Failure)
    assert values[1] == 1


# --- Pure calls -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrap", [lambda call: [call], lambda call: {"key": call}, lambda call: call[0]])
def test_pure_calls_of_equal_arguments_are_one_node(engine: cs.Engine, wrap: Any) -> None:
    calls: Counter[str] = Counter()

    @cs.task(pure=True, mode="inline")
    def pure(value: Any) -> list[Any]:
        calls[repr(value)] += 1
        return [value]

    cs.run((pure(wrap(pure(1))), pure(wrap(pure(1)))), engine=engine)
    assert sum(calls.values()) == 2, "the inner call and the outer call, each once"


def test_pure_calls_of_the_same_parameter_are_one_node(engine: cs.Engine) -> None:
    calls: list[int] = []

    @cs.task(pure=True, mode="inline")
    def pure(value: int) -> int:
        calls.append(value)
        return value

    cs.run((pure(cs.Param("n", default=1)), pure(cs.Param("n", default=1))), engine=engine)
    assert calls == [1]


# --- Compiled loops ---------------------------------------------------------------------------------------------------


def test_a_loop_that_ends_with_a_literal_takes_as_many_steps_as_when_it_is_interpreted(engine: cs.Engine) -> None:
    @cs.task(mode="inline")
    def loop(steps: int) -> Any:
        return loop(steps - 1) if steps else cs.literal([1])

    seen: list[int] = []
    engine.subscribe(cs.RunFinished, lambda event: seen.append(event.steps))
    assert cs.run(loop(STEPS), engine=engine) == [1]
    assert seen == [STEPS + 1]


def test_the_name_of_a_task_is_no_code(engine: cs.Engine, capsys: pytest.CaptureFixture[str]) -> None:
    @cs.task(mode="inline", name="loop\n" + " " * 16 + "print('injected')\n" + " " * 16 + "#")
    def loop(steps: int) -> int:
        return loop(steps - 1) if steps else 0

    @cs.task(mode="inline", name="two\nlines")
    def other(steps: int) -> int:
        return other(steps - 1) if steps else 0

    assert cs.run(loop(STEPS), engine=engine) == 0
    assert cs.run(other(STEPS), engine=engine) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", ["class", "two words", "\N{ANGSTROM SIGN}", "call", "__debug__"])
def test_any_keyword_can_be_passed_on_by_a_loop(engine: cs.Engine, name: str) -> None:
    @cs.task(mode="inline")
    def loop(**named: int) -> Any:
        ((key, steps),) = named.items()
        return loop(**{key: steps - 1}) if steps else key

    assert cs.run(loop(**{name: STEPS}), engine=engine) == name


def test_a_loop_of_a_failed_item_stops(engine: cs.Engine) -> None:
    """The loop of an item whose other call has failed must not go on beside the rest of the run."""
    steps = 0

    async def give_way() -> None:
        for _ in range(5):  # each time the engine works for a slice of its time
            await asyncio.sleep(0)

    @cs.task(mode="inline")
    def endless() -> Any:
        nonlocal steps
        steps += 1
        return endless()

    @cs.task
    async def failing() -> None:
        await give_way()
        raise ValueError

    @cs.task(mode="inline")
    def item(number: int) -> Any:
        return [endless(), failing()]

    @cs.task
    async def steps_afterwards(_results: list[Any]) -> int:
        before = steps
        await give_way()
        return steps - before

    mapped = item.map([0], on_error="continue")
    assert cs.run(steps_afterwards(mapped), engine=engine, timeout_s=20) == 0
