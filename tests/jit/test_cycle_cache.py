"""How many loops are compiled, when they are linked, evicted and given up, and that nothing of them stays behind."""

from __future__ import annotations

import gc
import linecache
import threading
import weakref
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest

from cascade import workflow as cs
from cascade.graph.build import build_graph
from cascade.runtime.strategies.jit.cycle_cache import SHAPES_PER_LOOP
from cascade.runtime.strategies.plans import PlanCache
from tests.jit.support import cycles, inline_engine

inline = cs.task(mode="inline")


@inline
def same(x: int) -> int:
    return x


def test_a_shape_is_compiled_once_and_never_again() -> None:
    @inline
    def loop(n: int, x: int = 0) -> int:
        return x if n == 0 else loop(n - 1, same(n))

    engine = inline_engine()
    for _ in range(3):
        cs.run(loop(500), engine=engine)
    statistics = cycles(engine).statistics
    assert statistics["compiled"] == 1
    assert statistics["evicted"] == statistics["left"] == 0


def test_a_function_that_is_put_in_the_place_of_a_tasks_own_is_called() -> None:
    work = cs.task(mode="inline")(lambda n: n)

    @inline
    def loop(n: int, x: Any = 0) -> Any:
        return x if n == 0 else loop(n - 1, work(n))

    engine = inline_engine()
    assert cs.run(loop(50), engine=engine) == 1
    with patch.object(work, "fn", lambda _n: "another"):
        assert cs.run(loop(50), engine=engine) == "another"
    assert cs.run(loop(50), engine=engine) == 1
    assert cycles(engine).statistics["hit"] >= 2


def test_mutual_recursion_ends_up_in_one_loop() -> None:
    @inline
    def ping(n: int) -> str:
        return "ping" if n <= 0 else pong(n - 1, same(n))

    @inline
    def pong(n: int, _x: int) -> str:
        return "pong" if n <= 0 else ping(n - 1)

    engine = inline_engine()
    assert cs.run(ping(200), engine=engine) == "ping"
    found = cycles(engine)
    assert found.statistics["compiled"] == 2
    assert found.statistics["linked"] == 1
    assert len(found.loops()) == 1


def chain(depth: int, x: Any) -> Any:
    for _ in range(depth):
        x = same(x)
    return x


def alternating(shapes: int) -> Any:
    @inline
    def loop(n: int, x: int = 0) -> int:
        return x if n == 0 else loop(n - 1, chain(n % shapes, n))

    return loop


def test_eight_shapes_are_kept() -> None:
    loop, engine = alternating(SHAPES_PER_LOOP), inline_engine()
    cs.run(loop(400), engine=engine)
    statistics = cycles(engine).statistics
    assert statistics["compiled"] == SHAPES_PER_LOOP
    assert statistics["evicted"] == 0


def test_a_task_with_ever_new_shapes_is_left_to_the_interpreter() -> None:
    loop, engine = alternating(40), inline_engine()
    cs.run(loop(2_000), engine=engine)
    found = cycles(engine)
    assert found.statistics["compiled"] <= 30
    assert sum(len(compiled.shapes) for compiled in found.loops()) <= SHAPES_PER_LOOP


def test_a_loop_whose_nodes_always_return_calls_is_given_up() -> None:
    @inline
    def inner(n: int) -> int:
        return same(n)

    @inline
    def loop(n: int, x: int = 0) -> int:
        return x if n == 0 else loop(n - 1, inner(n))

    engine = inline_engine()
    cs.run(loop(200), engine=engine)
    assert cycles(engine).statistics["dropped"] == 1
    assert cycles(engine).statistics["left"] < 30


def test_the_source_is_the_same_for_the_same_shape() -> None:
    def source() -> str:
        @inline
        def loop(n: int, x: int = 0) -> int:
            return x if n == 0 else loop(n - 1, same(same(n)))

        engine = inline_engine()
        cs.run(loop(10), engine=engine)
        (compiled,) = cycles(engine).loops()
        return compiled.source

    assert source() == source()


def test_the_source_names_the_tasks_and_holds_no_value() -> None:
    @inline
    def loop(n: int, secret: str, x: int = 0) -> int:
        return x if n == 0 else loop(n - 1, secret, same(n))

    engine = inline_engine()
    cs.run(loop(10, "hush"), engine=engine)
    (compiled,) = cycles(engine).loops()
    assert "# same" in compiled.source
    assert "# loop" in compiled.source
    assert "hush" not in compiled.source


def test_the_traceback_of_a_failing_step_shows_the_generated_line() -> None:
    @inline
    def breaks(n: int) -> int:
        return 1 // (n - 3)

    @inline
    def loop(n: int, x: int = 0) -> int:
        return loop(n - 1, breaks(n))

    engine = inline_engine()
    with pytest.raises(ZeroDivisionError) as caught:
        cs.run(loop(10), engine=engine)
    assert any("# breaks" in str(entry.statement) for entry in caught.traceback)


def evicting(make: Callable[[], Any]) -> tuple[weakref.ref[Any], weakref.ref[Any], str]:
    """Compile a loop on an engine, let both go, and return what should be gone."""
    engine = inline_engine()
    task = make()
    cs.run(task(20), engine=engine)
    (compiled,) = cycles(engine).loops()
    return weakref.ref(task), weakref.ref(compiled), compiled.run.__code__.co_filename


def test_nothing_of_a_loop_outlives_its_engine() -> None:
    def make() -> Any:
        @inline
        def loop(n: int) -> int:
            return n if n == 0 else loop(n - 1)

        return loop

    task, compiled, file_name = evicting(make)
    gc.collect()
    assert compiled() is None
    assert task() is None
    assert file_name not in linecache.cache


def test_a_busy_engine_forgets_the_loops_that_it_used_longest_ago() -> None:
    def make() -> Any:
        @inline
        def loop(n: int) -> int:
            return n if n == 0 else loop(n - 1)

        return loop

    engine = inline_engine()
    for _ in range(300):
        cs.run(make()(5), engine=engine)
    assert len(cycles(engine).loops()) == 256
    assert cycles(engine).statistics["evicted"] == 44


def test_a_loop_that_was_replaced_is_let_go() -> None:
    @inline
    def ping(n: int) -> str:
        return "ping" if n <= 0 else pong(n - 1, chain(n % 3, n))

    @inline
    def pong(n: int, _x: int) -> str:
        return "pong" if n <= 0 else ping(n - 1)

    engine = inline_engine()
    cs.run(ping(20), engine=engine)
    found = cycles(engine)
    replaced = [weakref.ref(compiled) for compiled in found.loops()]
    cs.run(ping(400), engine=engine)
    gc.collect()
    kept = set(map(id, found.loops()))
    assert all(loop() is None or id(loop()) in kept for loop in replaced)
    assert found.statistics["linked"] >= 1


def test_a_subscriber_that_comes_in_mid_loop_gets_every_call_from_then_on() -> None:
    engine = inline_engine()
    seen: list[int] = []

    @inline
    def loop(n: int) -> str:
        if n == 199_000:
            engine.subscribe(cs.TaskExecutionStarted, lambda event: seen.append(event.step))
        return "done" if n == 0 else loop(n - 1)

    assert cs.run(loop(200_000), engine=engine) == "done"
    assert seen
    assert seen == list(range(seen[0], 200_002))


def test_steps_are_counted_exactly() -> None:
    for jit in (False, True):
        engine = inline_engine(jit=jit)
        steps: list[cs.RunFinished] = []
        engine.subscribe(cs.RunFinished, steps.append)

        @inline
        def loop(n: int) -> Any:
            return cs.literal([n]) if n == 0 else loop(n - 1)

        assert cs.run(loop(1_000), engine=engine) == [0]
        assert [event.steps for event in steps] == [1_001]


def test_a_literal_at_the_end_is_not_looked_into() -> None:
    for jit in (False, True):

        @inline
        def loop(n: int) -> Any:
            return loop(n - 1) if n else cs.literal([same(1)])

        (kept,) = cs.run(loop(20), engine=inline_engine(jit=jit))
        assert repr(kept) == "<lazy same(…1)>"


def test_a_coroutine_at_the_end_is_awaited() -> None:
    async def last() -> int:
        return 42

    for jit in (False, True):

        @inline
        def loop(n: int) -> Any:
            return loop(n - 1) if n else last()

        assert cs.run(loop(20), engine=inline_engine(jit=jit)) == 42


def test_async_tasks_that_call_each_other_end_up_in_one_loop() -> None:
    @cs.task
    async def ping(n: int) -> str:
        return "ping" if n <= 0 else pong(n - 1, same(n))

    @cs.task
    async def pong(n: int, _x: int) -> str:
        return "pong" if n <= 0 else ping(n - 1)

    engine = inline_engine()
    assert cs.run(ping(200), engine=engine) == "ping"
    assert cycles(engine).statistics["linked"] == 1
    assert len(cycles(engine).loops()) == 1


def test_the_reasons_that_are_counted_do_not_grow_without_end() -> None:
    engine = inline_engine(system_resources={"slot": 1})
    for number in range(150):
        waits = cs.task(mode="inline", name=f"waits{number}")(lambda x: x)

        @inline
        def loop(n: int, _x: int = 0, *, waits: Any = waits) -> int:
            return 0 if n <= 0 else loop(n - 1, waits(n).with_constraints(slot=1), waits=waits)

        cs.run(loop(4), engine=engine)
    statistics = cycles(engine).statistics
    assert len(statistics) < 120
    assert statistics["refused: other reasons"] > 0
    assert sum(count for outcome, count in statistics.items() if outcome.startswith("refused: ")) == 150


def test_a_shape_that_two_threads_meet_at_once_is_compiled_once() -> None:
    @inline
    def loop(n: int) -> int:
        return n if n <= 0 else loop(n - 1)

    engine = inline_engine()
    found = cycles(engine)
    graph, _, _ = build_graph(loop(1))
    plan = PlanCache(engine.solver).plan(graph)
    found.learn(graph, plan)

    class InTheMeantime:
        """The other thread gets the lock first."""

        def __enter__(self) -> None:
            found._lock = threading.Lock()
            found.learn(graph, plan)

        def __exit__(self, *_: object) -> None:
            pass

    found._lock = InTheMeantime()  # type: ignore[assignment]
    found.learn(graph, plan)
    assert found.statistics["compiled"] == 1
    assert [len(one.shapes) for one in found.loops()] == [1]
