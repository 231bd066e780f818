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
    Spent(),
    Opaque(1),
    Call(0, (Arg("a"),)),
    Call(0, (Spent(),)),
    Call(0, (), (("value", Arg("a")),)),
    Call(2, (Lit(1),)),
    Lit([1, 2]),
    Container("list", (Ref(0), Ref(0))),
    Container("list", (Ref(0), Ref(1))),
    Container("tuple", (Ref(0), Ref(1))),
    Container("list", (Ref(0), Lit(1))),
    Item(Call(0, (Lit((1, 2)),)), Lit(0)),
)


@st.composite
def look_alike_loops(draw: Draw) -> Program:
    """A long loop of plain tasks whose steps differ in little: what is shared, what is a call, the layout of arguments.

    A step that is taken for another one calls too little, too much, or with other arguments.
    """

    def piece() -> Expr:
        found: Expr = draw(st.sampled_from(_PIECES))
        return found

    def body() -> Block:
        first: Expr = Call(0, (draw(st.sampled_from((Arg("a"), Spent(), Lit(1)))),))
        second = first if draw(st.booleans()) else Call(0, (Ref(0),))
        operands = [piece() for _ in range(draw(st.integers(1, 3)))]
        positional = draw(st.integers(1, len(operands)))
        kwargs = tuple(zip(("b", "c"), operands[positional:], strict=False)) if positional == 1 else ()
        args = (Spent(), Call(1, tuple(operands[:positional]), kwargs))
        return Block((first, second), Call(3, args) if draw(st.booleans()) else Call(3, args, (("b", piece()),)))

    defaults = (Parameter("a"), Parameter("b", Lit(7)), Parameter("c", Lit(None)))
    same = TaskSpec(0, "same", SAME.parameters, "same", mode="inline")
    number = TaskSpec(1, "number", defaults, "number", mode="inline")
    other = TaskSpec(2, "same", SAME.parameters, "same", mode="inline")  # another task of the same name
    bodies = tuple(body() for _ in range(draw(st.integers(2, 3))))
    loop = TaskSpec(3, "loop", (Parameter(FUEL), *defaults[:2]), "listing", "inline", returns=bodies, is_loop=True)
    return Program((same, number, other, loop), Block((), Call(3, (Lit(draw(st.sampled_from((24, 7)))), Lit(0)))))


__all__ = ["look_alike_loops", "maps_of_failing_graphs"]
