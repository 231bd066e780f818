"""`Durability`: how much of a run may be lost when its process dies.

"step"             nothing but the step in flight: a step begins when the one before is written
"interval"         what happened in the last 50 ms, and the step in flight
"interval(200)"    the same with 200 ms
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from cascade.spec.errors import ParameterError

INTERVAL_MS: Final = 50.0
SHORTEST_MS: Final = 25.0
"""The event loop has its turn about every 5 ms, so much less cannot be promised."""

_INTERVAL: Final = re.compile(r"interval(?:\((\d+(?:\.\d+)?)\))?")


class Durability(NamedTuple):
    """A level.

    Attributes:
        every_step: Whether a step begins only when the one before is written.
        interval_s: Seconds that may be lost otherwise; beyond that the run waits for the store.
    """

    every_step: bool
    interval_s: float


def parse_durability(level: str) -> Durability:
    """The level of this name.

    Raises:
        ParameterError: There is none.
    """
    if level == "step":
        return Durability(True, INTERVAL_MS / 1000)
    match = _INTERVAL.fullmatch(level) if isinstance(level, str) else None
    if match is None or float(match[1] or INTERVAL_MS) < SHORTEST_MS:
        raise ParameterError(
            f'durability is "step", "interval" or "interval(N)" with N at least {SHORTEST_MS:g} milliseconds, not '
            f"{level!r:.100}"
        )
    return Durability(False, float(match[1] or INTERVAL_MS) / 1000)


__all__ = ["INTERVAL_MS", "SHORTEST_MS", "Durability", "parse_durability"]
