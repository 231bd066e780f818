"""Random loops: what they are made of, and how Hypothesis writes them.

A program is data, so that a failing one can be made smaller and printed. It has a few *leaves* (tasks that return a
value), one to four *loops* (tasks that return a call of the next step) and *incidents*: something that a task does when
it is called with a certain number. The first of several choices is always the simplest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
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


class Truth(NamedTuple):
    """What a condition or a selector is.

    Attributes:
        kind: A plain value, or what a call gives: a truth value, a number, an enumeration's member, a text, a list; or
            a call that is skipped itself.
        every: It is false, or the first of several, in every so many steps.
        is_called: Whether a task gives it.
    """

    kind: Literal["truth", "number", "member", "text", "list", "skipped"]
    every: int
    is_called: bool


class Gated(NamedTuple):
    """A call with a condition, an alternative, predecessors, a name.

    Attributes:
        call: The call.
        condition: Whether it is made.
        otherwise: Its value if it is not.
        after: What must have ended before.
        is_late: Whether all that is given to the call, not to the task.
        is_named: Whether it has a name of its own.
    """

    call: Call
    condition: Truth | None
    otherwise: Expr | None
    after: tuple[Call, ...]
    is_late: bool
    is_named: bool


class Routes(NamedTuple):
    """A router among the arguments.

    Attributes:
        selector: What chooses.
        routes: What is chosen from.
        default: Taken if nothing fits.
    """

    selector: Truth
    routes: tuple[Expr, ...]
    default: Expr | None


Expr = Value | Wrapped | Call | Shared | Sometimes | Box | Item | Gated | Routes


_PLAIN: Final = Truth("truth", 2, is_called=True)

Form = Literal["positional", "keywords", "reversed", "mixed"]


@dataclass(frozen=True)
class Step:
    """What a loop returns in some of its steps.

    Attributes:
        following: The loop that is called, by its index.
        arguments: Its arguments behind the number.
        form: How they are given; in every third step that is called by ``other_form``.
        attempts: As given to ``with_retry``.
        routed: Whether the call is one of the routes of a router.
        gate: The selector of that router, or the condition of the call.
    """

    following: int
    arguments: tuple[Expr, ...]
    form: Form = "positional"
    other_form: Form = "positional"
    attempts: int = 0
    routed: Literal["", "by name", "by number", "otherwise", "by a call", "by a gate", "if", "if or else"] = ""
    gate: Truth = _PLAIN


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
        slices: Whether slices are as long as usual, never over, or always over, if that changes nothing.
    """

    leaves: tuple[Leaf, ...]
    loops: tuple[Loop, ...]
    incidents: tuple[Incident, ...]
    count: int
    slices: Literal["usual", "endless", "over"]

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
        is_one_thing = not any(incident.kind in returns for incident in self.incidents)
        return self.slices == "over" and has_one_order and is_one_thing

    @property
    def slice_s(self) -> float:
        """How long a slice is, in virtual seconds."""
        return -1.0 if self.is_hurried else 3600.0 if self.slices == "endless" else 0.005


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
ROUTED: Final = st.sampled_from(("",) * 8 + ("by name", "by number", "otherwise", "by a call"))
GATED: Final = st.sampled_from(("",) * 6 + ("by a gate",) * 3 + ("if or else",) * 2 + ("by a call", "if"))
TRUTHS: Final = st.builds(
    Truth,
    kind=st.sampled_from(("truth",) * 4 + ("number", "member", "text") * 2 + ("list", "skipped")),
    every=st.sampled_from((2, 3, 4, 100)),
    is_called=st.booleans(),
)
VALUES: Final = st.one_of(
    st.builds(Value, st.integers(0, 3)),
    st.builds(Value, st.sampled_from(CONSTANTS), st.just(True)),
    st.builds(Wrapped, st.integers(0, 3)),
)


@st.composite
def programs(draw: Any, *, gated: bool = False) -> Program:
    """A program. Its tasks are drawn first, so that expressions can refer to them.

    Args:
        draw: Of Hypothesis.
        gated: Whether there are conditions and routes that are decided on the way; then most programs are sync.
    """
    leaves = tuple(draw(st.lists(LEAVES, min_size=1, max_size=4)))
    kinds = draw(st.lists(st.booleans(), min_size=1, max_size=4))
    if gated and draw(st.integers(0, 7)):
        leaves = tuple(replace(leaf, is_async=False, is_pure=False, wants="") for leaf in leaves)
        kinds = [False] * len(kinds)
    calls_allowed = [MOST_CALLS]

    def call(depth: int, leaf: int) -> Call:
        calls_allowed[0] -= 1
        arguments = tuple(expression(depth - 1) for _ in range(draw(st.integers(0, 2))))
        keyword = expression(depth - 1) if draw(st.integers(0, 3)) == 0 else None
        return Call(leaf, arguments, keyword, draw(ATTEMPTS), draw(st.booleans()))

    def gate(depth: int) -> Expr:
        if draw(st.integers(0, 2)) == 0:
            routes = tuple(expression(depth - 1) for _ in range(draw(st.integers(1, 3))))
            return Routes(draw(TRUTHS), routes, expression(depth - 1) if draw(st.integers(0, 5)) else None)
        made = call(depth, draw(st.integers(0, len(leaves) - 1)))
        condition = draw(TRUTHS) if draw(st.integers(0, 4)) else None
        otherwise = expression(depth - 1) if draw(st.booleans()) else None
        after = tuple(call(0, 0) for _ in range(draw(st.sampled_from((0, 0, 1)))))
        return Gated(made, condition, otherwise, after, draw(st.booleans()), draw(st.integers(0, 3)) == 0)

    def expression(depth: int) -> Expr:
        if gated and depth > 0 and calls_allowed[0] > 0 and draw(st.integers(0, 2)) == 0:
            return gate(depth)
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
        attempts = draw(ATTEMPTS) if len(kinds) == 1 else 0
        routed = draw(GATED if gated else ROUTED)
        return Step(following, arguments, form, other_form, attempts, routed, draw(TRUTHS) if gated else Step.gate)

    loops = tuple(
        Loop(
            is_async,
            tuple(step() for _ in range(draw(st.sampled_from((1, 1, 1, 2, 3))))),
            draw(st.sampled_from(("arguments", "arguments", "arguments", "call", "calls", "literal"))),
        )
        for is_async in kinds
    )
    count = draw(st.integers(6, 24 if gated else 14))
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
    return Program(leaves, loops, tuple(incidents), count, draw(st.sampled_from(("usual", "endless", "over"))))


KINDS: Final[tuple[Kind, ...]] = (
    "fails", "fails", "returns a call", "fails with", "returns calls", "sets a variable", "pauses", "limits",
    "limits the rate", "subscribes", "is cancelled", "swallows its cancellation", "times out",
)  # fmt: skip

__all__ = [
    "Box",
    "Call",
    "Expr",
    "Gated",
    "Incident",
    "Item",
    "Leaf",
    "Loop",
    "Program",
    "Routes",
    "Shared",
    "Sometimes",
    "Step",
    "Truth",
    "Value",
    "Wrapped",
    "programs",
]
