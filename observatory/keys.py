"""`Key`: which benchmark of which subject a value belongs to."""

from __future__ import annotations

from typing import Final, NamedTuple

CASCADE: Final = "cascade"
"""Cascade as it comes."""
CUSTOM: Final = "custom"
"""Cascade with the solver, executor or state backend that the user gave."""
FLOOR: Final = "floor"
"""The least that the same work could cost; the workload says what that is."""
INTERPRETER: Final = "interpreter"
"""Cascade without compiled loops."""


class Key(NamedTuple):
    """A benchmark and a subject.

    Attributes:
        benchmark: The name of the benchmark.
        subject: Who does the work: one of the constants of this module, or the name of another engine.
    """

    benchmark: str
    subject: str = CASCADE


__all__ = ["CASCADE", "CUSTOM", "FLOOR", "INTERPRETER", "Key"]
