"""What an expression may stand for, as far as calls of tasks are concerned.

An expression is evaluated to a *set* of abstract values: one for each path that leads to it. The empty set stands for
everything that cannot make a call or of which nothing is known, which is most of a program. Sets are kept small: what
may be too many things is nothing known.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, TypeGuard, TypeVar

from cascade.spec.task import Task

if TYPE_CHECKING:
    from cascade.graph.analysis.statements import Body

T = TypeVar("T")

_MOST_VALUES: Final = 32


class Role(Enum):
    """What a call is to the call (or the other expression) that it is an operand of; in words, for messages."""

    ARGUMENT = "as an argument of"
    CONDITION = "as the condition of"
    PREDECESSOR = "as a predecessor of"
    AMOUNT = "as an amount for"
    SELECTOR = "as the selector of"
    ITEM = "for"
    ROUTE = "as a route of"
    OTHERWISE = "as the alternative of"
    LAST = "as the last of"

    @property
    def passes_on(self) -> bool:
        """Whether the operand's value may be the value of the whole."""
        return self in (Role.ROUTE, Role.OTHERWISE, Role.LAST)


class Value:
    """The base of abstract values."""

    __slots__ = ()


Values = frozenset[Value]
UNKNOWN: Final[Values] = frozenset()


class Known(Value):
    """An object that exists while the source is read: a module, a class, a function. Compared by identity."""

    __slots__ = ("object",)

    def __init__(self, known: Any) -> None:
        self.object = known

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Known) and other.object is self.object

    def __hash__(self) -> int:
        return id(self.object)


class Site(Value):
    """A place that makes something lazy: a call of a task, a map, a router, an item. Compared by identity.

    Attributes:
        task: The task that is called; ``None`` for what is no call, or a call of a task that is made anew each time.
        title: What it is called in messages: the name of the task in quotes, or words.
        file: Where it is.
        line: The line there, from 1.
        column: The place in the line, from 0, in bytes of UTF-8 (as in `ast`).
        is_map: Whether it calls the task for each of many items.
        operands: What it waits for or may pass on.
    """

    __slots__ = ("column", "file", "is_map", "line", "operands", "task", "title")

    def __init__(
        self, task: Task[..., Any] | None, title: str, file: str, node: ast.expr, is_map: bool = False
    ) -> None:
        self.task = task
        self.title = title
        self.file = file
        self.line = node.lineno
        self.column = node.col_offset
        self.is_map = is_map
        self.operands: set[Operand] = set()

    def take(self, role: Role, values: Values) -> None:
        """Everything lazy in the values is an operand."""
        self.operands.update((role, site) for site in sites_in(values))


Operand = tuple[Role, Site]


@dataclass(frozen=True, slots=True)
class TaskValue(Value):
    """A task, with what was said of its calls (``loop.after(first())``).

    Attributes:
        task: The task as it was declared; ``None`` for one that is made anew whenever the source runs.
        name: Its name.
        operands: What its calls wait for or may pass on because of its modifiers.
    """

    task: Task[..., Any] | None
    name: str
    operands: frozenset[Operand] = frozenset()


class Container(Value):
    """A container. Compared by identity, because containers may be in each other; `Containers` makes equal ones one.

    Attributes:
        items: Items whose place is known.
        keys: For a dict, the keys of the items.
        rest: What may be in it somewhere.
        is_searched: Whether the engine looks into it; it does not look into a generator.
    """

    __slots__ = ("is_searched", "items", "keys", "rest")

    def __init__(
        self, items: tuple[Values, ...], keys: tuple[Any, ...] | None, rest: Values, is_searched: bool
    ) -> None:
        self.items = items
        self.keys = keys
        self.rest = rest
        self.is_searched = is_searched

    @property
    def elements(self) -> Values:
        """Everything in it."""
        return union(*self.items, self.rest)

    def at(self, key: Any) -> Values:
        """The item under a constant key, or with a constant place."""
        if self.keys is not None:  # the rest may have taken the place of an item
            return union(self.items[self.keys.index(key)], self.rest) if key in self.keys else self.elements
        first = -len(self.items) if not self.rest else 0
        if isinstance(key, int) and first <= key < len(self.items):
            return self.items[key]
        return self.elements


class Containers:
    """Makes containers, and equal ones only once: comparing them by content could take for ever."""

    def __init__(self) -> None:
        self._made: dict[object, Container] = {}

    def make(
        self,
        items: tuple[Values, ...] = (),
        keys: tuple[Any, ...] | None = None,
        rest: Values = UNKNOWN,
        is_searched: bool = True,
    ) -> Values:
        """A container, as the only value."""
        key = (items, keys, rest, is_searched)
        container = self._made.get(key)
        if container is None:
            container = self._made[key] = Container(*key)
        return frozenset({container})

    def put(self, values: Values, more: Values) -> Values:
        """These containers, with something more in each of them; other values as they are."""
        return union(
            *(
                self.make(value.items, value.keys, union(value.rest, more), value.is_searched)
                if isinstance(value, Container)
                else (value,)
                for value in values
            )
        )


class LocalFunction(Value):
    """A function or lambda that is made by the source that is read. Compared by identity."""

    __slots__ = ("body", "node")

    def __init__(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, body: Body) -> None:
        self.node = node
        self.body = body

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LocalFunction) and other.node is self.node

    def __hash__(self) -> int:
        return id(self.node)


@dataclass(frozen=True, slots=True)
class Partial(Value):
    """Functions whose first arguments are given."""

    functions: Values
    args: tuple[Values, ...] = ()
    kwargs: tuple[tuple[str, Values], ...] = ()


@dataclass(frozen=True, slots=True)
class Method(Value):
    """A method of an abstract value, read but not yet called."""

    receiver: Value
    name: str


@dataclass(frozen=True, slots=True)
class Instance(Value):
    """An instance of a class, of which only the class is known.

    Attributes:
        kind: The class; ``None`` if it cannot be found by its name.
        own: The task that is a method of it.
    """

    kind: type | None
    own: Task[..., Any]


def is_a(value: object, kind: type[T]) -> TypeGuard[T]:
    """As ``isinstance``, for objects of the program: that would ask a proxy for its ``__class__``, and wake it up."""
    return issubclass(type(value), kind)


def known(value: Any) -> Values:
    """An object that exists."""
    if is_a(value, Task):
        return frozenset({TaskValue(value.base, value.base.name)})
    return frozenset({Known(value)})


def union(*sets: Iterable[Value]) -> Values:
    """All of them; nothing, if that is too much."""
    values = frozenset().union(*sets)
    return UNKNOWN if len(values) > _MOST_VALUES else values


def elements_of(values: Values) -> Values:
    """What iterating gives."""
    return union(*(value.elements for value in values if isinstance(value, Container)))


def sites_in(values: Values) -> Iterator[Site]:
    """Everything lazy, at any depth of containers. A generator counts: only a map takes one, and it reads it."""
    seen: set[Container] = set()
    stack = list(values)
    while stack:
        value = stack.pop()
        if isinstance(value, Site):
            yield value
        elif isinstance(value, Container) and value not in seen:
            seen.add(value)
            stack.extend(value.elements)


__all__ = [
    "UNKNOWN",
    "Container",
    "Containers",
    "Instance",
    "Known",
    "LocalFunction",
    "Method",
    "Operand",
    "Partial",
    "Role",
    "Site",
    "TaskValue",
    "Value",
    "Values",
    "elements_of",
    "is_a",
    "known",
    "sites_in",
    "union",
]
