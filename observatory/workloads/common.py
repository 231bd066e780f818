"""Tasks that several workloads use. They do nothing, so that nothing but the engine is measured.

They are inline, so that no figure depends on when mode ``auto`` finds them short.
"""

from __future__ import annotations

from typing import Final

from cascade import workflow as cs

CHAIN: Final = 11
"""Nested calls in a heavy step."""

inline = cs.task(mode="inline")


@inline
def noop(x: int) -> int:
    """Do nothing."""
    return x


def done(_steps: int) -> str:
    """The answer of every countdown."""
    return "done"


__all__ = ["CHAIN", "done", "inline", "noop"]
