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
from pathlib import Path

from cascade import workflow as cs

DATA = Path(__file__).parent / "data" / "les_miserables.csv"

Ranks = dict[str, float]


@dataclass(frozen=True)
class Link:
    """From one character to another; the share is the part of the source's importance that it carries."""

    source: str
    target: str
    share: float


@dataclass(frozen=True)
class Network:
    names: list[str]
    links: list[Link]


@dataclass(frozen=True)
class Settings:
    shards: int
    damping: float
    tolerance: float
    top: int


@cs.task
def load(path: Path) -> Network:
    """Read the weighted edges; each is a link in both directions."""
    weights: dict[tuple[str, str], float] = defaultdict(float)
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            weights[row["source"], row["target"]] += float(row["weight"])
            weights[row["target"], row["source"]] += float(row["weight"])
    total: dict[str, float] = defaultdict(float)
    for (source, _), weight in weights.items():
        total[source] += weight
    links = [Link(source, target, weight / total[source]) for (source, target), weight in weights.items()]
    return Network(sorted(total), links)


@cs.task
def split(network: Network, shards: int) -> list[list[Link]]:
    return [network.links[shard::shards] for shard in range(shards)]


@cs.task
def contribute(links: list[Link], ranks: Ranks) -> Ranks:
    """What flows along the links of one shard."""
    received: Ranks = defaultdict(float)
    for link in links:
        received[link.target] += ranks[link.source] * link.share
    return received


@cs.task
def combine(network: Network, shards: list[Ranks], damping: float) -> Ranks:
    """Add up what arrives; what did not flow anywhere is shared by all."""
    received = {name: sum(shard.get(name, 0.0) for shard in shards) for name in network.names}
    lost = 1.0 - damping * sum(received.values())
    return {name: damping * rank + lost / len(received) for name, rank in received.items()}


@cs.task
def measure(old: Ranks, new: Ranks) -> float:
    return sum(abs(new[name] - old[name]) for name in new)


@cs.task
def iterate(network: Network, settings: Settings, ranks: Ranks, change: float) -> str:
    """One round, as a graph; then the next."""
    if change < settings.tolerance:
        return table(ranks, settings.top)
    received = contribute.map(split(network, settings.shards), ranks=cs.literal(ranks))
    new = combine(network, received, settings.damping)
    return iterate(network, settings, new, measure(ranks, new))


@cs.task
def begin(network: Network, settings: Settings) -> str:
    """At first, all matter equally."""
    ranks = dict.fromkeys(network.names, 1 / len(network.names))
    return iterate(network, settings, ranks, change=1.0)


@cs.task
def table(ranks: Ranks, top: int) -> str:
    best = sorted(ranks, key=lambda name: (-ranks[name], name))[:top]
    width = max(map(len, best))
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
