"""What the workloads that are one large graph share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from observatory.workloads.common import inline

SIZES: Final = (100, 1_000, 10_000, 100_000)
"""Nodes, or a little fewer."""


@inline
def add(*values: int) -> int:
    """One more than the sum."""
    return 1 + sum(values)


@inline
def deepest(*values: int) -> int:
    """One more than the greatest."""
    return 1 + max(values, default=0)


bare_add: Callable[..., int] = add.fn
bare_deepest: Callable[..., int] = deepest.fn

__all__ = ["SIZES", "add", "bare_add", "bare_deepest", "deepest"]
