"""Loops of tail calls, each against the floor under it, and the costs of the interpreter that every loop begins with.

Run it with ``observatory run tco``.
"""

from __future__ import annotations

from typing import Final

from observatory.claims import cost, extra_us, over_floor, rate, ratio
from observatory.declaring import Suite
from observatory.keys import FLOOR, INTERPRETER, Key
from observatory.workloads import (
    async_countdown,
    chain,
    changing_depth,
    changing_literals,
    complex_countdown,
    conditional_loop,
    creation,
    fan_out,
    floor_loops,
    heavy_complex_countdown,
    mutual_recursion,
    never_repeating,
    parallel_step,
    resource_loop,
    retries_loop,
    router_loop,
    simple_countdown,
    stable_complex_loop,
    start_up,
    state_machine,
)

CREATION_CLAIMS: Final = (
    over_floor("create one lazy result / floor", "tco/creation", at_most=1.3),
    cost("fan-out of 10,000, a node", Key("graphs/fan_out/10000"), "us", at_most=10),
    cost("chain of 100,000, a node", Key("graphs/chain/100000"), "us", at_most=10),
    ratio("fan-out, a node of 100,000 / of 1,000", Key("graphs/fan_out/100000"), Key("graphs/fan_out/1000"), 1.5),
    ratio("chain, a node of 100,000 / of 1,000", Key("graphs/chain/100000"), Key("graphs/chain/1000"), 1.5),
    cost("import cascade.workflow", Key("startup/import"), "ms", at_most=100),
)

FAST_MACHINE: Final = rate("the trampoline, steps", Key("tco/simple_countdown", FLOOR), at_least=2_000_000)

LOOP_CLAIMS: Final = (
    over_floor("simple countdown / trampoline", "tco/simple_countdown", at_most=1.15),
    rate("simple countdown, steps", Key("tco/simple_countdown")),
    rate("the trampoline, steps", Key("tco/simple_countdown", FLOOR)),
    over_floor("complex countdown / creating and calling", "tco/complex_countdown"),
    over_floor("heavy countdown / creating and calling", "tco/heavy_complex_countdown", at_most=1.5),
    rate(
        "heavy countdown, steps, if the trampoline does 2,000,000",
        Key("tco/heavy_complex_countdown"),
        at_least=100_000,
        only_if=FAST_MACHINE,
    ),
    over_floor("changing literals / creating and calling", "tco/changing_literals", at_most=1.6),
    over_floor("stable complex loop / creating and calling", "tco/stable_complex_loop"),
    over_floor("mutual recursion / creating and calling", "tco/mutual_recursion", at_most=1.6),
    over_floor("async countdown / async trampoline", "tco/async_countdown", at_most=1.5),
    over_floor("two awaiting tasks / asyncio.gather", "tco/parallel_step", at_most=1.5),
    over_floor("loop with a resource / without", "tco/resource_loop", at_most=1.3),
    extra_us("retries declared, not needed, a step more", "tco/retries_loop", at_most=3),
    over_floor("router loop / creating and following", "tco/router_loop"),
    over_floor("state machine / creating and following", "tco/state_machine"),
    over_floor("conditional loop / creating and calling", "tco/conditional_loop"),
    ratio(
        "fifty depths in turn / interpreter",
        Key("tco/changing_depth"),
        Key("tco/changing_depth", INTERPRETER),
        at_most=1.1,
    ),
    ratio(
        "no shape repeats / interpreter",
        Key("tco/never_repeating"),
        Key("tco/never_repeating", INTERPRETER),
        at_most=1.1,
    ),
)

SUITE: Final = Suite(
    "tco",
    "loops of tail calls against the floors under them",
    tuple(
        module.EXPERIMENT
        for module in (
            floor_loops,
            creation,
            simple_countdown,
            complex_countdown,
            heavy_complex_countdown,
            changing_literals,
            stable_complex_loop,
            mutual_recursion,
            async_countdown,
            parallel_step,
            resource_loop,
            retries_loop,
            router_loop,
            state_machine,
            conditional_loop,
            changing_depth,
            never_repeating,
            fan_out,
            chain,
            start_up,
        )
    ),
    (*CREATION_CLAIMS, *LOOP_CLAIMS),
)
