"""`Param`, `Env` and `literal`: values that come from outside the graph, and values that are not searched.

`Param` and `Env` are functions that are typed as the value they stand for and return a stand-in. They belong to the
graph that uses them; there is no process-wide registry.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast, overload

from cascade.spec.errors import InternalError, TaskDefinitionError
from cascade.spec.policies import NOTHING
from cascade.spec.stand_in import StandIn

D = TypeVar("D")
T = TypeVar("T")

_PLAIN = (bool, int, float, complex, str, bytes)


class LiteralValue(StandIn, Generic[T]):
    """A value that the engine does not look into."""

    __slots__ = ("_value",)

    def __init__(self, value: T) -> None:
        self._value = value

    def __repr__(self) -> str:
        return f"<literal {type(self._value).__name__}>"


def literal(value: T) -> T:
    """Pass a value as it is, without searching it for lazy results.

    Two uses: a large container is not scanned (a list of a million numbers costs nothing), and a value given to
    ``task.map`` is broadcast, the same for every item.

    Example:
        >>> from cascade import workflow as cs
        >>> @cs.task
        ... def scale(x: int, by: int) -> int:
        ...     return x * by
        >>> cs.run(scale.map(x=[1, 2, 3], by=cs.literal(10)))
        [10, 20, 30]
    """
    return cast(T, LiteralValue(value))


@dataclass(frozen=True, slots=True, eq=False)
class ParameterSpec:
    """What is known of a `Param` or an `Env`; compared by value, so equal ones are the same parameter.

    Defaults are equal if they are the same object, or plain values of one type that are written alike: 1, 1.0 and True
    are different defaults.

    Attributes:
        source: ``"param"`` or ``"env"``.
        name: The parameter's name, or that of the environment variable.
        type: Converts and checks the given value: a type, or a callable that raises `ValueError`.
        default: The value when none is given, or `NOTHING`.
        description: One sentence for ``--help``.
    """

    source: str
    name: str
    type: Callable[[Any], Any]
    default: Any
    description: str

    @property
    def identity(self) -> str:
        """The same text in every process for the same parameter."""
        return f"{self.source}:{self.name}"

    def make(self, values: list[Any]) -> Any:
        """A parameter is no operation on values; its value comes from the run."""
        raise InternalError(f"the parameter {self.name!r} was computed like an expression")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ParameterSpec):
            return NotImplemented
        mine = (self.source, self.name, self.type, self.description)
        if mine != (other.source, other.name, other.type, other.description):
            return False
        return self.default is other.default or (
            type(self.default) is type(other.default)
            and isinstance(self.default, _PLAIN)
            and repr(self.default) == repr(other.default)
        )

    def __hash__(self) -> int:
        # The default may be unhashable; equality still compares it.
        return hash((self.source, self.name, self.description))


class ParameterStandIn(StandIn):
    """Stands for the value of a parameter or of an environment variable; read when the run begins."""

    __slots__ = ("_spec",)

    def __init__(self, spec: ParameterSpec) -> None:
        self._spec = spec

    def __repr__(self) -> str:
        return f"<{self._spec.source} {self._spec.name}>"


@overload
def Param(name: str, *, type: Callable[[Any], T], description: str = ...) -> T: ...
@overload
def Param(name: str, *, type: Callable[[Any], T], default: D, description: str = ...) -> T | D: ...
@overload
def Param(name: str, *, default: T, description: str = ...) -> T: ...
@overload
def Param(name: str, *, description: str = ...) -> str: ...
def Param(name: str, *, type: Callable[[Any], Any] | None = None, default: Any = NOTHING, description: str = "") -> Any:
    """A parameter of the program, given to the run: ``cs.run(target, params={"shards": 8})``.

    Args:
        name: The name under which it is given.
        type: Converts and checks the given value; by default the type of the default, or ``str``.
        default: The value when none is given. Without it the parameter must be given.
        description: One sentence for ``cascade run FILE --help``.

    Example:
        >>> from cascade import workflow as cs
        >>> @cs.task
        ... def double(n: int) -> int:
        ...     return 2 * n
        >>> cs.run(double(cs.Param("n", type=int)), params={"n": "21"})
        42
    """
    return ParameterStandIn(ParameterSpec("param", name, _converter(name, type, default), default, description))


@overload
def Env(name: str, *, type: Callable[[Any], T], description: str = ...) -> T: ...
@overload
def Env(name: str, *, type: Callable[[Any], T], default: D, description: str = ...) -> T | D: ...
@overload
def Env(name: str, *, default: T, description: str = ...) -> T: ...
@overload
def Env(name: str, *, description: str = ...) -> str: ...
def Env(name: str, *, type: Callable[[Any], Any] | None = None, default: Any = NOTHING, description: str = "") -> Any:
    """An environment variable, read when the run begins; the arguments are those of `Param`."""
    return ParameterStandIn(ParameterSpec("env", name, _converter(name, type, default), default, description))


def _converter(name: str, kind: Callable[[Any], Any] | None, default: Any) -> Callable[[Any], Any]:
    if not isinstance(name, str) or not name:
        raise TaskDefinitionError(f"a parameter needs a name, not {name!r}")
    if kind is not None and not callable(kind):
        raise TaskDefinitionError(f"parameter {name!r}: type= takes a type or a function that converts, not {kind!r}")
    if kind is not None:
        return kind
    return str if default is NOTHING or default is None else type(default)


__all__ = ["Env", "LiteralValue", "Param", "ParameterSpec", "ParameterStandIn", "literal"]
