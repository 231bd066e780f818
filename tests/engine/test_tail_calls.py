"""A task that returns a call of a task goes on with it: as the next step, with exactly that call's arguments."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import pytest

from cascade import workflow as cs
from cascade.testing import RecordingBus
from tests.support.running import make_module, run_script


def steps_of(target: Any) -> int:
    bus = RecordingBus(cs.RunFinished)
    cs.run(target, engine=cs.Engine(bus=bus))
    return bus.of(cs.RunFinished)[0].steps


@cs.task
def countdown(n: int, seen: list[int]) -> str:
    seen.append(n)
    return "done" if n <= 0 else countdown(n - 1, seen)


@cs.task
def ping(n: int, path: str = "") -> str:
    return path if n <= 0 else pong(n - 1, path + "i")


@cs.task
def pong(n: int, path: str) -> str:
    return path if n <= 0 else ping(n - 1, path + "o")


@cs.task
def total(*values: int) -> int:
    return sum(values)


@cs.task
def add_up(n: int, so_far: int = 0) -> int:
    return so_far if n == 0 else add_up(n - 1, so_far + n)


@cs.task
async def add_up_async(n: int, so_far: int = 0) -> int:
    return so_far if n == 0 else await_free(n - 1, so_far + n)


@cs.task
async def await_free(n: int, so_far: int) -> int:
    return add_up_async(n, so_far)


@cs.task
def fan_out(n: int) -> list[int]:
    return add_up.map(range(n))


def test_each_step_of_a_loop_sees_its_own_argument() -> None:
    seen: list[int] = []
    assert cs.run(countdown(500, seen)) == "done"
    assert seen == list(range(500, -1, -1))


def test_each_tail_call_of_the_outermost_loop_is_a_step() -> None:
    assert steps_of(countdown(4, [])) == 5
    assert steps_of(total(1, 2)) == 1


def test_a_loop_of_two_tasks_alternates_between_them() -> None:
    assert cs.run(ping(5)) == "ioioi"
    assert steps_of(ping(5)) == 6


def test_a_loop_of_async_tasks_goes_on_as_well() -> None:
    assert cs.run(add_up_async(100)) == 5050


def test_an_inner_node_that_returns_a_call_is_evaluated_before_its_consumer_sees_it() -> None:
    assert cs.run(total(add_up(10), total(1), add_up(3))) == 55 + 1 + 6


def test_the_loop_of_an_inner_node_is_no_step_of_the_run() -> None:
    assert steps_of(total(add_up(10), 1)) == 1


def test_a_mapped_item_that_returns_a_call_is_evaluated_in_its_place() -> None:
    assert cs.run(add_up.map([3, 0, 10])) == [6, 0, 55]


def test_a_tail_call_to_a_map_gives_the_list_of_its_items() -> None:
    assert cs.run(fan_out(5)) == [0, 1, 3, 6, 10]


def test_a_returned_container_of_calls_comes_back_with_their_values() -> None:
    @cs.task
    def both(n: int) -> dict[str, Any]:
        return {"up": add_up(n), "plain": n, "pair": 7}

    assert cs.run(both(4)) == {"up": 10, "plain": 4, "pair": 7}


def test_tasks_of_one_name_from_two_modules_never_mix() -> None:
    source = """
        @cs.task
        def step(n, path=""):
            return path if n <= 0 else other.step(n - 1, path + __name__)
    """
    first = make_module("a", source)
    second = make_module("b", source, other=first)
    first.__dict__["other"] = second
    assert first.step.name == second.step.name
    for _ in range(3):  # the second time, what is known of the shapes is used
        assert cs.run(first.step(5)) == "ababa"
        assert cs.run(second.step(4)) == "baba"


def test_tasks_of_one_name_from_one_function_never_mix() -> None:
    def make(sign: int) -> Any:
        @cs.task
        def step(n: int, so_far: int = 0) -> int:
            return so_far if n == 0 else step(n - 1, so_far + sign)

        return step

    up, down = make(1), make(-1)
    for _ in range(3):
        assert [cs.run(up(5)), cs.run(down(5)), cs.run([up(2), down(2)])] == [5, -5, [2, -2]]


def test_each_step_sees_its_own_arguments_however_the_call_is_written() -> None:
    seen: list[tuple[int, int, int]] = []

    @cs.task
    def loop(n: int, k: int = 10, *, m: int = 100) -> str:
        seen.append((n, k, m))
        if n == 0:
            return "done"
        return (
            loop(n - 1),
            loop(n=n - 1),
            loop(n - 1, k=n),
            loop(n - 1, n),
            loop(m=n, n=n - 1),
            loop(k=n, n=n - 1),
        )[n % 6]

    assert cs.run(loop(24, 1, m=2)) == "done"
    expected = [(24, 1, 2)]
    for n in range(24, 0, -1):
        k = n if n % 6 in (2, 3, 5) else 10
        m = n if n % 6 == 4 else 100
        expected.append((n - 1, k, m))
    assert seen == expected


def test_a_default_is_used_again_after_a_step_that_gave_the_argument() -> None:
    seen: list[int] = []

    @cs.task
    def loop(n: int, k: int = 0) -> str:
        seen.append(k)
        if n == 0:
            return "done"
        return loop(n - 1, k=7) if n % 2 else loop(n - 1)

    cs.run(loop(6))
    assert seen == [0, 0, 7, 0, 7, 0, 7]


def test_a_value_wrapped_in_literal_ends_the_loop_even_if_it_is_a_call() -> None:
    @cs.task
    def give_a_call() -> Any:
        return cs.literal(add_up(3))

    kept: Any = cs.run(give_a_call())
    assert cs.run(kept) == 6


@pytest.mark.slow
def test_a_million_steps_take_no_more_memory_than_a_hundred_thousand(tmp_path: Path) -> None:
    printed = run_script(
        tmp_path,
        """
        import resource, sys
        from cascade import workflow as cs

        peaks = {}

        @cs.task
        def shift(n):
            return n + 1

        @cs.task
        def loop(n, s):
            if n % 100_000 == 0:
                peaks[n] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            return "done" if n == 0 else loop(n - 1, n)

        assert cs.run(loop(1_000_000, 0)) == "done"
        unit = 1 if sys.platform == "darwin" else 1024
        print((peaks[0] - peaks[900_000]) * unit)
        """,
    )
    assert int(printed) < 4_000_000, "bytes by which the peak grew between the 100,000th and the last step"


@pytest.mark.slow
def test_steps_that_are_graphs_take_no_more_memory_either(tmp_path: Path) -> None:
    printed = run_script(
        tmp_path,
        """
        import resource, sys
        from cascade import workflow as cs

        peaks = {}

        @cs.task
        def one(n):
            return [n] * 100

        @cs.task
        def loop(n, left, right):
            if n % 10_000 == 0:
                peaks[n] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            return "done" if n == 0 else loop(n - 1, one(n), right=one(n))

        assert cs.run(loop(60_000, [], [])) == "done"
        unit = 1 if sys.platform == "darwin" else 1024
        print((peaks[0] - peaks[50_000]) * unit)
        """,
    )
    assert int(printed) < 4_000_000, "bytes by which the peak grew between the 10,000th and the last step"


def objects_alive_after(loop: Any, steps: int, engine: cs.Engine) -> int:
    """How many objects there are in the last step of a loop, which calls its second argument."""
    counts: list[int] = []

    def count() -> None:
        gc.collect()
        counts.append(len(gc.get_objects()))

    cs.run(loop(steps, count), engine=engine)
    return counts[-1]


@cs.task(mode="inline")
def routed(n: int, at_end: Any) -> Any:
    if n == 0:
        return at_end()
    return cs.Router("again", {"again": routed(n - 1, at_end), "stop": n})


@cs.task(mode="inline")
def decide(n: int) -> bool:
    return n > 0


@cs.task(mode="inline")
def decided_by_a_call(n: int, at_end: Any) -> Any:
    if n == 0:
        return at_end()
    return cs.Router(decide(n), {True: cs.Router("a", {"a": decided_by_a_call(n - 1, at_end)}), False: n})


@cs.task(mode="inline")
def otherwise(n: int, at_end: Any) -> Any:
    if n == 0:
        return at_end()
    return otherwise.run_if(False, otherwise=otherwise(n - 1, at_end))(n, at_end)


@cs.task(mode="inline")
def in_sequence(n: int, at_end: Any) -> Any:
    if n == 0:
        return at_end()
    return cs.sequence(decide(n), decide(n), in_sequence(n - 1, at_end))


@cs.task(mode="inline")
def in_sequence_by_demand(n: int, at_end: Any) -> Any:
    if n == 0:
        return at_end()
    return cs.sequence(decide.run_if(True)(n), in_sequence_by_demand.run_if(decide(n))(n - 1, at_end))


LOOPS = [routed, decided_by_a_call, otherwise, in_sequence, in_sequence_by_demand]


@pytest.mark.parametrize("loop", LOOPS, ids=lambda loop: loop.name)
@pytest.mark.parametrize("jit", [True, False], ids=["compiled", "interpreted"])
def test_a_loop_through_a_router_or_an_alternative_takes_constant_memory(loop: Any, jit: bool) -> None:
    with cs.Engine(jit=jit) as engine:
        few = objects_alive_after(loop, 100, engine)
        assert objects_alive_after(loop, 2_000, engine) - few < 1_000


def test_steps_through_a_router_are_steps_of_the_run() -> None:
    for jit in (True, False):
        ended: list[cs.RunFinished] = []
        with cs.Engine(jit=jit) as engine:
            engine.subscribe(cs.RunFinished, ended.append)
            cs.run(routed(50, lambda: None), engine=engine)
        assert [event.steps for event in ended] == [51]
