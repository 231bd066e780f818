"""The fakes do what tests lean on."""

from __future__ import annotations

import asyncio
import threading

import pytest

from cascade import workflow as cs
from cascade.adapters.executors.local import LocalExecutor
from cascade.graph.build import build_graph
from cascade.spec.protocols import Clock, Executor, Solver
from cascade.testing import (
    FakeClock,
    LoopClock,
    RealTimeCalls,
    RecordedCall,
    ScriptedExecutor,
    ShuffledSolver,
    run_in_virtual_time,
)


@cs.task
def join(*parts: str) -> str:
    return "".join(parts)


@cs.task
async def wait(seconds: float) -> float:
    await asyncio.sleep(seconds)
    return asyncio.get_running_loop().time()


def test_the_fakes_are_what_they_stand_for() -> None:
    assert isinstance(FakeClock(), Clock)
    assert isinstance(LoopClock(), Clock)
    assert isinstance(ScriptedExecutor(), Executor)
    assert isinstance(RealTimeCalls(ScriptedExecutor()), Executor)
    assert isinstance(ShuffledSolver(1), Solver)


def test_a_fake_clock_moves_only_when_it_is_told_to() -> None:
    clock = FakeClock(epoch_s=1_000)
    assert (clock.timestamp(), clock.monotonic()) == (1_000, 0)
    clock.advance(2.5)
    assert (clock.timestamp(), clock.monotonic()) == (1_002.5, 2.5)
    with pytest.raises(ValueError, match="never goes back"):
        clock.advance(-1)


def test_a_loop_clock_follows_virtual_time() -> None:
    async def program() -> tuple[float, float]:
        await asyncio.sleep(60)
        clock = LoopClock(epoch_s=1_000)
        return clock.timestamp(), clock.monotonic()

    assert run_in_virtual_time(program()) == (1_060, 60)


def test_a_scripted_executor_plays_its_script_and_then_calls_the_function() -> None:
    executor = ScriptedExecutor({"join": [ConnectionError("down"), "scripted"]})
    engine = cs.Engine(executor=executor)
    with pytest.raises(ConnectionError, match="down"):
        cs.run(join("a"), engine=engine)
    assert cs.run(join("b"), engine=engine) == "scripted"
    assert cs.run(join("c", "d"), engine=engine) == "cd"


def test_a_scripted_executor_records_every_call() -> None:
    executor = ScriptedExecutor()
    target = join(join.with_timeout(5)("a"))
    cs.run([target, wait(0)], engine=cs.Engine(executor=executor))
    assert executor.calls_of("join") == [
        RecordedCall("join", ("a",), {}, 5),
        RecordedCall("join", ("a",), {}, None),
    ]
    assert len(executor.calls) == 3


def test_virtual_time_stands_still_for_the_sync_calls_of_a_wrapped_executor() -> None:
    async def program() -> tuple[bool, float]:
        released = threading.Event()
        timer = asyncio.get_running_loop().call_later(3_600, released.set)

        def sync() -> bool:
            return released.wait(0.01)

        with cs.Engine(executor=RealTimeCalls(LocalExecutor())) as engine:
            came = await engine.run(cs.task(sync)())
        timer.cancel()
        return came, await cs.arun(wait(3_600))

    came, elapsed_s = run_in_virtual_time(program(), limit_s=10_000)
    assert not came
    assert 3_600 <= elapsed_s < 3_700


def test_a_shuffled_solver_gives_each_seed_another_order_and_each_structure_the_same_one() -> None:
    def order(seed: int) -> list[int]:
        graph, _, _ = build_graph(join(*(join(str(number)) for number in range(20))))
        return [node.index for stage in ShuffledSolver(seed).resolve(graph) for node in stage]

    assert order(1) == order(1)
    assert len({tuple(order(seed)) for seed in range(10)}) > 5
    assert sorted(order(1)) == list(range(21))


def test_a_shuffled_solver_prints_the_seed_that_repeats_its_order(capsys: pytest.CaptureFixture[str]) -> None:
    solver = ShuffledSolver()
    assert f"ShuffledSolver(seed={solver.seed})" in capsys.readouterr().out


def test_the_value_does_not_depend_on_the_order() -> None:
    target = join(join("a"), join(join("b"), join("c")), "d")
    assert cs.run(target, engine=cs.Engine(ShuffledSolver())) == "abcd"
