"""Random loops: what they are made of, and how Hypothesis writes them.

A program is data, so that a failing one can be made smaller and printed. It has a few *leaves* (tasks that return a
value), one to four *loops* (tasks that return a call of the next step) and *incidents*: something that a task does when
it is called with a certain number. The first of several choices is always the simplest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

from hypothesis import strategies as st

Delay = Literal["none", "ticks", "time"]
"""An async leaf does not suspend; or some turns of the event loop; or for a virtual time that no other leaf takes."""


@dataclass(frozen=True)
class Leaf:
    """A task that returns a value.

    Attributes:
        is_async: Whether it is async.
        delay: How long it takes, if it is async.
        gives: What it returns.
        wants: The scope of the resource that it is given, if it is.
        is_method: Whether it is a method, called on either of two instances.
        is_pure: Whether it is declared as pure.
    """

    is_async: bool = False
    delay: Delay = "none"
    gives: Literal["number", "pair"] = "number"
    wants: Literal["", "run", "step"] = ""
    is_method: bool = False
    is_pure: bool = False


class Value(NamedTuple):
    """A literal; if it is not fixed, the number of the step is added."""

    value: Any
    is_fixed: bool = False


class Wrapped(NamedTuple):
    """A value in ``literal(...)``."""

    value: int


class Call(NamedTuple):
    """A call of a leaf.

    Attributes:
        leaf: Its index.
        arguments: Positional arguments, behind the number of the step.
        keyword: The keyword argument, if there is one.
        attempts: As given to ``with_retry``; 0 for none.
        is_late: Whether the policy is given to the call, not to the task.
    """

    leaf: int
    arguments: tuple[Expr, ...] = ()
    keyword: Expr | None = None
    attempts: int = 0
    is_late: bool = False


class Shared(NamedTuple):
    """A call that was made before in the same step, if there is one.

    Attributes:
        made: Which.
        copied: In which steps it is not the same call but another, which is like it: every so many; 0 for none.
    """

    made: int
    copied: int = 0


class Sometimes(NamedTuple):
    """Every so many steps something else."""

    every: int
    usual: Expr
    rare: Expr


class Box(NamedTuple):
    """A builtin container."""

    kind: Literal["list", "tuple", "dict"]
    content: tuple[Expr, ...]


class Item(NamedTuple):
    """One of the two values that a call gives."""

    source: Call
    key: int


Expr = Value | Wrapped | Call | Shared | Sometimes | Box | Item


Form = Literal["positional", "keywords", "reversed", "mixed"]


@dataclass(frozen=True)
class Step:
    """What a loop returns in some of its steps.

    Attributes:
        following: The loop that is called, by its index.
        arguments: Its arguments behind the number.
        form: How they are given; in every third step that is called by ``other_form``.
        attempts: As given to ``with_retry``.
    """

    following: int
    arguments: tuple[Expr, ...]
    form: Form = "positional"
    other_form: Form = "positional"
    attempts: int = 0


@dataclass(frozen=True)
class Loop:
    """A task that returns a call: of its steps the one whose turn it is, or in the end a value."""

    is_async: bool
    steps: tuple[Step, ...]
    last: Literal["arguments", "call", "calls", "literal"] = "arguments"


Kind = Literal[
    "fails", "fails with", "returns a call", "returns calls", "sets a variable", "pauses", "limits", "limits the rate",
    "subscribes", "is cancelled", "swallows its cancellation", "times out",
]  # fmt: skip

OF_ASYNC: Final[frozenset[Kind]] = frozenset(
    {"sets a variable", "pauses", "limits", "limits the rate", "subscribes", "is cancelled",
     "swallows its cancellation", "times out"}
)  # fmt: skip


@dataclass(frozen=True)
class Incident:
    """What a task does when it is called with a number: a leaf, or behind the leaves a loop."""

    place: int
    at: int
    kind: Kind
    times: int = 1
    detail: int = 0


@dataclass(frozen=True)
class Program:
    """A program.

    Attributes:
        leaves: The leaves.
        loops: The loops; the first is called first.
        incidents: What happens on the way.
        count: The number that the first call is given, which falls to 0.
        may_hurry: Whether the time is always over, so that every turn is as short as can be, if that changes nothing.
    """

    leaves: tuple[Leaf, ...]
    loops: tuple[Loop, ...]
    incidents: tuple[Incident, ...]
    count: int
    may_hurry: bool

    @property
    def has_ticks(self) -> bool:
        """Whether turns of the event loop are counted: how many it takes to begin or stop a call is no promise."""
        harmless = {"sets a variable", "times out"}
        return not self.is_hurried and all(incident.kind in harmless for incident in self.incidents)

    @property
    def is_hurried(self) -> bool:
        """Whether the time is always over. Not if the order of independent calls depends on who has his turn when."""
        has_one_order = len({(leaf.is_async, leaf.wants) for leaf in self.leaves}) == 1 and not self.leaves[0].wants
        returns = ("returns a call", "returns calls")
        return self.may_hurry and has_one_order and not any(incident.kind in returns for incident in self.incidents)


# --- Strategies -------------------------------------------------------------------------------------------------------

LEAVES: Final = st.builds(
    Leaf,
    is_async=st.booleans(),
    delay=st.sampled_from(("none", "ticks", "time")),
    gives=st.sampled_from(("number", "number", "pair")),
    wants=st.sampled_from(("", "", "", "", "run", "run", "step")),
    is_method=st.sampled_from((False, False, False, True)),
    is_pure=st.sampled_from((False,) * 7 + (True,)),
)
MOST_CALLS: Final = 6
CONSTANTS: Final = (0, None, True, "a", 1.5, (), (1, 2), b"b", [1], {"k": 2})
ATTEMPTS: Final = st.sampled_from((0, 0, 0, 0, 2, 3))
FORMS: Final = st.sampled_from(("positional", "positional", "keywords", "reversed", "mixed"))
VALUES: Final = st.one_of(
    st.builds(Value, st.integers(0, 3)),
    st.builds(Value, st.sampled_from(CONSTANTS), st.just(True)),
    st.builds(Wrapped, st.integers(0, 3)),
)


@st.composite
def programs(draw: Any) -> Program:
    """A program. Its tasks are drawn first, so that expressions can refer to them."""
    leaves = tuple(draw(st.lists(LEAVES, min_size=1, max_size=4)))
    kinds = draw(st.lists(st.booleans(), min_size=1, max_size=4))
    calls_allowed = [MOST_CALLS]

    def call(depth: int, leaf: int) -> Call:
        calls_allowed[0] -= 1
        arguments = tuple(expression(depth - 1) for _ in range(draw(st.integers(0, 2))))
        keyword = expression(depth - 1) if draw(st.integers(0, 3)) == 0 else None
        return Call(leaf, arguments, keyword, draw(ATTEMPTS), draw(st.booleans()))

    def expression(depth: int) -> Expr:
        choice = draw(st.integers(0, 9))
        if depth <= 0 or choice < 2 or calls_allowed[0] <= 0:
            return draw(VALUES)  # type: ignore[no-any-return]
        if choice < 7:
            leaf = draw(st.integers(0, len(leaves) - 1))
            made = call(depth, leaf)
            whole = Item(made, draw(st.integers(0, 1))) if leaves[leaf].gives == "pair" and choice < 5 else made
            if draw(st.integers(0, 4)):
                return whole
            other = draw(st.sampled_from(("attempts", "leaf", "keyword", "value", "box")))
            alike: dict[str, Expr] = {
                "attempts": made._replace(attempts=2 if made.attempts != 2 else 0, is_late=not made.is_late),
                "leaf": made._replace(leaf=(leaf + 1) % len(leaves)),
                "keyword": made._replace(keyword=None if made.keyword else Value(1)),
                "value": Value(1),
                "box": Box("list", (made,)),
            }
            return Sometimes(draw(st.sampled_from((2, 3, 5))), whole, alike[other])
        if choice == 7:
            return Shared(draw(st.integers(0, 3)), draw(st.sampled_from((0, 2, 3))))
        kind = draw(st.sampled_from(("list", "tuple", "dict")))
        return Box(kind, tuple(expression(depth - 1) for _ in range(draw(st.integers(0, 3)))))

    def step() -> Step:
        calls_allowed[0] = MOST_CALLS
        following = draw(st.integers(0, len(kinds) - 1))
        arguments = tuple(expression(3) for _ in range(draw(st.integers(1, 3))))
        form = draw(FORMS)
        other_form = draw(FORMS) if draw(st.integers(0, 3)) == 0 else form
        return Step(following, arguments, form, other_form, draw(ATTEMPTS) if len(kinds) == 1 else 0)

    loops = tuple(
        Loop(
            is_async,
            tuple(step() for _ in range(draw(st.sampled_from((1, 1, 1, 2, 3))))),
            draw(st.sampled_from(("arguments", "arguments", "arguments", "call", "calls", "literal"))),
        )
        for is_async in kinds
    )
    count = draw(st.integers(6, 14))
    incidents = []
    for _ in range(draw(st.sampled_from((0, 0, 0, 1, 1, 2)))):
        place = draw(st.integers(0, len(leaves) + len(loops) - 1))
        is_async = leaves[place].is_async if place < len(leaves) else loops[place - len(leaves)].is_async
        possible = KINDS if is_async else tuple(kind for kind in KINDS if kind not in OF_ASYNC)
        incidents.append(
            Incident(
                place,
                draw(st.integers(0, count)),
                draw(st.sampled_from(possible)),
                draw(st.sampled_from((1, 1, 2, 3))),
                draw(st.integers(0, 7)),
            )
        )
    return Program(leaves, loops, tuple(incidents), count, draw(st.booleans()))


KINDS: Final[tuple[Kind, ...]] = (
    "fails", "fails", "returns a call", "fails with", "returns calls", "sets a variable", "pauses", "limits",
    "limits the rate", "subscribes", "is cancelled", "swallows its cancellation", "times out",
)  # fmt: skip

__all__ = [
    "Box",
    "Call",
    "Expr",
    "Incident",
    "Item",
    "Leaf",
    "Loop",
    "Program",
    "Shared",
    "Sometimes",
    "Step",
    "Value",
    "Wrapped",
    "programs",
]
