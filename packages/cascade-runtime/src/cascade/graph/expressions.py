"""The operations of expression nodes: building containers, records and items of values that tasks computed.

An operation is structure: it knows types and field names and never a value, so it can be cached. `make` gets the values
of the node's operands in order.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, Final

from cascade.graph.model import Operation
from cascade.spec.errors import InternalError


class Identity:
    """The value of the only operand."""

    name = "value"
    identity = "identity"

    def make(self, values: list[Any]) -> Any:
        """The value itself."""
        return values[0]


class ItemOf:
    """``operand[key]``."""

    name = "item"
    identity = "item"

    def make(self, values: list[Any]) -> Any:
        """The item."""
        return values[0][values[1]]


@dataclass(frozen=True, slots=True)
class SequenceOf:
    """A list, tuple, set or frozenset, exactly of the builtin type, or a named tuple.

    Attributes:
        kind: The type.
        named: Whether it is a named tuple, which takes its fields one by one.
    """

    kind: type
    named: bool = False

    @property
    def name(self) -> str:
        """The type's name."""
        return self.kind.__name__

    @property
    def identity(self) -> str:
        """The type's full name."""
        return _full_name(self.kind)

    def make(self, values: list[Any]) -> Any:
        """The container of the values."""
        if self.kind is list:
            return values
        return self.kind(*values) if self.named else self.kind(values)


class DictOf:
    """A dict of operands that alternate between keys and values."""

    name = "dict"
    identity = "dict"

    def make(self, values: list[Any]) -> Any:
        """The dict."""
        return dict(zip(values[::2], values[1::2], strict=True))


@dataclass(frozen=True, slots=True)
class RefillOf:
    """A shallow copy of the first operand, a subclass of a builtin container, with other contents.

    The copy keeps what the subclass adds (a ``defaultdict``'s factory, attributes); only the contents are replaced.

    Attributes:
        kind: The subclass.
        builtin: The builtin container type it derives from.
    """

    kind: type
    builtin: type

    @property
    def name(self) -> str:
        """The type's name."""
        return self.kind.__name__

    @property
    def identity(self) -> str:
        """The type's full name."""
        return f"refill:{_full_name(self.kind)}"

    def make(self, values: list[Any]) -> Any:
        """The filled copy."""
        original, contents = values[0], values[1:]
        if self.builtin in (tuple, frozenset):
            filled: Any = self.builtin.__new__(self.kind, contents)
            if hasattr(original, "__dict__"):
                filled.__dict__.update(original.__dict__)
            return filled
        filled = copy.copy(original)
        if self.builtin is list:
            filled[:] = contents
            return filled
        filled.clear()
        if self.builtin is set:
            filled.update(contents)
        else:
            for key, value in zip(contents[::2], contents[1::2], strict=True):
                filled[key] = value  # not update(): that of a Counter adds
        return filled


@dataclass(frozen=True, slots=True)
class RecordOf:
    """A shallow copy of the first operand, a dataclass instance, with other values in some fields.

    ``__init__`` and ``__post_init__`` are not called again: they have run when the user made the instance.

    Attributes:
        kind: The dataclass.
        fields: The fields that the remaining operands fill.
    """

    kind: type
    fields: tuple[str, ...]

    @property
    def name(self) -> str:
        """The type's name."""
        return self.kind.__name__

    @property
    def identity(self) -> str:
        """The type's full name and the fields."""
        return f"record:{_full_name(self.kind)}({','.join(self.fields)})"

    def make(self, values: list[Any]) -> Any:
        """The copy with the fields replaced."""
        filled = copy.copy(values[0])
        for field, value in zip(self.fields, values[1:], strict=True):
            object.__setattr__(filled, field, value)  # the dataclass may be frozen
        return filled


@dataclass(frozen=True, slots=True)
class MapInputs:
    """Which operands of a map are the same for every item. The engine runs the map, item by item.

    Attributes:
        broadcast: Places of those operands.
    """

    broadcast: tuple[int, ...]
    name: str = "map"

    @property
    def identity(self) -> str:
        """The places as text."""
        return f"map:{self.broadcast}"

    def make(self, values: list[Any]) -> Any:
        """A map is no operation on finished values."""
        raise InternalError("a map was computed like an expression")


class RouterShape:
    """Whether a router has a default, which then is its last operand. The engine chooses the route.

    Attributes:
        has_default: Whether it has.
    """

    name = "router"

    def __init__(self, has_default: bool) -> None:
        self.has_default = has_default

    @property
    def identity(self) -> str:
        """The shape as text."""
        return f"router:{self.has_default}"

    def make(self, values: list[Any]) -> Any:
        """A router takes the value of one operand and never waits for the others."""
        raise InternalError("a router was computed like an expression")


def _full_name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


IDENTITY: Final[Operation] = Identity()
ITEM: Final[Operation] = ItemOf()
LIST: Final[Operation] = SequenceOf(list)
DICT: Final[Operation] = DictOf()
ROUTER: Final = RouterShape(has_default=False)
ROUTER_WITH_DEFAULT: Final = RouterShape(has_default=True)

__all__ = [
    "DICT",
    "IDENTITY",
    "ITEM",
    "LIST",
    "ROUTER",
    "ROUTER_WITH_DEFAULT",
    "DictOf",
    "MapInputs",
    "RecordOf",
    "RefillOf",
    "RouterShape",
    "SequenceOf",
]
