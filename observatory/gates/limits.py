"""The limits of the gates: a committed file, with a table for each version of Python, because each calls differently.

A limit is what was counted when the file was last refreshed and a margin. A Python that has no table yet is held
against that of the newest one that has.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from observatory.gates.measures import Count

FILE: Final = Path(__file__).with_name("limits.json")


class Gate(NamedTuple):
    """A count beside its limit.

    Attributes:
        name: What was counted.
        value: The count.
        limit: What it may be at most; ``None`` if it has none yet.
    """

    name: str
    value: float
    limit: float | None

    @property
    def is_open(self) -> bool:
        """Whether the count may pass."""
        return self.limit is not None and self.value <= self.limit


def version() -> str:
    """The version of this Python, as the file calls it."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def read(file: Path = FILE) -> dict[str, float]:
    """The limits for this Python."""
    tables = _tables(file)
    newest = max(tables, key=lambda name: tuple(map(int, name.split("."))), default="")
    return tables.get(version(), tables.get(newest, {}))


def hold(counts: Iterable[Count], limits: Mapping[str, float]) -> list[Gate]:
    """Every count beside its limit."""
    return [Gate(count.name, count.value, limits.get(count.name)) for count in counts]


def limit_of(count: Count) -> float:
    """The limit that a count gives itself."""
    return round(count.value * (1 + count.margin) + count.slack, 2)


def refresh(counts: Iterable[Count], file: Path = FILE) -> None:
    """Replace the limits of this Python."""
    tables = _tables(file) | {version(): {count.name: limit_of(count) for count in counts}}
    text = json.dumps(dict(sorted(tables.items())), indent=1)
    file.write_text(text + "\n", encoding="utf-8")


def _tables(file: Path) -> dict[str, dict[str, float]]:
    if not file.exists():
        return {}
    tables: dict[str, dict[str, float]] = json.loads(file.read_text(encoding="utf-8"))
    return tables


__all__ = ["FILE", "Gate", "hold", "limit_of", "read", "refresh", "version"]
