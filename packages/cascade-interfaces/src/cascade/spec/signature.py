"""`CallSignature`: a task's signature, reflected once, and a memory of the shapes of call that it accepted.

`inspect.Signature.bind` costs more than a whole step of a loop. Whether a call fits depends only on its *shape*, the
number of positional arguments and the names of the keyword arguments, so each shape is bound once and remembered.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from cascade.spec.errors import ArgumentMismatchError, TaskDefinitionError
from cascade.spec.policies import NOTHING
from cascade.spec.stand_in import StandIn

_MEMORY_LIMIT: Final = 1_024
"""Shapes remembered a task; a task of ``*args`` can be called in any number of shapes."""

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)

Extras = tuple[tuple[str, Any], ...]


class CallSignature:
    """What a task may be called with.

    Attributes:
        signature: The reflected signature, or ``None`` for a builtin that has none (then nothing is checked).
    """

    __slots__ = ("_defaults", "_injected", "_positional", "_shapes", "_task_name", "signature")

    def __init__(self, fn: Callable[..., Any], task_name: str) -> None:
        self._task_name = task_name
        self._shapes: dict[object, Extras] = {}
        self.signature = _reflect(fn)
        parameters = list(self.signature.parameters.values()) if self.signature else []
        self._positional = [parameter.name for parameter in parameters if parameter.kind in _POSITIONAL]
        self._defaults = {
            parameter.name: parameter.default
            for parameter in parameters
            if parameter.default is not inspect.Parameter.empty
        }
        self._injected = {name: value for name, value in self._defaults.items() if isinstance(value, StandIn)}
        for parameter in parameters:
            if parameter.name in self._injected and parameter.kind is inspect.Parameter.POSITIONAL_ONLY:
                raise TaskDefinitionError(
                    f"task {task_name!r}: parameter {parameter.name!r} is positional-only, so its default "
                    f"{parameter.default!r} cannot be filled in; make it an ordinary or keyword-only parameter"
                )

    def accept(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Extras:
        """Check the shape of a call.

        Returns:
            The parameters that the call leaves out and whose default is a stand-in (``Inject``, ``Param``, a call of
            another task, …): the engine passes them by name.

        Raises:
            ArgumentMismatchError: The call does not fit; the message names the task, the parameter and the call.
        """
        shape: object = (len(args), *kwargs) if kwargs else len(args)
        extras = self._shapes.get(shape)
        if extras is None:
            extras = self._bind(args, kwargs)
            if len(self._shapes) >= _MEMORY_LIMIT:
                self._shapes.clear()
            self._shapes[shape] = extras
        return extras

    def default_of(self, argument: int | str) -> Any:
        """The default of the parameter that a positional (number) or keyword (name) argument fills, or `NOTHING`."""
        if isinstance(argument, int):
            if argument >= len(self._positional):
                return NOTHING
            argument = self._positional[argument]
        return self._defaults.get(argument, NOTHING)

    def parameter_of(self, position: int) -> str | None:
        """The name of the parameter that a positional argument fills, if it is a named one."""
        return self._positional[position] if position < len(self._positional) else None

    def _bind(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Extras:
        if self.signature is None:
            return ()
        try:
            bound = self.signature.bind(*args, **kwargs)
        except TypeError as error:
            call = ", ".join(["…"] * len(args) + [f"{name}=…" for name in kwargs])
            raise ArgumentMismatchError(
                f"task {self._task_name!r}: {error} in the call {self._task_name}({call}); "
                f"its signature is {self._task_name}{self.signature}"
            ) from None
        return tuple((name, value) for name, value in self._injected.items() if name not in bound.arguments)


def _reflect(fn: Callable[..., Any]) -> inspect.Signature | None:
    try:
        return inspect.signature(fn)
    except (ValueError, TypeError):  # a builtin written in C without a text signature
        return None


__all__ = ["CallSignature", "Extras"]
