"""How every kind of value is taken apart into operands, for the builder.

`KINDS` maps a type to what values of the type mean inside arguments: ``None`` for a leaf (nearly all types),
otherwise a reader, which takes a value apart into a `Draft` of its node. A type is classified once, when it is first
met.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from types import CoroutineType
from typing import Any, Final

from cascade.graph.expressions import (
    DICT,
    ITEM,
    ROUTER,
    ROUTER_WITH_DEFAULT,
    MapInputs,
    RecordOf,
    RefillOf,
    SequenceOf,
)
from cascade.graph.model import NodeKind, Operation
from cascade.spec.common import LiteralValue, ParameterSpec, ParameterStandIn
from cascade.spec.errors import InternalError, TaskDefinitionError
from cascade.spec.lazy_types import LazyResult, MappedLazyResult
from cascade.spec.policies import NO_OPTIONS, NOTHING, CallOptions, MapOptions
from cascade.spec.resources import InjectStandIn
from cascade.spec.routing import RoutedResult
from cascade.spec.stand_in import LazyItem, StandIn
from cascade.spec.task import Task


class Draft:
    """A node whose operands are still values.

    Attributes:
        kind: The kind of the node; ``None`` if the value is no node but a single literal (see `literal`).
        operands: The positional operands, then the keyword operands, then those of the options.
        positional: How many of the operands are positional.
        keywords: Names of the keyword operands.
        task: The task of a call or a map, as declared.
        operation: The operation of an expression; the specification of a parameter.
        options: The options of a call or a map.
        map_options: The options of a map.
        container: Whether the value itself is a literal if none of the operands stands for something.
        original: The container itself, which the operation copies; it becomes the first operand.
        literal: The literal, if ``kind`` is ``None``.
    """

    __slots__ = (
        "container",
        "keywords",
        "kind",
        "literal",
        "map_options",
        "operands",
        "operation",
        "options",
        "original",
        "positional",
        "task",
    )

    def __init__(
        self,
        kind: NodeKind | None,
        operands: Sequence[Any] = (),
        *,
        task: Task[..., Any] | None = None,
        operation: Operation | ParameterSpec | None = None,
        keywords: tuple[str, ...] = (),
        container: bool = False,
        original: Any = NOTHING,
        literal: Any = None,
    ) -> None:
        self.kind = kind
        self.operands = operands
        self.task = task
        self.operation = operation
        self.keywords = keywords
        self.positional = len(operands) - len(keywords)
        self.options = NO_OPTIONS
        self.map_options: MapOptions | None = None
        self.container = container
        self.original = original
        self.literal = literal


Reader = Callable[[Any], Draft]


def is_plain_call(lazy: LazyResult) -> bool:
    """Whether a call has positional arguments only, no options, and no parameter that the engine fills in."""
    task = lazy._task
    return (
        not lazy._kwargs
        and lazy._options is NO_OPTIONS
        and task._options is NO_OPTIONS
        and not task.pure
        and not task.call_signature.accept(lazy._args, lazy._kwargs)
    )


def read_call(lazy: LazyResult) -> Draft:
    """A call of a task; parameters that are left out and default to a stand-in become keyword operands."""
    task, args, kwargs = lazy._task, lazy._args, lazy._kwargs
    extras = task.call_signature.accept(args, kwargs)
    if kwargs or extras:
        keywords = (*kwargs, *(name for name, _ in extras))
        operands: tuple[Any, ...] = (*args, *kwargs.values(), *(default for _, default in extras))
        draft = Draft(NodeKind.TASK, operands, task=task.base, keywords=keywords)
    else:
        draft = Draft(NodeKind.TASK, args, task=task.base)
    if lazy._options is not NO_OPTIONS or task._options is not NO_OPTIONS:
        _add_options(draft, lazy._options.merged_into(task._options))
    return draft


def read_map(lazy: MappedLazyResult) -> Draft:
    """A map; a broadcast stand-in (``literal(lazy)``) is an operand like any other, wrapped again when it is run."""
    task, args, kwargs = lazy._task, lazy._args, lazy._kwargs
    task.call_signature.accept(args, kwargs)
    operands = (*args, *kwargs.values())
    broadcast = tuple(index for index, operand in enumerate(operands) if isinstance(operand, LiteralValue))
    values = tuple(operand._value if isinstance(operand, LiteralValue) else operand for operand in operands)
    values = tuple(
        LiteralValue(value) if index in broadcast and not isinstance(value, StandIn) else value
        for index, value in enumerate(values)
    )
    draft = Draft(NodeKind.MAP, values, task=task.base, keywords=tuple(kwargs), operation=MapInputs(broadcast))
    draft.map_options = lazy._map_options
    _add_options(draft, lazy._options.merged_into(task._options))
    return draft


def read_router(lazy: RoutedResult) -> Draft:
    """A router: selector, keys, and the routes in the order of the keys; the default is the last."""
    routes = lazy._routes
    operands = (lazy._selector, LiteralValue(tuple(routes)), *routes.values())
    if lazy._default is NOTHING:
        return Draft(NodeKind.ROUTER, operands, operation=ROUTER)
    return Draft(NodeKind.ROUTER, (*operands, lazy._default), operation=ROUTER_WITH_DEFAULT)


def read_item(lazy: LazyItem) -> Draft:
    """``lazy[key]``."""
    return Draft(NodeKind.EXPRESSION, (lazy._source, lazy._key), operation=ITEM)


def read_parameter(lazy: ParameterStandIn) -> Draft:
    """A `Param` or an `Env`."""
    return Draft(NodeKind.PARAMETER, operation=lazy._spec)


def read_inject(lazy: InjectStandIn) -> Draft:
    """A resource: a literal that the processor replaces when the consumer is about to run."""
    return Draft(None, literal=lazy)


def read_literal(value: LiteralValue[Any]) -> Draft:
    """``literal(value)``: not searched."""
    if isinstance(value._value, StandIn):
        raise TaskDefinitionError(
            f"literal({value._value!r}): a literal is passed on as it is, so the task would get a lazy result instead "
            "of its value; leave literal() out (in task.map, it broadcasts the value)"
        )
    return Draft(None, literal=value._value)


def read_other(value: Any) -> Draft:
    """A value that only means something as the result of a task (a coroutine): a literal as an argument."""
    return Draft(None, literal=value)


def _sequence_reader(kind: type, named: bool = False) -> Reader:
    operation = SequenceOf(kind, named)

    def read(value: Any) -> Draft:
        if leaves_only(value):
            return Draft(NodeKind.EXPRESSION, container=True)
        operands = sorted(value, key=_rank_in_set) if kind in (set, frozenset) else value
        return Draft(NodeKind.EXPRESSION, tuple(operands), operation=operation, container=True)

    return read


def _rank_in_set(member: Any) -> str:
    # Stand-ins are hashed by address, so a set would give them in another order each time; their short form names the
    # task. Members that look alike there may still change places.
    return repr(member) if isinstance(member, StandIn) else ""


def read_dict(value: dict[Any, Any]) -> Draft:
    """A dict: keys and values in turn."""
    if leaves_only(value) and leaves_only(value.values()):
        return Draft(NodeKind.EXPRESSION, container=True)
    operands = tuple(part for item in value.items() for part in item)
    return Draft(NodeKind.EXPRESSION, operands, operation=DICT, container=True)


def _refill_reader(kind: type, builtin: type) -> Reader:
    operation = RefillOf(kind, builtin)

    def read(value: Any) -> Draft:
        contents = [part for item in value.items() for part in item] if builtin is dict else list(value)
        if leaves_only(contents):
            return Draft(NodeKind.EXPRESSION, container=True)
        return Draft(NodeKind.EXPRESSION, contents, operation=operation, container=True, original=value)

    return read


def _record_reader(kind: Any) -> Reader:
    names = tuple(field.name for field in dataclasses.fields(kind))

    def read(value: Any) -> Draft:
        # A field can be missing: init=False without a default, or deleted.
        present = [(name, getattr(value, name)) for name in names if hasattr(value, name)]
        searched = [(name, part) for name, part in present if KINDS[type(part)]]
        if not searched:
            return Draft(NodeKind.EXPRESSION, container=True)
        operation = RecordOf(kind, tuple(name for name, _ in searched))
        parts = tuple(part for _, part in searched)
        return Draft(NodeKind.EXPRESSION, parts, operation=operation, container=True, original=value)

    return read


def _add_options(draft: Draft, options: CallOptions) -> None:
    """Append what the options refer to, in the order that the builder reads it back."""
    draft.options = options
    operands = list(draft.operands)
    if options.condition is not NOTHING:
        operands.append(options.condition)
        if options.otherwise is not NOTHING:
            operands.append(options.otherwise)
    operands.extend(options.after)
    operands.extend(options.amounts)
    if options.label is not None:
        operands.append(options.label)
    draft.operands = operands


_MEMORY_LIMIT: Final = 10_000
_CONTAINERS: Final = (list, tuple, dict, set, frozenset)


class KindTable(dict[type, Reader | None]):
    """From a type to the reader of its values, or ``None`` for a leaf; classifies a new type when it is met."""

    def __missing__(self, kind: type) -> Reader | None:
        if len(self) >= _MEMORY_LIMIT:  # programs that make types without end
            self.clear()
        reader = self[kind] = _classify(kind)
        return reader


def _classify(kind: type) -> Reader | None:
    if issubclass(kind, (StandIn, LiteralValue, CoroutineType)):
        for known, reader in _STAND_INS.items():
            if issubclass(kind, known):
                return reader
        raise InternalError(f"there is no reader for stand-ins of type {kind.__name__}")
    if kind is dict:
        return read_dict
    if kind in _CONTAINERS:
        return _sequence_reader(kind)
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        return _sequence_reader(kind, named=True)
    for builtin in _CONTAINERS:
        if issubclass(kind, builtin):
            return _refill_reader(kind, builtin)  # also if it is a dataclass: its items count, its fields are kept
    return _record_reader(kind) if dataclasses.is_dataclass(kind) else None


_STAND_INS: Final[dict[type, Reader]] = {
    LazyResult: read_call,
    MappedLazyResult: read_map,
    RoutedResult: read_router,
    LazyItem: read_item,
    ParameterStandIn: read_parameter,
    InjectStandIn: read_inject,
    LiteralValue: read_literal,
    CoroutineType: read_other,
}

KINDS: Final = KindTable()


def leaves_only(values: Any) -> bool:
    """Whether none of the values needs to be looked into; one pass in C over their types."""
    return not any(map(KINDS.__getitem__, set(map(type, values))))


def holds_stand_in(container: Any) -> bool:
    """Whether anything lazy is inside a container, which may contain itself."""
    seen: set[int] = set()
    stack = [container]
    while stack:
        value = stack.pop()
        reader = KINDS[type(value)]
        if reader is None or id(value) in seen:
            continue
        seen.add(id(value))
        draft = reader(value)
        if not draft.container:
            return True
        stack.extend(draft.operands)
    return False


__all__ = ["KINDS", "Draft", "holds_stand_in", "is_plain_call", "leaves_only", "read_call"]
