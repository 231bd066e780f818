"""`ParameterValues`: what a run was given for its `Param`s and finds for its `Env`s."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from cascade.spec.common import ParameterSpec
from cascade.spec.errors import ParameterError
from cascade.spec.policies import NOTHING

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


class ParameterValues:
    """Converts and checks each parameter once.

    Args:
        given: The run's ``params``.
        environment: Environment variables; by default those of the process.

    Attributes:
        given: As given.
    """

    def __init__(self, given: Mapping[str, Any], environment: Mapping[str, str] | None = None) -> None:
        self.given = dict(given)
        self._environment = os.environ if environment is None else environment
        self._known: dict[ParameterSpec, Any] = {}

    def value(self, spec: ParameterSpec) -> Any:
        """The value of a parameter.

        Raises:
            ParameterError: It is missing or cannot be converted.
        """
        try:
            return self._known[spec]
        except KeyError:
            value = self._known[spec] = self._convert(spec)
            return value

    def preset(self, values: Mapping[ParameterSpec, Any]) -> None:
        """Take the values that parameters had before an interruption."""
        self._known.update(values)

    def check(self, specs: Iterable[ParameterSpec]) -> list[str]:
        """What is wrong with these parameters, one sentence a fault: they are missing, or of a wrong type."""
        faults = []
        for spec in specs:
            try:
                self.value(spec)
            except ParameterError as error:
                faults.append(str(error))
        return faults

    def unknown(self, specs: Iterable[ParameterSpec]) -> list[str]:
        """What was given but is none of these parameters, one sentence a fault."""
        known = {spec.name for spec in specs if spec.source == "param"}
        faults = []
        for name in self.given.keys() - known:
            import difflib  # only for this error: it costs a part of the whole import time

            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]!r}? " if close else ""
            faults.append(f"parameter {name!r} is not known: {hint}{_listed(known)}")
        return faults

    def _convert(self, spec: ParameterSpec) -> Any:
        what = f"parameter {spec.name!r}" if spec.source == "param" else f"environment variable {spec.name!r}"
        source = self.given if spec.source == "param" else self._environment
        raw = source.get(spec.name, NOTHING)
        if raw is NOTHING:
            if spec.default is NOTHING:
                how = "give it with params={…} or --param" if spec.source == "param" else "set it"
                raise ParameterError(f"{what} is missing and has no default; {how}")
            return spec.default
        kind = spec.type
        if raw is None and spec.default is None:
            return None
        if isinstance(kind, type) and type(raw) is kind:
            return raw
        try:
            return _boolean(raw) if kind is bool else kind(raw)
        except (ValueError, TypeError, ArithmeticError, LookupError) as error:
            expected = getattr(kind, "__name__", repr(kind))
            raise ParameterError(f"{what} must be of type {expected}, but {raw!r} is not: {error}") from error


def _boolean(raw: Any) -> bool:
    # bool("false") is True, which nobody means on a command line.
    word = str(raw).strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError("expected true or false")


def _listed(names: Iterable[str]) -> str:
    listed = ", ".join(repr(name) for name in sorted(names))
    return f"the program's parameters are {listed}" if listed else "the program has no parameters"


__all__ = ["ParameterValues"]
