"""What the workloads that are one large graph share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from observatory.workloads.common import inline

SIZES: Final = (100, 1_000, 10_000, 100_000)


@inline
def add(*values: int) -> int:
    """One more than the sum."""
    return 1 + sum(values)


bare_add: Callable[..., int] = add.fn
"""The function of the task."""

__all__ = ["SIZES", "add", "bare_add"]
