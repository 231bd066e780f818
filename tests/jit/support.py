"""Runs one program interpreted and compiled, and compares everything that a user can see."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from cascade import workflow as cs
from cascade.adapters.executors.local import LocalExecutor
from cascade.runtime.strategies.jit.cycle_cache import CycleCache

Calls = list[tuple[Any, ...]]
Program = Callable[[Calls], Any]


def outcome(program: Program, engine: cs.Engine) -> tuple[Any, Calls]:
    """What a run gives (its value, or type, words and notes of its error) and the calls it made, in order."""
    calls: Calls = []
    target = program(calls)
    try:
        value = asyncio.run(engine.run(target))
    except Exception as error:
        return (type(error), str(error), getattr(error, "__notes__", [])), calls
    return (type(value), value), calls


def same_both_ways(program: Program, *, is_parallel: bool = False) -> tuple[Any, Calls]:
    """The outcome of a program, which must be the same with and without compiled loops.

    Args:
        program: Makes the target; it is given the list in which its tasks note their calls.
        is_parallel: Whether loops run side by side: they take turns by time, so only which calls are made is compared.
    """

    def run(engine: cs.Engine) -> tuple[Any, Calls]:
        value, calls = outcome(program, engine)
        return value, sorted(calls, key=repr) if is_parallel else calls

    interpreted = run(inline_engine(jit=False))
    engine = inline_engine()
    assert run(engine) == interpreted
    assert run(engine) == interpreted, "a second run on the same engine finds what the first has compiled"
    return interpreted


def cycles(engine: cs.Engine) -> CycleCache:
    """The compiled loops of an engine."""
    found = engine.cycles
    assert found is not None
    return found


def inline_engine(**options: Any) -> cs.Engine:
    """An engine that never finds an inline call slow, so that a busy machine cannot change what a test sees."""
    return cs.Engine(executor=LocalExecutor(inline_limit_s=3600), **{"jit": True, **options})
