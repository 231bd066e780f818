"""Random programs as plain data. Nothing here knows Cascade.

A *program* has tasks, values for its parameters, calls that are shared by everything (globals), and a target. An
*expression* stands where the user would write a call, a literal or a container; in the body of a task it may also
refer to the task's arguments. A *block* is what a user would write as a few assignments and an expression: each binding
is one object, however often it is used, and every expression that is written twice is two objects.

Programs end by construction: a task calls tasks with lower keys, and itself or its companions in a loop only with less
fuel than it was given.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, Final, TypeAlias

from .values import OPERATIONS, TaskError, checksum

FUEL: Final = "fuel"
"""The first parameter of every task of a loop: how many steps are left."""

SITE: Final = "site"
"""The parameter that tells the calls of a flaky task apart."""


class Described:
    """Shows itself as the expression that makes it, without what is as by default: programs are to be read and run."""

    def __repr__(self) -> str:
        shown = []
        for one in fields(self):  # type: ignore[arg-type]  # all subclasses are dataclasses
            value = getattr(self, one.name)
            default = one.default_factory() if one.default_factory is not MISSING else one.default
            if type(value) is not type(default) or value != default:
                shown.append(f"{one.name}={value!r}")
        return f"{type(self).__name__}({', '.join(shown)})"

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:
        printer.text(repr(self))  # Hypothesis would show all fields


@dataclass(frozen=True, repr=False)
class Lit(Described):
    """A plain value."""

    value: Any


@dataclass(frozen=True, repr=False)
class Opaque(Described):
    """``cs.literal(value)``."""

    value: Any


@dataclass(frozen=True, repr=False)
class Arg(Described):
    """In the body of a task: the value of one of its parameters."""

    name: str


@dataclass(frozen=True, repr=False)
class Spent(Described):
    """In the body of a loop: the fuel that is left for the next step."""


@dataclass(frozen=True, repr=False)
class Ref(Described):
    """A binding of the block."""

    index: int


@dataclass(frozen=True, repr=False)
class Global(Described):
    """A call that was made once, outside, and is used by several blocks."""

    index: int


@dataclass(frozen=True, repr=False)
class Par(Described):
    """``cs.Param(name, type=int, default=…)``."""

    name: str


@dataclass(frozen=True, repr=False)
class Res(Described):
    """``cs.Inject(resource)``."""

    name: str


@dataclass(frozen=True, repr=False)
class Container(Described):
    """A container or record of expressions; a dict's parts are keys and values in turn."""

    kind: str
    parts: tuple[Expr, ...]


@dataclass(frozen=True, repr=False)
class Repeated(Described):
    """A list of as many copies of an expression as there is fuel: every step has another shape."""

    part: Expr


@dataclass(frozen=True, repr=False)
class Item(Described):
    """``source[key]``."""

    source: Expr
    key: Expr


@dataclass(frozen=True, repr=False)
class Route(Described):
    """``cs.Router(selector, {key: route}, default=…)``."""

    selector: Expr
    routes: tuple[tuple[Any, Expr], ...]
    default: Expr | None = None


@dataclass(frozen=True, repr=False)
class Options(Described):
    """The modifiers of a call; ``on_task`` applies them to the task instead of to the call."""

    condition: Expr | None = None
    otherwise: Expr | None = None
    after: tuple[Expr, ...] = ()
    attempts: int = 1
    label: str | None = None
    lazy_amount: bool = False
    on_task: bool = False


NO_OPTIONS: Final = Options()


@dataclass(frozen=True, repr=False)
class Call(Described):
    """A call of a task."""

    task: int
    args: tuple[Expr, ...] = ()
    kwargs: tuple[tuple[str, Expr], ...] = ()
    options: Options = NO_OPTIONS


@dataclass(frozen=True, repr=False)
class Map(Described):
    """``task.map(…)``; ``broadcast`` names the parameters whose value is wrapped in ``cs.literal``."""

    task: int
    kwargs: tuple[tuple[str, Expr], ...]
    broadcast: frozenset[str] = frozenset()
    keeps_failures: bool = False
    max_in_flight: int | None = None
    options: Options = NO_OPTIONS


Expr: TypeAlias = (
    Lit | Opaque | Arg | Spent | Ref | Global | Par | Res | Container | Repeated | Item | Route | Call | Map
)


@dataclass(frozen=True, repr=False)
class Block(Described):
    """Assignments and an expression."""

    bindings: tuple[Expr, ...]
    result: Expr


@dataclass(frozen=True, repr=False)
class Parameter(Described):
    """A parameter of a task; its default is a literal or stands for something."""

    name: str
    default: Expr | None = None
    is_keyword_only: bool = False


@dataclass(frozen=True, repr=False)
class TaskSpec(Described):
    """A task.

    Attributes:
        key: Its place in the program; unique, unlike its name.
        name: What people see.
        parameters: In the order of the signature.
        operation: What it computes, see `OPERATIONS`.
        mode: ``"async"``, or the mode of a sync task.
        pauses: How often an async task gives way to others.
        pure: Whether equal calls are one.
        fails_at: It raises for arguments of this checksum, modulo 3.
        fails_first: It raises at so many first attempts of a call.
        returns: What it may return instead of a value: calls.
        is_loop: Whether the first parameter is fuel.
        amount: How much of the capacity it holds while it runs.
    """

    key: int
    name: str
    parameters: tuple[Parameter, ...]
    operation: str = "number"
    mode: str = "auto"
    pauses: int = 0
    pure: bool = False
    fails_at: int | None = None
    fails_first: int = 0
    returns: tuple[Block, ...] = ()
    is_loop: bool = False
    amount: int = 0


@dataclass(frozen=True, repr=False)
class ParamSpec(Described):
    """A parameter of the program; ``given`` is what the run is given, as text."""

    default: Any
    given: str | None = None


@dataclass(frozen=True, repr=False)
class Program(Described):
    """A whole program; ``resources`` are the names and scopes of what can be injected."""

    tasks: tuple[TaskSpec, ...]
    target: Block
    globals: tuple[Expr, ...] = ()
    params: Mapping[str, ParamSpec] = field(default_factory=dict)
    resources: Mapping[str, str] = field(default_factory=dict)

    def spec(self, key: int) -> TaskSpec:
        """The task of a key."""
        return GIVE if key == GIVE.key else self.tasks[key]

    def given(self) -> dict[str, str]:
        """What the run is given: only parameters that the first graph uses, as others would be refused."""
        used = {part.name for part in self._everything_in(self.target) if isinstance(part, Par)}
        return {name: spec.given for name, spec in self.params.items() if spec.given is not None and name in used}

    def _everything_in(self, block: Block) -> Iterator[Any]:
        pending: list[Any] = [block.result]
        while pending:
            part = pending.pop()
            yield part
            if isinstance(part, Ref):
                pending.append(block.bindings[part.index])
            elif isinstance(part, Global):
                pending.append(self.globals[part.index])
            elif isinstance(part, Call):
                given = names_of(self.spec(part.task), part)
                parameters = self.spec(part.task).parameters
                pending += [one.default for one in parameters if one.name not in given and is_stand_in(one.default)]
            pending += children(part)


GIVE: Final = TaskSpec(key=-1, name="give", parameters=(Parameter("amount"),), operation="same")
"""The task that computes the amount of a capacity."""


def names_of(spec: TaskSpec, call: Call) -> list[str]:
    """The parameters that a call gives."""
    return [parameter.name for parameter in spec.parameters[: len(call.args)]] + [name for name, _ in call.kwargs]


def is_stand_in(expression: Expr | None) -> bool:
    """Whether an expression becomes an object that stands for a value."""
    return isinstance(expression, (Call, Map, Route, Item, Par, Res, Global))


def children(part: Any) -> list[Any]:
    """The expressions directly inside an expression."""
    found: list[Any] = []
    pending = [getattr(part, one.name) for one in fields(part)][::-1]
    while pending:
        value = pending.pop()
        if isinstance(value, Options):
            pending += [value.condition, value.otherwise, *value.after]
        elif isinstance(value, tuple):
            pending += value[::-1]
        elif isinstance(value, Expr):
            found.append(value)
    return found


def behave(spec: TaskSpec, arguments: Mapping[str, Any], attempt: int) -> Any:
    """What a task does: the one thing that the engine's program and the model share.

    Returns:
        A value, or a `Block` that the task would return as calls.

    Raises:
        TaskError: The task fails.
    """
    values = tuple(arguments.values())
    mark = checksum(values)
    # Few different messages, so that it often does not matter which of two failures comes first.
    if attempt <= spec.fails_first:
        raise TaskError(f"{spec.name} failed at attempt {attempt}")
    if spec.fails_at is not None and mark % 3 == spec.fails_at:
        raise TaskError(f"{spec.name} failed")
    fuel = arguments.get(FUEL, 0) if spec.is_loop else 1
    if spec.returns and isinstance(fuel, int) and fuel > 0:
        return spec.returns[(fuel if spec.is_loop else mark) % len(spec.returns)]
    return OPERATIONS[spec.operation](values)
