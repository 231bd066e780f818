"""`Setting`: how much is measured, and on which parts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from cascade import workflow as cs
from observatory.keys import CASCADE, CUSTOM
from observatory.parts import Parts

Effort = Literal["full", "fast", "smoke"]

SMOKE_DIVISOR: Final = 1_000
SMOKE_LEAST: Final = 10
ROUND_S: Final[dict[Effort, float]] = {"full": 0.07, "fast": 0.04, "smoke": 0.0}


@dataclass(frozen=True)
class Setting:
    """What an experiment is told.

    Attributes:
        effort: ``full`` for figures to quote, ``fast`` for a look, ``smoke`` to see that everything runs: its values
            mean nothing.
        parts: What is to be measured beside Cascade's own parts.
    """

    effort: Effort = "full"
    parts: Parts = field(default_factory=Parts)

    @property
    def is_smoke(self) -> bool:
        """Whether the values are thrown away."""
        return self.effort == "smoke"

    @property
    def round_s(self) -> float:
        """About how many seconds a work that can be made longer or shorter should take in a round."""
        return ROUND_S[self.effort]

    def size(self, declared: int) -> int:
        """The size of a workload that is named after its size, so that only ``smoke`` may change it."""
        return max(declared // SMOKE_DIVISOR, min(declared, SMOKE_LEAST)) if self.is_smoke else declared

    @property
    def subjects(self) -> tuple[str, ...]:
        """What to compare: Cascade as it comes, and with the user's parts if there are any."""
        return (CASCADE, CUSTOM) if self.parts.are_given else (CASCADE,)

    def engine(self, subject: str) -> cs.Engine:
        """The engine of a subject."""
        return self.parts.engine() if subject == CUSTOM else cs.Engine(jit=True)

    def engines(self) -> dict[str, cs.Engine]:
        """The engines to compare by subject."""
        return {subject: self.engine(subject) for subject in self.subjects}


__all__ = ["Effort", "Setting"]
