"""Runs one program interpreted and compiled, and compares everything that a user can see.

Programs run in virtual time, so they may sleep. The engine's slices are virtual, too: with real ones, how busy the
machine is would decide between two orders, such as that of an async call that is begun and a sync call made next.

Whatever a run does, it must leave nothing behind: no asyncio task, no call that is still counted against limits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple
from unittest.mock import patch

from cascade import workflow as cs
from cascade.adapters.executors.local import LocalExecutor
from cascade.runtime.strategies import compiled, interpreter
from cascade.runtime.strategies.jit import cycle_cache, shapes
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


@contextmanager
def virtual_slices(slice_s: float) -> Iterator[None]:
    """The engine measures its slices by the event loop's clock, not by the computer's.

    Args:
        slice_s: The length of a slice; with less than 0 every slice is over when it begins.
    """
    with ExitStack() as stack:
        stack.enter_context(patch.object(interpreter, "SLICE_S", slice_s))
        for module in (interpreter, compiled, cycle_cache):
            stack.enter_context(patch.object(module, "perf_counter", now))
        stack.enter_context(patch.dict(shapes._COMMON, clock=now))
        yield


def see(program: EngineProgram, engine: cs.Engine, slice_s: float = interpreter.SLICE_S) -> Seen:
    """Run a program. Limits and pauses that it leaves behind are lifted."""
    calls: Calls = []
    return _see(program(calls, engine), calls, engine, slice_s)


def _see(target: Any, calls: Calls, engine: cs.Engine, slice_s: float = interpreter.SLICE_S) -> Seen:
    calls.clear()
    steps: list[int] = []
    unsubscribe = engine.subscribe(cs.RunFinished, lambda event: steps.append(event.steps))
    try:
        with virtual_slices(slice_s):
            outcome = run_in_virtual_time(_outcome(engine, target))
    finally:
        unsubscribe()
    constraints = engine._constraints
    assert not any(constraints._limits._running.values()), "calls are still counted"
    assert not constraints._uncounted
    for scope, is_pause in list(constraints._limits._limits):
        constraints.remove(scope, pause=is_pause)
    return Seen(outcome, calls.copy(), steps[0] if steps else 0)


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

    def run(engine: cs.Engine) -> tuple[Seen, Seen]:
        calls: Calls = []
        target = program(calls, engine)
        first, second = (_see(target, calls, engine) for _ in range(2))
        if not is_parallel:
            return first, second
        return first._replace(calls=sorted(first.calls, key=repr)), second._replace(
            calls=sorted(second.calls, key=repr)
        )

    interpreted, interpreted_again = run(inline_engine(jit=False))
    engine = inline_engine()
    compiled, compiled_again = run(engine)
    assert compiled == interpreted
    assert compiled_again == interpreted_again, "the second time, what was compiled is there from the beginning"
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
