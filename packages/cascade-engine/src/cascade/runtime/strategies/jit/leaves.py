"""`LEAVES`: the types of most values, which need not be looked into."""

from __future__ import annotations

from typing import Final

LEAVES: Final = frozenset({int, float, str, bool, bytes, complex, type(None)})
"""The usual types of which every value is a leaf; others are looked up in `KINDS`."""

__all__ = ["LEAVES"]
