"""What happens in a program, as the model finds it and as the engine is observed to do it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from .values import Fault


@dataclass(frozen=True)
class Value:
    """A node has a value; ``needs`` is a bit set of the calls that it took."""

    value: Any
    needs: int


@dataclass(frozen=True)
class Skipped:
    """A node was skipped.

    Attributes:
        reason: Why.
        needs: A bit set of the calls that it took to know.
        is_of_next_step: Whether it was called, and the call that it returned was skipped. For the root of a step that
            is a tail call: nothing of the step is left that could say anything about it.
    """

    reason: str
    needs: int
    is_of_next_step: bool = False


@dataclass(frozen=True)
class Failed:
    """A node has failed, or what it needs has; ``needs`` are the calls that each of the faults took."""

    faults: frozenset[Fault]
    needs: int


Outcome = Value | Skipped | Failed


@dataclass(frozen=True)
class CallRecord:
    """An attempt of a task: which, with what, and the bit set of the calls that must have ended before."""

    task: int
    arguments: str
    needs: int


@dataclass
class Account:
    """What happened on the way to the outcome.

    Attributes:
        calls: Every attempt.
        started: Nodes that ran, by the name that people see.
        skipped: Skips of calls and maps, by name and reason.
        retried: Attempts that failed and were followed by another, by name.
        optional: Bit set of calls that the schedule may leave out.
        steps: Steps of the outermost loop.
        used: For each resource, the steps in which it was used.
    """

    calls: list[CallRecord] = field(default_factory=list)
    started: Counter[str] = field(default_factory=Counter)
    skipped: Counter[tuple[str, str]] = field(default_factory=Counter)
    retried: Counter[str] = field(default_factory=Counter)
    optional: int = 0
    steps: int = 1
    used: dict[str, set[int]] = field(default_factory=dict)


def failed_of(outcomes: list[Outcome]) -> Failed | None:
    """What comes of failures side by side: any may be the first, so only what all of them need has surely run."""
    failed = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
    if not failed:
        return None
    needs = failed[0].needs
    for other in failed:
        needs &= other.needs
    return Failed(frozenset().union(*(one.faults for one in failed)), needs)


def needs_of(outcomes: list[Outcome]) -> int:
    """The calls that all of the outcomes took."""
    needs = 0
    for outcome in outcomes:
        needs |= outcome.needs
    return needs


__all__ = ["Account", "CallRecord", "Failed", "Outcome", "Skipped", "Value", "failed_of", "needs_of"]
