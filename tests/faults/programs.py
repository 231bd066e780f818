"""Programs with effects whose value is known.

A program is a loop that counts down. Each step does something outside, and the value adds all of it up, so a step that
is lost or counted twice makes another value.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from cascade import workflow as cs
from cascade.testing import LoopClock

WORK_S: Final = 0.04
"""What a sync effect takes, in seconds."""


class Effect(NamedTuple):
    """Something that a task has done outside.

    Attributes:
        left: The steps that are left, itself included: it falls from step to step.
        place: Which task of the step.
        time: When it was done, in seconds by the clock of the engine.
        incarnation: How often the run had been continued by then.
    """

    left: int
    place: int
    time: float
    incarnation: int


class WorkingClock(LoopClock):
    """The clock of the event loop, on which sync functions take time, too: it stands still while they run."""

    worked_s = 0.0

    def monotonic(self) -> float:
        """Seconds of waiting and of work."""
        return super().monotonic() + self.worked_s


@dataclass
class Ledger:
    """What was done outside of the run that is under way; there is one at a time."""

    effects: list[Effect] = field(default_factory=list)
    incarnation: int = 0
    clock: WorkingClock = field(default_factory=WorkingClock)
    on_effect: Callable[[Effect], None] = lambda _: None

    def add(self, left: int, place: int) -> int:
        """Do something outside; its amount."""
        effect = Effect(left, place, self.clock.monotonic(), self.incarnation)
        self.effects.append(effect)
        self.on_effect(effect)
        return amount(left, place)


ledger = Ledger()


def begin(on_effect: Callable[[Effect], None]) -> Ledger:
    """Begin a new page."""
    ledger.effects, ledger.incarnation, ledger.on_effect = [], 0, on_effect
    return ledger


def amount(left: int, place: int) -> int:
    """What an effect is worth: another number for each."""
    return 1_000 * left * left + place + 1


@cs.task(mode="inline")
def note(left: int, place: int) -> int:
    ledger.clock.worked_s += WORK_S
    return ledger.add(left, place)


@cs.task
async def charge(left: int, place: int, delay_s: float) -> int:
    await asyncio.sleep(delay_s)
    value = ledger.add(left, place)
    await asyncio.sleep(delay_s)
    return value


@cs.task(mode="inline")
def total(*parts: int) -> int:
    return sum(parts)


@cs.task(mode="inline")
def sum_up(parts: list[int]) -> int:
    return sum(parts)


@cs.task(mode="inline")
def plain(left: int, width: int, so_far: int) -> int:
    """A loop of sync steps, which is compiled when it comes back."""
    return so_far if left == 0 else plain(left - 1, width, total(so_far, note(left, 0)))


@cs.task(mode="inline")
def parallel(left: int, width: int, so_far: int) -> int:
    """Steps of several calls at the same time."""
    if left == 0:
        return so_far
    parts = [charge.with_retry(4, delay_s=0.1)(left, place, 0.01 * (place + 1)) for place in range(width)]
    return parallel(left - 1, width, total(so_far, *parts))


@cs.task(mode="inline")
def mapped(left: int, width: int, so_far: int) -> int:
    """Steps with a map."""
    if left == 0:
        return so_far
    parts = charge.with_retry(4, delay_s=0.1).map(cs.literal(left), range(width), cs.literal(0.01))
    return mapped(left - 1, width, total(so_far, sum_up(parts)))


@cs.task(mode="inline")
def inner(left: int, place: int, so_far: int) -> int:
    return so_far if place < 0 else inner(left, place - 1, total(so_far, charge(left, place, 0.01)))


@cs.task(mode="inline")
def nested(left: int, width: int, so_far: int) -> int:
    """Steps with a loop of their own inside."""
    return so_far if left == 0 else nested(left - 1, width, total(so_far, inner.with_retry(4)(left, width - 1, 0)))


PROGRAMS: dict[str, Any] = {
    "plain": plain,
    "parallel": parallel,
    "mapped": mapped,
    "nested": nested,
}


@dataclass(frozen=True)
class Program:
    """A loop that was drawn.

    Attributes:
        name: Which.
        steps: How many steps it has with effects.
        width: How many effects a step has.
    """

    name: str
    steps: int
    width: int

    @classmethod
    def draw(cls, dice: random.Random) -> Program:
        """A random one."""
        name = dice.choice(list(PROGRAMS))
        if name == "plain":
            return cls(name, dice.randint(1, 20), 1)
        return cls(name, dice.randint(1, 8), dice.randint(1, 4))

    def target(self) -> Any:
        """The call that begins it."""
        return PROGRAMS[self.name](self.steps, self.width, 0)

    @property
    def value(self) -> int:
        """What it must come to."""
        return sum(amount(left, place) for left in range(1, self.steps + 1) for place in range(self.width))
