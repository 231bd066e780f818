"""What is claimed of comparisons, as a suite without experiments: ``observatory compare`` measures what it takes.

The bar of durable loops is held against LangGraph on equal terms: neither waits for the disk. As they come they differ
in that, which would flatter Cascade.
"""

from __future__ import annotations

from typing import Final

from observatory.claims import Claim, rate, ratio
from observatory.comparing.workloads import DURABLE_LOOP, FLUSHED_LOOP
from observatory.declaring import Suite
from observatory.keys import Key

LANGGRAPH: Final = "langgraph"

_CLAIMS: Final = (
    Claim(
        'durable loop: LangGraph with durability="sync" / Cascade with "step"',
        (Key(DURABLE_LOOP, LANGGRAPH), Key(DURABLE_LOOP)),
        lambda peer, own: peer / own,
        "x",
        at_least=10.0,
    ),
    ratio("the same, with a flush of the disk in every commit", Key(FLUSHED_LOOP, LANGGRAPH), Key(FLUSHED_LOOP)),
    ratio(
        "the same, as both come: LangGraph flushes in every commit, Cascade does not",
        Key(FLUSHED_LOOP, LANGGRAPH),
        Key(DURABLE_LOOP),
    ),
    rate("steps of LangGraph's durable loop", Key(DURABLE_LOOP, LANGGRAPH)),
    rate("steps of Cascade's durable loop", Key(DURABLE_LOOP)),
)

SUITE: Final = Suite("peers", "Cascade beside other engines", (), _CLAIMS)

__all__ = ["SUITE"]
