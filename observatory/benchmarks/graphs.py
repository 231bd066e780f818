"""Large graphs of several shapes, at growing sizes: what a node costs, and how that grows.

Run it with ``observatory run graphs``.
"""

from __future__ import annotations

from typing import Final

from observatory.claims import Claim, ratio
from observatory.declaring import Suite
from observatory.keys import Key
from observatory.slopes import exponent
from observatory.workloads import chain, diamond_ladder, fan_out, recursion, tree_reduction, unbalanced
from observatory.workloads.graphs import SIZES

SHAPES: Final = {
    "fan-out": fan_out,
    "chain": chain,
    "tree reduction": tree_reduction,
    "diamond ladder": diamond_ladder,
    "non-tail recursion": recursion,
}


def growth(text: str, series: str) -> tuple[Claim, Claim]:
    """How the cost of a node grows over a factor of a hundred."""
    return (
        ratio(f"{text}, a node of 100,000 / of 1,000", Key(f"{series}/100000"), Key(f"{series}/1000"), at_most=1.5),
        exponent(f"{text}, exponent of the cost over the size", series, SIZES[1:], at_most=1.1),
    )


SUITE: Final = Suite(
    "graphs",
    "large graphs: the cost of a node, and how it grows",
    (*(module.EXPERIMENT for module in SHAPES.values()), unbalanced.EXPERIMENT),
    (
        *(claim for text, module in SHAPES.items() for claim in growth(text, module.EXPERIMENT.name)),
        ratio(
            "makespan of unbalanced chains, 10,000 nodes / by hand",
            Key("graphs/unbalanced/10000"),
            Key("graphs/unbalanced/10000", "floor"),
        ),
    ),
)
