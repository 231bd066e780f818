"""Hamilton: a driver over a module of functions, built once and executed for every run.

Hamilton runs acyclic graphs, so the loops are the caller's own: one execution for each step. The adapter is the one
that does nothing beside calling the functions. All nodes are functions of the module, found by the names of their
parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from observatory.comparing.peer import Cannot, Peer, Way, Work, down_to_zero, one_after_another, ways
from observatory.comparing.workloads import CHAIN

LOOP_NOTE: Final = "the loop is the caller's: an execution for each step"
NO_STATE: Final = "runs acyclic graphs in one go and keeps no state of a loop between executions"


def executing(source: str, target: str) -> Callable[[int], Any]:
    """A driver over a module of this source; what the target is for an ``n``."""
    from hamilton import ad_hoc_utils, base, driver

    adapter = base.SimplePythonGraphAdapter(base.DictResult())
    module = ad_hoc_utils.module_from_source(source)
    built = driver.Builder().with_modules(module).with_adapters(adapter).build()
    return lambda n: built.execute([target], inputs={"n": n})[target]


def row(length: int, first: str = "n") -> str:
    """The source of functions in a row, the first of which takes ``n``."""
    lines = [f"def f0(n: int) -> int:\n    return {first}\n"]
    lines += [f"def f{k}(f{k - 1}: int) -> int:\n    return f{k - 1}\n" for k in range(1, length)]
    return "".join(lines)


def simple_loop(size: int) -> Work:
    """One function a step."""
    return down_to_zero(executing(row(1, "n - 1"), "f0"), size)


def chain_loop(size: int) -> Work:
    """Twelve functions a step."""
    return down_to_zero(executing(row(1 + CHAIN, "n - 1"), f"f{CHAIN}"), size)


def async_loop(size: int) -> Work:
    """Two coroutine functions a step, executed by the asynchronous driver."""
    from hamilton import ad_hoc_utils, async_driver, base

    module = ad_hoc_utils.module_from_source(
        "import asyncio\n"
        "async def a(n: int) -> int:\n    await asyncio.sleep(0)\n    return n - 1\n"
        "async def b(n: int) -> int:\n    await asyncio.sleep(0)\n    return n\n"
        "def both(a: int, b: int) -> int:\n    return min(a, b)\n"
    )

    async def work() -> int:
        driver = await async_driver.Builder().with_modules(module).with_adapters(base.DictResult()).build()
        n = size
        while n > 0:
            n = (await driver.execute(["both"], inputs={"n": n}))["both"]
        return n

    return work


def fan_out(size: int) -> Work:
    """A function for each task, and one with as many parameters."""
    names = [f"f{k}" for k in range(size)]
    source = "".join(f"def {name}(n: int) -> int:\n    return {k}\n" for k, name in enumerate(names))
    parameters = ", ".join(f"{name}: int" for name in names)
    source += f"def total({parameters}) -> int:\n    return sum(({', '.join(names)}))\n"
    execute = executing(source, "total")
    return lambda: execute(size)


def chain(size: int) -> Work:
    """Functions in a row."""
    execute = executing(row(size), f"f{size - 1}")
    return lambda: execute(0)


def one_task(size: int) -> Work:
    """A driver over one function, executed again and again."""
    execute = executing(row(1, "n + 1"), "f0")
    return one_after_another(execute, size)


PEER = Peer(
    title="Hamilton",
    distribution="apache-hamilton",
    about="driver built once; SimplePythonGraphAdapter, asynchronous driver for what awaits",
    workloads=ways(
        simple_loop=Way(simple_loop, 2_000, LOOP_NOTE),
        chain_loop=Way(chain_loop, 500, LOOP_NOTE),
        async_loop=Way(async_loop, 200, LOOP_NOTE),
        fan_out=Way(fan_out, 1_000),
        deep_chain=Way(chain, 200, "200 in a row: it recurses, and 1,000 are a RecursionError"),
        one_task=Way(one_task, 2_000),
        durable_loop=Cannot(NO_STATE),
        flushed_loop=Cannot(NO_STATE),
        memory=Way(simple_loop, 50_000, LOOP_NOTE),
    ),
    requirements=("apache-hamilton==1.90.0",),
)
