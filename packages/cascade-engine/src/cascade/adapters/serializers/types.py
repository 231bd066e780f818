"""`TypeRegistry`: the classes that stored values may be made of.

Bytes name a class as ``module:qualname``, and a name is only looked up here: nothing is imported because of bytes. The
registry is fed by the annotations of tasks, so a program that declares what its tasks take and return need not register
anything; what is annotated as ``Any`` or as a base class is registered by hand.
"""

from __future__ import annotations

import dataclasses
import enum
import sys
import threading
import typing
from typing import Any, TypeVar
from weakref import WeakSet

from cascade.adapters.serializers.annotations import class_hints, classes_in, task_hints
from cascade.adapters.serializers.refusals import Refused
from cascade.spec.errors import UnstorableValueError
from cascade.spec.task import Task

C = TypeVar("C", bound=type)


class RecordKind(enum.Enum):
    """The kinds of classes that can be stored."""

    DATACLASS = "dataclass"
    NAMED_TUPLE = "named tuple"
    ENUM = "enum"
    FLAG = "flag"
    MODEL = "pydantic model"


class TypeRegistry:
    """Classes by name. May be used by several threads.

    Example:
        >>> from enum import Enum
        >>> registry = TypeRegistry()
        >>> @registry.register
        ... class Colour(Enum):
        ...     RED = 1
    """

    def __init__(self) -> None:
        self._classes: dict[str, type] = {}
        self._walked: WeakSet[Task[..., Any]] = WeakSet()
        self._main = "__main__"
        self._lock = threading.Lock()

    def register(self, cls: C) -> C:
        """Let values of a class be stored, and of the classes that its fields are annotated with.

        Returns:
            The class itself, so that this can be used as a decorator.

        Raises:
            UnstorableValueError: It is no dataclass, named tuple, enum or pydantic model.
        """
        if kind_of(cls) is None:
            raise UnstorableValueError(
                _name(cls),
                "cannot be registered: only dataclasses, named tuples, enums and pydantic models can be stored, and no "
                "dataclass that is derived from another builtin type",
            )
        self._add([cls])
        return cls

    def register_annotations(self, task: Task[..., Any]) -> None:
        """Register what the parameters and the result of a task are annotated with.

        Looks into generics, unions, ``Annotated`` and the fields of the classes it finds. Annotations that cannot be
        evaluated are passed over: a class that is missing in the end is refused by name when a value is stored.
        """
        task = task.base
        with self._lock:
            if task in self._walked:
                return
        self._add(classes_in(task_hints(task.fn)))
        with self._lock:
            self._walked.add(task)

    def find(self, name: str) -> type | None:
        """The class of this name, if it is registered."""
        module, _, path = name.partition(":")
        return self._classes.get(f"{self._main}:{path}" if module == "__main__" else name)

    def look_up_main_in(self, module: str) -> None:
        """Take what bytes name in ``__main__`` from this module: a script that is loaded under another name here."""
        self._main = module

    def name_of(self, cls: type) -> str:
        """The name under which a class can be found again.

        Raises:
            Refused: It cannot be found by its name, or it is not registered.
        """
        name = _name(cls)
        if not _is_found(cls):
            raise Refused(
                f"is a {name}, and this name does not lead back to the class; define it at the top level of a module, "
                "not inside a function, and do not put another in its place"
            )
        if self._classes.get(name) is not cls:
            raise Refused(
                f"is a {name}, which is not registered, so it could not be read back; annotate a parameter or the "
                "result of the task with it, or register it at the serializer's TypeRegistry"
            )
        return name

    def _add(self, classes: typing.Iterable[type]) -> None:
        waiting = list(classes)
        seen: set[type] = set()
        while waiting:
            cls = waiting.pop()
            if cls in seen:
                continue
            seen.add(cls)
            if kind_of(cls) is not None:
                with self._lock:
                    self._classes[_name(cls)] = cls
            elif not typing.is_typeddict(cls):
                continue
            waiting += classes_in(class_hints(cls))


def kind_of(cls: type) -> RecordKind | None:
    """What kind of class it is; ``None`` if its values cannot be stored."""
    if issubclass(cls, enum.Enum):
        return RecordKind.FLAG if issubclass(cls, enum.Flag) else RecordKind.ENUM
    if dataclasses.is_dataclass(cls):
        # A list, an exception, … that is a dataclass, too, holds more than its fields.
        return RecordKind.DATACLASS if _bases_in("builtins", cls) <= {object} else None
    if issubclass(cls, tuple):
        return RecordKind.NAMED_TUPLE if isinstance(getattr(cls, "_fields", None), tuple) else None
    if any(base.__name__ == "BaseModel" for base in _bases_in("pydantic", cls)):
        return RecordKind.MODEL
    return None


def _bases_in(package: str, cls: type) -> set[type]:
    return {base for base in cls.__mro__ if base.__module__.partition(".")[0] == package}


def _name(cls: type) -> str:
    return f"{cls.__module__}:{cls.__qualname__}"


def _is_found(cls: type) -> bool:
    found: Any = sys.modules.get(cls.__module__)
    for part in cls.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is cls


__all__ = ["RecordKind", "TypeRegistry", "kind_of"]
