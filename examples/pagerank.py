"""PageRank: who matters most in Les Misérables?

Importance flows along the links between the characters, again and again, until it hardly changes any more. Each round
is one step: a graph that splits the links into shards, follows all shards in parallel, and adds up what arrives. The
last task of a step, `iterate`, returns the call of the next step. That is a tail call, so memory stays flat however
many rounds it takes.

    cascade run examples/pagerank.py
    cascade run examples/pagerank.py --param shards=8 --param tolerance=1e-12
"""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from cascade import workflow as cs

DATA = Path(__file__).parent / "data" / "les_miserables.csv"

Links = dict[str, dict[str, float]]
"""For each character the others that it is linked to, with the part of its importance that flows to them."""

Ranks = dict[str, float]


@dataclass(frozen=True)
class Settings:
    shards: int
    damping: float
    tolerance: float
    top: int


@cs.task
def load(path: Path) -> Links:
    """Read the weighted edges; each is a link in both directions."""
    weights: dict[str, dict[str, float]] = defaultdict(dict)
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            source, target, weight = row["source"], row["target"], float(row["weight"])
            weights[source][target] = weights[target][source] = weight
    return {
        source: {target: weight / sum(targets.values()) for target, weight in targets.items()}
        for source, targets in weights.items()
    }


@cs.task
def split(links: Links, shards: int) -> list[Links]:
    if shards < 1:
        raise ValueError(f"shards must be at least 1, not {shards}")
    return [dict(islice(links.items(), shard, None, shards)) for shard in range(shards)]


@cs.task
def contribute(links: Links, ranks: Ranks) -> Ranks:
    """What flows along the links of one shard."""
    received: Ranks = defaultdict(float)
    for source, targets in links.items():
        for target, share in targets.items():
            received[target] += ranks[source] * share
    return received


@cs.task
def combine(shards: list[Ranks], names: list[str], damping: float) -> Ranks:
    """Add up what arrives; what did not flow anywhere is shared by all."""
    received = {name: sum(shard.get(name, 0.0) for shard in shards) for name in names}
    lost = 1.0 - damping * sum(received.values())
    return {name: damping * rank + lost / len(names) for name, rank in received.items()}


@cs.task
def measure(old: Ranks, new: Ranks) -> float:
    return sum(abs(new[name] - old[name]) for name in new)


@cs.task
def iterate(links: Links, settings: Settings, ranks: Ranks, change: float) -> str:
    """One round, as a graph; then the next."""
    if change < settings.tolerance:
        return table(ranks, settings.top)
    shards = split(links, settings.shards)
    received = contribute.map(shards, ranks=cs.literal(ranks))
    new = combine(received, list(links), settings.damping)
    return iterate(links, settings, new, measure(ranks, new))


@cs.task
def begin(links: Links, settings: Settings) -> str:
    """At first, all matter equally."""
    ranks = dict.fromkeys(links, 1 / len(links))
    return iterate(links, settings, ranks, change=1.0)


@cs.task
def table(ranks: Ranks, top: int) -> str:
    best = sorted(ranks, key=lambda name: (-ranks[name], name))[:top]
    width = max(map(len, best), default=0)
    return "\n".join(f"{name:<{width}}  {ranks[name]:.6f}" for name in best)


main = begin(
    load(DATA),
    Settings(
        shards=cs.Param("shards", default=4, description="Parallel tasks of each round."),
        damping=cs.Param("damping", default=0.85, description="How much importance flows along the links."),
        tolerance=cs.Param("tolerance", default=1e-10, description="Stop when a round changes less than this."),
        top=cs.Param("top", default=10, description="How many characters are shown."),
    ),
)

if __name__ == "__main__":
    print(cs.run(main))
