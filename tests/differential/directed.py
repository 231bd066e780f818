"""Strategies for programs that wide ones rarely hit upon: small pieces, chosen so that they meet."""

from __future__ import annotations

from typing import Any, Final

from hypothesis import strategies as st

from .programs import (
    FUEL,
    Arg,
    Block,
    Call,
    Container,
    Expr,
    Item,
    Lit,
    Map,
    Opaque,
    Parameter,
    Program,
    Ref,
    Spent,
    TaskSpec,
)
from .strategies import SAME

Draw = Any


@st.composite
def maps_of_failing_graphs(draw: Draw) -> Program:
    """A map that keeps failures, of a task that returns a graph in which several calls can fail at once."""

    def member(key: int, name: str) -> TaskSpec:
        mode, pauses = draw(st.sampled_from((("async", 0), ("async", 1), ("async", 3), ("thread", 0), ("inline", 0))))
        fails_at = draw(st.sampled_from((0, 1, 2, None)))
        return TaskSpec(key, name, (Parameter("a"),), "number", mode, pauses, fails_at=fails_at)

    def operand(depth: int) -> Expr:
        part: Expr = Arg("a") if depth == 0 or not draw(st.booleans()) else operand(depth - 1)
        return Call(draw(st.integers(1, 3)), (part,))

    members = tuple(member(key, "work") for key in (1, 2, 3))  # of one name, so that their failures are alike
    join = TaskSpec(4, "join", (Parameter("a"), Parameter("b"), Parameter("c", Lit(7))), "listing", mode="inline")
    others = [operand(2) for _ in range(draw(st.integers(1, 2)))]
    body = Block((operand(1),), Call(4, (*others, Ref(0))))
    item = TaskSpec(5, "item", (Parameter("a"),), mode=draw(st.sampled_from(("inline", "async"))), returns=(body,))
    values = Lit(list(range(draw(st.integers(1, 6)))))
    window = draw(st.sampled_from((None, 1, 2, 3)))
    target: Expr = Map(5, (("a", values),), keeps_failures=True, max_in_flight=window)
    if draw(st.booleans()):
        target = Call(4, (target, _beside(draw)))
    return Program((SAME, *members, join, item), Block((), target))


def _beside(draw: Draw) -> Expr:
    """A call beside the map, which the map's failures must not stop."""
    return Call(SAME.key, (Call(SAME.key, (Lit(draw(st.integers(0, 2))),)),))


_PIECES: Final[tuple[Expr, ...]] = (
    Ref(0),
    Ref(1),
    Lit(1),
    Arg("a"),
    Opaque(1),
    Call(0, (Arg("a"),)),
    Call(0, (), (("value", Arg("a")),)),
    Call(1, (Ref(0),)),
    Call(2, (Arg("a"),)),
    Lit([1, 2]),
    Container("list", (Ref(0), Ref(1))),
    Item(Call(0, (Lit((1, 2)),)), Lit(0)),
)
_CHANGES: Final[tuple[tuple[Expr, Expr], ...]] = (
    (Ref(1), Ref(0)),
    (Ref(0), Ref(1)),
    (Lit(1), Call(2, (Lit(1),))),
    (Call(0, (Arg("a"),)), Ref(0)),
    (Call(0, (Arg("a"),)), Call(2, (Arg("a"),))),
    (Call(0, (Arg("a"),)), Call(0, (), (("value", Arg("a")),))),
    (Call(1, (Ref(0),)), Call(1, (Ref(0),), (("c", Lit(1)),))),
    (Container("list", (Ref(0), Ref(1))), Container("tuple", (Ref(0), Ref(1)))),
    (Container("list", (Ref(0), Ref(1))), Container("list", (Ref(0), Ref(0)))),
    (Container("list", (Ref(0), Ref(1))), Container("list", (Ref(0), Lit(1)))),
    (Container("list", (Ref(0), Ref(1))), Container("list", (Ref(0), Ref(1), Ref(1)))),
    (Lit([1, 2]), Container("list", (Ref(0), Lit(2)))),
)
"""What makes another step out of one."""


def _changed(expression: Expr, change: tuple[Expr, Expr]) -> Expr:
    if expression == change[0]:
        return change[1]
    if isinstance(expression, Call):
        args = tuple(_changed(part, change) for part in expression.args)
        kwargs = tuple((name, _changed(part, change)) for name, part in expression.kwargs)
        return Call(expression.task, args, kwargs)
    return expression


@st.composite
def look_alike_loops(draw: Draw) -> Program:
    """A long loop of plain tasks whose steps differ in little: what is shared, what is a call, the layout of arguments.

    A step that is taken for another one calls too little, too much, or with other arguments.
    """
    operands = draw(st.lists(st.sampled_from(_PIECES), min_size=1, max_size=3))
    positional = draw(st.integers(1, len(operands)))
    kwargs = tuple(zip(("c", "b"), operands[positional:], strict=False)) if positional == 1 else ()
    call: Expr = Call(3, (Spent(), Call(1, tuple(operands[:positional]), kwargs)))
    if draw(st.booleans()):
        call = Call(3, (Spent(), Ref(1), Call(1, (Ref(0), *operands[1:]))))
    second = draw(st.sampled_from((Call(0, (Arg("a"),)), Call(0, (Ref(0),)))))
    bindings = (Call(0, (Arg("a"),)), second)
    changes = draw(st.lists(st.sampled_from(_CHANGES), min_size=1, max_size=2, unique_by=repr))
    bodies = tuple(Block(bindings, body) for body in (call, *(_changed(call, change) for change in changes)))
    defaults = (Parameter("a"), Parameter("b", Lit(7)), Parameter("c", Lit(None)))
    same = TaskSpec(0, "same", SAME.parameters, "same", mode="inline")
    number = TaskSpec(1, "number", defaults, "number", mode="inline")
    # Another task of the same name; at times it returns a call.
    inner = (Block((), Arg("value")), Block((), Call(0, (Arg("value"),))))
    other = TaskSpec(2, "same", SAME.parameters, "same", mode="inline", returns=inner)
    loop = TaskSpec(3, "loop", (Parameter(FUEL), *defaults[:2]), "listing", "inline", returns=bodies, is_loop=True)
    return Program((same, number, other, loop), Block((), Call(3, (Lit(draw(st.sampled_from((24, 7)))), Lit(0)))))


__all__ = ["look_alike_loops", "maps_of_failing_graphs"]
