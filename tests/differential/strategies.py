"""Hypothesis strategies that write random programs.

A `Writer` writes expressions for one place: it knows what can be called there, and what can be referred to. The first
of several choices is always the simplest, because that is where Hypothesis shrinks to.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from hypothesis import strategies as st

from .programs import (
    FUEL,
    SITE,
    Arg,
    Block,
    Call,
    Container,
    Expr,
    Global,
    Item,
    Lit,
    Map,
    Opaque,
    Options,
    Par,
    Parameter,
    ParamSpec,
    Program,
    Ref,
    Repeated,
    Res,
    Route,
    Spent,
    TaskSpec,
    is_stand_in,
)
from .values import Box, Crate, Pair, Spot

LITERALS: Final[tuple[Any, ...]] = (
    0, 1, 2, 3, True, None, "a", "b", [1, 2], (), ("a", (1,)), {"k": 1}, {1, 2}, frozenset({0}),
    Pair(1, [2]), Box([1]), Spot(0, "s"), Crate([1, 2]),
)  # fmt: skip
KEYS: Final[tuple[Any, ...]] = (0, 1, 2, 3, 4, "a", "t1", None, ("a", (1,)))
CONTAINER_KINDS: Final = ("list", "tuple", "dict", "set", "frozenset", "pair", "box", "spot", "crate")
SIZES: Final = {"pair": 2, "spot": 2, "box": 1}
NAMES: Final = ("work", "load", "work")
"""Few names, so that different tasks often have the same."""
PLAIN_OPERATIONS: Final = ("number", "truth", "text", "pair", "listing", "dict", "spot", "range", "none")
SAME: Final = TaskSpec(key=0, name="same", parameters=(Parameter("value"),), operation="same")

Draw = Any
Write = Callable[[int], Expr]


@dataclass
class World:
    """What a program has so far."""

    specs: list[TaskSpec] = field(default_factory=lambda: [SAME])
    loops: list[TaskSpec] = field(default_factory=list)
    globals: list[Expr] = field(default_factory=list)
    params: dict[str, ParamSpec] = field(default_factory=dict)
    resources: dict[str, str] = field(default_factory=dict)
    sites: int = 0
    is_plain: bool = False
    """Mostly what is compiled: short sync tasks without options."""


class Writer:
    """Writes the expressions of one block.

    Args:
        draw: Hypothesis' source of choices.
        world: What there is.
        arguments: Names of the arguments that the block sees.
        in_loop: Whether there is fuel.
        may_loop: Whether loops may be called.
    """

    def __init__(
        self, draw: Draw, world: World, arguments: tuple[str, ...] = (), in_loop: bool = False, may_loop: bool = False
    ) -> None:
        self._draw = draw
        self._world = world
        self._arguments = arguments
        self._in_loop = in_loop
        self._may_loop = may_loop
        self._callable = list(world.specs)
        self._globals = len(world.globals)
        self._bindings: list[Expr] = []

    def block(self, is_body: bool) -> Block:
        """A whole block. The body of a task returns a call, or a container with one at its top level."""
        kinds = [self.call, self.call, self.container] + ([] if self._world.is_plain else [self.map, self.route])
        for _ in range(self._pick((0, 0, 1, 2, 3))):
            self._bindings.append(self._pick(kinds)(2))
        result = self.call(3) if is_body and not self._chance(3) else self.expression(3)
        # Only the top level of what a task returns is looked at, so there must be a call if there is one below.
        last = self._bindings[result.index] if isinstance(result, Ref) else result
        if isinstance(last, (Container, Repeated)) and is_body:
            result = Container("list", (self.call(1), result))
        if self._in_loop and self._world.loops and not self._chance(3):
            result = self.loop_call(2)
        return Block(tuple(self._bindings), result)

    def expression(self, depth: int) -> Expr:
        """Any expression."""
        simple: list[Write] = [self.literal]
        simple += [lambda _: Arg(self._pick(self._arguments))] * 3 if self._arguments else []
        simple += [lambda _: Spent()] if self._in_loop else []
        simple += [lambda _: Ref(self._index(self._bindings))] * 4 if self._bindings else []
        simple += [lambda _: Global(self._below(self._globals))] if self._globals else []
        simple += [lambda _: Par(self._pick(tuple(self._world.params)))] if self._world.params else []
        simple += [lambda _: Res(self._pick(tuple(self._world.resources)))] if self._world.resources else []
        if depth <= 0:
            return self._write(simple, 0)
        rich: list[Write] = [self.call] * 6
        rich += [self.container, self.item]
        rich += [self.route, self.map] if not self._world.is_plain or self._chance(8) else []
        rich += [self.loop_call] if self._may_loop and self._world.loops else []
        rich += [lambda at: Repeated(self.call(at - 1))] if self._in_loop else []
        return self._write(simple + rich if self._chance(2) else rich, depth)

    def literal(self, _depth: int) -> Expr:
        """A plain value, sometimes one that is not searched."""
        value = self._pick(LITERALS)
        return Opaque(value) if self._chance(6) else Lit(value)

    def container(self, depth: int) -> Expr:
        """A container or record."""
        kind = self._pick(CONTAINER_KINDS if not self._world.is_plain or self._chance(6) else CONTAINER_KINDS[:2])
        count = SIZES.get(kind) or self._pick((1, 2, 3))
        parts: list[Expr] = []
        for index in range(count):
            if kind == "dict":
                parts.append(Lit(f"k{index}") if not self._chance(4) else self.call(depth - 2))
            if kind in ("set", "frozenset"):  # what the user writes into a set must have a hash
                parts.append(Lit(index) if self._chance(3) else self.call(depth - 1))
            else:
                parts.append(self.expression(depth - 1))
        return Container(kind, tuple(parts))

    def item(self, depth: int) -> Expr:
        """An item of what a task returns; mostly one that exists."""
        pairs = [spec for spec in self._callable if spec.operation in ("pair", "spot") and not spec.returns]
        source: Expr = self.call_of(self._pick(pairs), depth - 1) if pairs else self.call(depth - 1)
        key = Lit(self._pick((0, 1))) if not self._chance(8) else self.expression(depth - 1)
        return Item(source, key)

    def route(self, depth: int) -> Expr:
        """A router."""
        keys = self._draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=4, unique=True))
        routes = tuple((key, self.expression(depth - 1)) for key in keys)
        default = None if self._chance(5) else self.expression(depth - 2)
        return Route(self.call(depth - 1), routes, default)

    def map(self, depth: int) -> Expr:
        """A map of a task with parameters; of a call if there is none."""
        specs = [spec for spec in self._callable if any(one.name != SITE for one in spec.parameters)]
        rich = [spec for spec in specs if spec.returns or spec.fails_at is not None]
        spec = self._pick(rich if rich and self._chance(2) else specs)
        required = [one.name for one in spec.parameters if one.default is None and one.name != SITE]
        optional = [one.name for one in spec.parameters if one.default is not None]
        names = required + [name for name in optional if not required or self._chance(2)]
        names = names or optional[:1]
        walked = {names[0], *(name for name in names[1:] if self._chance(4))}
        length = self._pick((2, 1, 3, 0))
        parts: dict[str, Expr] = {}
        for name in names:
            parts[name] = self._iterable(depth - 1, length) if name in walked else self._broadcast(depth - 1)
        if any(one.name == SITE for one in spec.parameters):
            parts[SITE] = self._site()
        broadcast = frozenset(parts) - walked
        return Map(
            spec.key,
            tuple(parts.items()),
            broadcast,
            keeps_failures=self._chance(2),
            max_in_flight=self._pick((None, 1, 2)),
            options=self._options(depth, spec, is_map=True),
        )

    def call(self, depth: int) -> Expr:
        """A call of a task that is no loop."""
        return self.call_of(self._pick(self._callable), depth)

    def loop_call(self, depth: int) -> Expr:
        """A call of a loop: with less fuel than this one has, or with a little."""
        fuel: Expr = Spent() if self._in_loop else Lit(self._pick((1, 2, 4, 40 if self._world.is_plain else 12)))
        if self._chance(3):
            fuel = Call(SAME.key, (fuel,))
        return self.call_of(self._pick(self._world.loops), depth, fuel)

    def call_of(self, spec: TaskSpec, depth: int, fuel: Expr | None = None) -> Expr:
        """A call of a certain task, in any mixture of positional and keyword arguments."""
        positional = self._draw(st.integers(0, len(spec.parameters)))
        args: list[Expr] = []
        kwargs: list[tuple[str, Expr]] = []
        for index, parameter in enumerate(spec.parameters):
            if parameter.name == FUEL and fuel is not None:
                part = fuel
            elif parameter.name == SITE:
                part = self._site()
            elif parameter.default is not None and self._chance(2):
                positional = min(positional, index)
                continue
            else:
                part = self.expression(depth - 1)
            if (index < positional or spec.pure) and not parameter.is_keyword_only:
                args.append(part)
            else:
                positional = min(positional, index)
                kwargs.append((parameter.name, part))
        named = kwargs[::-1] if self._chance(3) else kwargs
        return Call(spec.key, tuple(args), tuple(named), self._options(depth, spec))

    def _options(self, depth: int, spec: TaskSpec, is_map: bool = False) -> Options:
        attempts = self._pick((1, 2, 3)) if spec.fails_first or (self._chance(8) and not self._world.is_plain) else 1
        options = Options(attempts=attempts, lazy_amount=bool(spec.amount) and self._chance(3))
        if spec.pure or depth <= 0 or (self._world.is_plain and not self._chance(12)):
            return replace(options, attempts=1) if spec.pure else options
        if self._chance(6):
            condition: Expr = Lit(self._chance(2)) if self._chance(4) else self.expression(depth - 1)
            otherwise = self.expression(depth - 1) if self._chance(2) else None
            options = replace(options, condition=condition, otherwise=otherwise)
        if self._chance(4):
            stand_ins = [index for index, part in enumerate(self._bindings) if is_stand_in(part)]
            before: Expr = Ref(self._pick(stand_ins)) if stand_ins and self._chance(2) else self.call(depth - 1)
            if isinstance(before, Call) and not self._world.specs[before.task].pure and self._chance(3):
                before = replace(before, options=replace(before.options, condition=Lit(False), otherwise=None))
            options = replace(options, after=(before,))
        if self._chance(8) and not is_map:
            options = replace(options, label=self._pick(("shown", "work")))
        return replace(options, on_task=self._chance(4))

    def _iterable(self, depth: int, length: int) -> Expr:
        ranges = [spec for spec in self._callable if spec.operation in ("range", "listing") and not spec.returns]
        if ranges and self._chance(3):
            return self.call_of(self._pick(ranges), depth)
        if self._chance(2):
            return Container("list", tuple(self.expression(depth - 1) for _ in range(length)))
        if not self._chance(8):
            return Lit(list(range(length)))
        other = self.expression(depth)
        return Lit(other.value) if isinstance(other, Opaque) else other  # an opaque value would be broadcast

    def _broadcast(self, depth: int) -> Expr:
        """What `cs.literal` may be put around: a plain value, or a call itself; it is not looked into."""
        if not self._chance(3):
            return Lit(self._pick(LITERALS))
        stand_ins = [Ref(index) for index, part in enumerate(self._bindings) if is_stand_in(part)]
        return self._pick(stand_ins) if stand_ins and self._chance(2) else self.call(depth)

    def _site(self) -> Expr:
        self._world.sites += 1
        site = Lit(self._world.sites)
        return Container("tuple", (site, Spent())) if self._in_loop else site

    def _write(self, kinds: list[Write], depth: int) -> Expr:
        return kinds[self._index(kinds)](depth)

    def _pick(self, choices: Any) -> Any:
        return choices[self._draw(st.integers(0, len(choices) - 1))]

    def _index(self, of: list[Any]) -> int:
        return self._below(len(of))

    def _below(self, count: int) -> int:
        return int(self._draw(st.integers(0, count - 1)))

    def _chance(self, one_in: int) -> bool:
        return bool(self._draw(st.integers(0, one_in - 1)) == one_in - 1)


def _parameters(draw: Draw, world: World, fails_first: int, pure: bool) -> tuple[Parameter, ...]:
    stand_ins: list[Expr] = [
        *map(Par, world.params),
        *map(Res, world.resources),
        *map(Global, range(len(world.globals))),
    ]
    required, optional, named = draw(st.integers(0, 2)), draw(st.integers(0, 1)), draw(st.integers(0, 1))
    names = iter("abcd")
    parameters = [Parameter(next(names)) for _ in range(required)]
    for count, is_keyword_only in ((optional, False), (0 if pure else named, True)):
        for _ in range(count):
            is_lazy = stand_ins and not (pure or world.is_plain) and draw(st.integers(0, 2)) == 2
            default = draw(st.sampled_from(stand_ins)) if is_lazy else Lit(draw(st.sampled_from((7, None, (1, 2)))))
            parameters.append(Parameter(next(names), default, is_keyword_only))
    if fails_first:
        parameters.append(Parameter(SITE, is_keyword_only=True))
    return tuple(parameters)


@st.composite
def _task(draw: Draw, world: World, is_loop: bool, may_fail: bool) -> TaskSpec:
    def chance(one_in: int) -> bool:
        return bool(draw(st.integers(0, one_in - 1)) == one_in - 1)

    plain = world.is_plain
    pure = not is_loop and not plain and chance(5)
    fails_first = draw(st.integers(1, 2)) if may_fail and not (pure or plain or is_loop) and chance(5) else 0
    parameters = _parameters(draw, world, fails_first, pure)
    modes = ("inline", "auto", "async", "async", "thread") if not plain or chance(8) else ("inline",)
    mode = draw(st.sampled_from(modes))
    spec = TaskSpec(
        key=len(world.specs) + len(world.loops),
        name=draw(st.sampled_from(NAMES)),
        parameters=(Parameter(FUEL), *parameters) if is_loop else parameters,
        operation=draw(st.sampled_from(PLAIN_OPERATIONS)),
        mode=mode,
        pauses=draw(st.integers(0, 2)) if mode == "async" else 0,
        pure=pure,
        fails_at=draw(st.integers(0, 2)) if may_fail and chance(4) else None,
        fails_first=fails_first,
        is_loop=is_loop,
        amount=draw(st.integers(1, 3)) if not (pure or plain) and chance(5) else 0,
    )
    if is_loop or not chance(4):
        return spec
    return replace(spec, returns=_bodies(draw, world, spec))


def _bodies(draw: Draw, world: World, spec: TaskSpec) -> tuple[Block, ...]:
    names = tuple(one.name for one in spec.parameters)
    count = draw(st.integers(1, 3 if spec.is_loop else 2))
    return tuple(Writer(draw, world, names, in_loop=spec.is_loop).block(is_body=True) for _ in range(count))


@st.composite
def programs(draw: Draw, may_fail: bool = True, loops: int = 0, is_plain: bool = False) -> Program:
    """A random program.

    Args:
        may_fail: Whether tasks may fail. Python's own errors and missing routes can occur all the same.
        loops: At most so many tasks are loops; the target then calls one of them.
        is_plain: Mostly short sync tasks without options, and longer loops: what is compiled.
    """
    world = World(is_plain=is_plain)
    if is_plain:
        world.specs[0] = replace(SAME, mode="inline")
    else:
        for name in draw(st.sampled_from(((), ("n",), ("n", "m")))):
            default, given = draw(st.sampled_from((0, 1, True))), draw(st.sampled_from((None, "1", "2")))
            world.params[name] = ParamSpec(default, given)
        scopes = {"db": "run", "tmp": "step"}
        world.resources |= {name: scopes[name] for name in draw(st.sampled_from(((), ("db",), ("db", "tmp"))))}
    for _ in range(draw(st.integers(1, 5))):
        world.specs.append(draw(_task(world, is_loop=False, may_fail=may_fail)))
        if draw(st.integers(0, 3)) == 3:
            world.globals.append(Writer(draw, world).call(1))
    for _ in range(draw(st.integers(1, loops)) if loops else 0):
        world.loops.append(draw(_task(world, is_loop=True, may_fail=may_fail)))
    world.loops[:] = [replace(spec, returns=_bodies(draw, world, spec)) for spec in world.loops]
    target = Writer(draw, world, may_loop=True).block(is_body=False)
    if world.loops and draw(st.booleans()):
        target = Block((), Writer(draw, world, may_loop=True).loop_call(2))
    tasks = (*world.specs, *world.loops)
    return Program(tasks, target, tuple(world.globals), world.params, world.resources)


__all__ = ["SAME", "programs"]
