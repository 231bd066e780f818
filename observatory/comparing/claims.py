"""What is claimed of comparisons: the figures with a bar."""

from __future__ import annotations

from typing import Final

from observatory.claims import Claim
from observatory.comparing.workloads import DURABLE_LOOP
from observatory.keys import Key

LANGGRAPH: Final = "langgraph"

CLAIMS: Final = (
    Claim(
        'durable loop: LangGraph with SQLite and durability="sync" / Cascade with durability="step"',
        (Key(DURABLE_LOOP, LANGGRAPH), Key(DURABLE_LOOP)),
        lambda peer, own: peer / own,
        "x",
        at_least=10.0,
    ),
)

__all__ = ["CLAIMS"]
