"""Memory of loops: flat, whatever the number of steps.

Run it with ``observatory run memory``.
"""

from __future__ import annotations

from typing import Final

from observatory.declaring import Suite
from observatory.keys import Key
from observatory.slopes import slope_of
from observatory.workloads.memory_of_loops import BLOCKS, EXPERIMENTS, LOOPS, RESIDENT, name_of

TEXTS: Final = {
    "memory/compiled_loop": "compiled loop to 10,000,000 steps",
    "memory/graph_loop": "loop with a nested call to 1,000,000 steps",
    "memory/interpreted_loop": "interpreted loop to 100,000 steps",
}

SUITE: Final = Suite(
    "memory",
    "what loops leave behind: resident set and live objects over millions of steps",
    EXPERIMENTS,
    tuple(
        slope_of(
            f"{TEXTS[name]}: {what}",
            [Key(name_of(name, kind, steps), loop.subject) for steps in loop.steps],
            loop.steps,
            unit,
            at_most,
        )
        for name, loop in LOOPS.items()
        for kind, what, unit, at_most in (
            (RESIDENT, "resident bytes", "B/step", 1.0),
            (BLOCKS, "live objects", "/step", 0.01),
        )
    ),
)
