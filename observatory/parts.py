"""`Parts`: a solver, an executor or a state backend of the user's own, to be measured beside those of Cascade.

They are named by text, because they must be made again in each process that measures.
"""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cascade import workflow as cs


class PartError(ValueError):
    """A part cannot be loaded, or is not what it should be."""


@dataclass(frozen=True)
class Parts:
    """What to use in place of Cascade's own; ``None`` where Cascade's own is meant.

    Attributes:
        solver: ``"module:Class"``, made without arguments.
        executor: The same, or a URL.
    """

    solver: str | None = None
    executor: str | None = None

    @property
    def are_given(self) -> bool:
        """Whether there are any."""
        return self != Parts()

    def engine(self, *, jit: bool = True) -> cs.Engine:
        """An engine with these parts.

        Raises:
            PartError: A part cannot be loaded.
        """
        options: dict[str, Any] = {}
        if self.solver is not None:
            options["solver"] = load(self.solver, "--solver", method="resolve")
        if self.executor is not None:
            options["executor"] = load(self.executor, "--executor", method="execute")
        return cs.Engine(**options, jit=jit)


def load(text: str, option: str, method: str) -> Any:
    """Make the part that a text names.

    Args:
        text: ``"module:Class"``; the module is looked for in the current folder, too.
        option: Where the text was given, for the error.
        method: What the part must have.

    Raises:
        PartError: There is no such module or class, or it has no such method.
    """
    module_name, colon, name = text.partition(":")
    if not colon or not name:
        raise PartError(f"{option} takes module:Class, not {text!r}")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise PartError(f"{option}: the module {module_name!r} cannot be imported: {error}") from error
    factory = getattr(module, name, None)
    if factory is None:
        raise PartError(f"{option}: the module {module_name!r} ({module.__file__}) has no {name!r}")
    part = factory()
    if not callable(getattr(part, method, None)):
        raise PartError(f"{option}: {text} has no method {method!r}; see the Protocol in cascade.spec.protocols")
    return part


__all__ = ["PartError", "Parts", "load"]
