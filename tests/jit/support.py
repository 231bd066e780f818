"""Runs one program interpreted and compiled, and compares everything that a user can see.

Programs run in virtual time, so they may sleep. Whatever a run does, it must leave nothing behind: no asyncio task, no
call that is still counted against limits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

from cascade import workflow as cs
from cascade.adapters.executors.local import LocalExecutor
from cascade.runtime.strategies.jit.cycle_cache import CycleCache
from cascade.testing import run_in_virtual_time

Calls = list[tuple[Any, ...]]
Program = Callable[[Calls], Any]
EngineProgram = Callable[[Calls, cs.Engine], Any]


class Seen(NamedTuple):
    """What a user sees of a run.

    Attributes:
        outcome: The type of the value and the value; or the type, words and notes of the error.
        calls: What the tasks noted, in order.
        steps: The number of steps that the run says it had.
    """

    outcome: Any
    calls: Calls
    steps: int


def see(program: EngineProgram, engine: cs.Engine) -> Seen:
    """Run a program. Limits and pauses that it leaves behind are lifted."""
    calls: Calls = []
    steps: list[int] = []
    target = program(calls, engine)
    unsubscribe = engine.subscribe(cs.RunFinished, lambda event: steps.append(event.steps))
    try:
        outcome = run_in_virtual_time(_outcome(engine, target))
    finally:
        unsubscribe()
    constraints = engine._constraints
    assert not any(constraints._limits._running.values()), "calls are still counted"
    assert not constraints._uncounted
    for scope, is_pause in list(constraints._limits._limits):
        constraints.remove(scope, pause=is_pause)
    return Seen(outcome, calls, steps[0] if steps else 0)


async def _outcome(engine: cs.Engine, target: Any) -> Any:
    try:
        value = await engine.run(target)
        return type(value), value
    except BaseException as error:
        # asyncio makes a new CancelledError where a task ends with one, and forgets the words.
        words = "" if isinstance(error, asyncio.CancelledError) else str(error)
        return type(error), words, getattr(error, "__notes__", [])
    finally:
        assert asyncio.all_tasks() == {asyncio.current_task()}, "something is still running"


def same_both_ways(program: Program, *, is_parallel: bool = False) -> tuple[Any, Calls]:
    """The outcome and the calls of a program, which must be the same with and without compiled loops.

    Args:
        program: Makes the target; it is given the list in which its tasks note their calls.
        is_parallel: Whether loops run side by side: they take turns by time, so only which calls are made is compared.
    """
    seen = same_on_engines(lambda calls, _engine: program(calls), is_parallel=is_parallel, is_compiled=False)
    return seen.outcome, seen.calls


def same_on_engines(program: EngineProgram, *, is_parallel: bool = False, is_compiled: bool = True) -> Seen:
    """As `same_both_ways`, for programs that are given the engine, too.

    Args:
        program: Makes the target.
        is_parallel: Whether loops run side by side.
        is_compiled: Whether compiled code must have run: otherwise nothing would be compared.
    """

    def run(engine: cs.Engine) -> Seen:
        seen = see(program, engine)
        return seen._replace(calls=sorted(seen.calls, key=repr)) if is_parallel else seen

    interpreted = run(inline_engine(jit=False))
    engine = inline_engine()
    assert run(engine) == interpreted
    assert run(engine) == interpreted, "a second run on the same engine finds what the first has compiled"
    assert not is_compiled or cycles(engine).statistics["hit"], "nothing was compiled"
    return interpreted


def now() -> float:
    """Virtual seconds."""
    return asyncio.get_running_loop().time()


def cycles(engine: cs.Engine) -> CycleCache:
    """The compiled loops of an engine."""
    found = engine.cycles
    assert found is not None
    return found


def inline_engine(**options: Any) -> cs.Engine:
    """An engine that never finds an inline call slow, so that a busy machine cannot change what a test sees."""
    return cs.Engine(executor=LocalExecutor(inline_limit_s=3600), **{"jit": True, **options})
