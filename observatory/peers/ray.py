"""Ray: remote functions on a local cluster of two workers, without the dashboard and usage statistics.

The loops are the caller's own: the value of a step is fetched before the next. Their tasks are methods of an actor,
which take about a third of the time of remote functions; what awaits are methods of an asynchronous actor, since remote
functions are not coroutines. Ray keeps no state of a loop; its workflows, which did, were removed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from observatory.comparing.peer import Cannot, Peer, Way, Work, down_to_zero, one_after_another, ways
from observatory.comparing.workloads import CHAIN

LOOP_NOTE: Final = "the loop is the caller's: remote calls for each step"
NO_STATE: Final = "keeps no state of a loop"


@contextmanager
def cluster() -> Iterator[None]:
    """A local cluster."""
    import logging

    import ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    try:
        yield
    finally:
        ray.shutdown()


def counter() -> Any:
    """An actor."""
    import ray

    class Counter:
        def decrement(self, n: int) -> int:
            return n - 1

        def noop(self, x: int) -> int:
            return x

    return ray.remote(Counter).remote()


def simple_loop(size: int) -> Work:
    """One call of a method a step."""
    import ray

    actor = counter()
    return down_to_zero(lambda n: ray.get(actor.decrement.remote(n)), size)


def chain_loop(size: int) -> Work:
    """Twelve calls of methods a step, each of which takes the reference of the one before."""
    import ray

    actor = counter()

    def work() -> int:
        n = size
        while n > 0:
            x = actor.decrement.remote(n)
            for _ in range(CHAIN):
                x = actor.noop.remote(x)
            n = ray.get(x)
        return n

    return work


def async_loop(size: int) -> Work:
    """Two calls of methods of an asynchronous actor a step."""
    import ray

    class Waiter:
        async def wait(self, x: int) -> int:
            await asyncio.sleep(0)
            return x

    waiter: Any = ray.remote(Waiter).remote()
    return down_to_zero(lambda n: min(ray.get([waiter.wait.remote(n - 1), waiter.wait.remote(n)])), size)


def fan_out(size: int) -> Work:
    """A remote call that takes the references of all others."""
    import ray

    @ray.remote
    def noop(x: int) -> int:
        return x

    @ray.remote
    def total(*values: int) -> int:
        return sum(values)

    return lambda: ray.get(total.remote(*[noop.remote(k) for k in range(size)]))


def chain(size: int) -> Work:
    """Remote calls, each of which takes the reference of the one before."""
    import ray

    @ray.remote
    def noop(x: int) -> int:
        return x

    def work() -> int:
        x = noop.remote(0)
        for _ in range(size - 1):
            x = noop.remote(x)
        return int(ray.get(x))

    return work


def one_task(size: int) -> Work:
    """A remote call, again and again."""
    import ray

    @ray.remote
    def increment(x: int) -> int:
        return x + 1

    return one_after_another(lambda x: ray.get(increment.remote(x)), size)


PEER = Peer(
    title="Ray",
    distribution="ray",
    about="ray.init(num_cpus=2); loops call methods of an actor, graphs are remote functions",
    workloads=ways(
        simple_loop=Way(simple_loop, 100, LOOP_NOTE),
        chain_loop=Way(chain_loop, 20, LOOP_NOTE),
        async_loop=Way(async_loop, 100, LOOP_NOTE),
        fan_out=Way(fan_out, 1_000),
        deep_chain=Way(chain, 200),
        one_task=Way(one_task, 100),
        durable_loop=Cannot(NO_STATE),
        flushed_loop=Cannot(NO_STATE),
        memory=Way(simple_loop, 2_000, f"{LOOP_NOTE}; the memory of the caller's process only"),
    ),
    requirements=("ray==2.60.0",),
    environment={"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"},
    session=cluster,
)
