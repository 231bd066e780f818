"""A loop runs in constant memory, however many steps it takes.

Objects and blocks of memory are counted, which does not depend on the machine. The resident size is looked at, too,
with much room: it would show what Python's own counts cannot see.

By default the loops are long enough to show a leak of one object in a thousand steps. With ``CASCADE_LONG_LOOPS=1`` the
longest takes ten million steps, which is meant for one version of Python.
"""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import sys
from typing import Any, NamedTuple

import pytest

from cascade import workflow as cs
from cascade.runtime.strategies import interpreter
from tests.jit.support import cycles, inline_engine

pytestmark = pytest.mark.slow

inline = cs.task(mode="inline")

FACTOR = 20 if os.environ.get("CASCADE_LONG_LOOPS") == "1" else 1
COMPILED = 500_000 * FACTOR
AWAITED = 15_000 * FACTOR
INTERPRETED = 5_000 * FACTOR

MOST_OBJECTS = 200
"""That may be left by what is done once in a while: caches that fill, the allocator's own lists."""


class Count(NamedTuple):
    """What the process has now: objects that the collector knows, blocks of memory, and its size in bytes."""

    objects: int
    blocks: int
    size_bytes: int


def count() -> Count:
    gc.collect()
    unit = 1 if sys.platform == "darwin" else 1024
    return Count(
        len(gc.get_objects()), sys.getallocatedblocks(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    )


@inline
def same(n: int) -> int:
    return n


@inline
def pair(x: int, y: int) -> tuple[int, int]:
    return x, y


@inline
def simple(n: int) -> int:
    return n if n == 0 else simple(n - 1)


@inline
def ping(n: int, x: int = 0) -> int:
    return x if n <= 0 else pong(n - 1, [same(n), n])


@inline
def pong(n: int, values: list[int]) -> int:
    return values[0] if n <= 0 else ping(n - 1, pair(same(n), n)[n % 2])


@cs.task
async def fetch(n: int) -> int:
    if n % 64 == 0:
        await asyncio.sleep(0)
    return n


@cs.task
async def patient(n: int, x: int = 0) -> int:
    return x if n == 0 else patient(n - 1, fetch.with_retry(2)(same(n)))


@cs.task
async def sibling(n: int) -> int:
    await asyncio.sleep(0)
    return n


@cs.task
async def family(n: int, x: int = 0, y: int = 0) -> int:
    return x + y if n == 0 else family(n - 1, sibling(n), sibling(n + 1))


@pytest.mark.parametrize(
    ("loop", "steps", "jit"),
    [
        (simple, COMPILED, True),
        (ping, COMPILED // 5, True),
        (patient, AWAITED, True),
        (family, AWAITED // 10, True),
        (simple, INTERPRETED, False),
        (ping, INTERPRETED, False),
        (patient, INTERPRETED // 5, False),
        (family, INTERPRETED // 10, False),
    ],
    ids=lambda value: getattr(value, "name", repr(value)),
)
def test_no_step_leaves_anything_behind(loop: Any, steps: int, jit: bool) -> None:
    engine = inline_engine(jit=jit)
    check(loop, steps, engine)
    if jit:
        assert sum(compiled.steps for compiled in cycles(engine).loops()) > steps * 0.9


@pytest.mark.parametrize("loop", [simple, ping, patient, family], ids=lambda loop: loop.name)
def test_no_turn_leaves_anything_behind(loop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreter, "SLICE_S", -1)  # the time is always over: compiled code gives each step back
    check(loop, 1_000, inline_engine())


def check(loop: Any, steps: int, engine: cs.Engine) -> None:
    """Run a loop, and see that it leaves nothing behind."""
    cs.run(loop(200), engine=engine)  # what is made once is made now
    before = count()
    cs.run(loop(steps), engine=engine)
    after = count()
    assert after.objects - before.objects < MOST_OBJECTS
    assert after.blocks - before.blocks < 10 * MOST_OBJECTS
    assert after.size_bytes - before.size_bytes < 32_000_000


class Large:
    """A value that would be large; it counts how many there are at once."""

    alive = 0
    most = 0

    def __init__(self) -> None:
        Large.alive += 1
        Large.most = max(Large.most, Large.alive)

    def __del__(self) -> None:
        Large.alive -= 1


@inline
def begin() -> Large:
    return Large()


@inline
def change(_value: Large) -> Large:
    return Large()


@cs.task
async def change_slowly(_value: Large) -> Large:
    return Large()


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("one", [change, change_slowly])
def test_a_chain_of_large_values_holds_two_of_them(one: Any, jit: bool) -> None:
    @inline
    def loop(n: int, _last: Large | None = None) -> str:
        if n == 0:
            return "done"
        value = begin()
        for _ in range(10):
            value = one(value)
        return loop(n - 1, value)

    engine = inline_engine(jit=jit)
    cs.run(loop(10), engine=engine)
    Large.most = 0
    assert cs.run(loop(10), engine=engine) == "done"
    assert not jit or cycles(engine).statistics["steps"] > 10
    assert Large.most <= 3  # the last one of the step before, until the loop has returned
    assert Large.alive == 0
