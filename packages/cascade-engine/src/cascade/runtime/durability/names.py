"""`Names`: tasks, resources and exceptions by the names under which stored calls know them.

A name is ``module:qualname``, looked up in modules that are loaded; stored bytes never make anything be imported,
unless the command line is told so. What is found must be a task (a resource, an exception): a name that leads to
anything else leads nowhere. Tasks that no module holds (those defined inside a function) are found among those that the
run was given, so such a run can only be continued by a program that gives it the same target again.

A task with modifiers that is bound to a name of its own at the top level of a module (``fetch_often =
fetch.with_retry(9)``) is stored by that name, so it may have what cannot be stored: a cache, a predicate.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable
from functools import cached_property
from importlib import import_module
from types import ModuleType
from typing import Any

from cascade.adapters.serializers.refusals import Refused
from cascade.adapters.serializers.types import TypeRegistry
from cascade.spec.errors import TaskNotFoundError
from cascade.spec.resources import Resource
from cascade.spec.task import Task

AnyTask = Task[..., Any]


class Names:
    """Finds things by name, and names by things.

    Args:
        registry: Fed with the annotations of every task that is named or found.
        main: Stands in the place of the module ``__main__``, for runs that a script began; for classes, too.
        imports: Whether modules that are not loaded are imported.
        given: Gives the tasks that are found though no module holds them; asked once, and only if that is needed.
    """

    def __init__(
        self,
        registry: TypeRegistry,
        main: ModuleType | None = None,
        imports: bool = False,
        given: Callable[[], Iterable[AnyTask]] = list,
    ) -> None:
        self.registry = registry
        self._main = main
        self._imports = imports
        self._find_given = given
        self._names: dict[AnyTask, str] = {}
        if main is not None:
            registry.look_up_main_in(main.__name__)

    @cached_property
    def _given(self) -> dict[str, AnyTask]:
        found: dict[str, AnyTask] = {}
        for task in self._find_given():
            found.setdefault(f"{task.module}:{task.qualname}", task)
        return found

    def of_task(self, task: AnyTask) -> str | None:
        """The name that leads to this very task, variants included; ``None`` for a variant without one.

        Raises:
            Refused: The task itself has no such name.
        """
        name = self._names.get(task)
        if name is None:
            name = self._name_of(task)
            if name is None:
                return None
            self._names[task] = name
        return name

    def task(self, name: str) -> AnyTask:
        """The task of this name.

        Raises:
            TaskNotFoundError: There is none.
        """
        module, _, path = name.partition(":")
        task = self._look_up(module, path)
        found: AnyTask | None = task if isinstance(task, Task) else self._given.get(name)
        if found is None:
            why = (
                "there is no such task in it"
                if self._module(module)
                else "that module is not imported: import it first"
            )
            raise TaskNotFoundError(
                f"the stored call is of task {path!r} of module {module!r}, and {why}; if it was renamed or moved, "
                "leave a task of the old name that returns a call of the new one"
            )
        self.register(found)
        return found

    def register(self, task: AnyTask) -> None:
        """Let values be stored of the classes that a task is annotated with."""
        self.registry.register_annotations(task)

    def of_resource(self, resource: Resource[Any]) -> str | None:
        """The name that leads to this very resource, if there is one."""
        provider = resource.provider
        module, path = getattr(provider, "__module__", ""), getattr(provider, "__qualname__", "")
        return f"{module}:{path}" if self._look_up(module, path) is resource else None

    def resource(self, name: str) -> Resource[Any] | None:
        """The resource of this name, if there is one."""
        module, _, path = name.partition(":")
        found = self._look_up(module, path)
        return found if isinstance(found, Resource) else None

    def of_exception(self, kind: type[BaseException]) -> str:
        """The name that leads to this very class.

        Raises:
            Refused: There is none.
        """
        name = f"{kind.__module__}:{kind.__qualname__}"
        if self.exception(name) is not kind:
            raise Refused(f"names {name}, and this name does not lead back to the exception; define it in a module")
        return name

    def exception(self, name: str) -> type[BaseException] | None:
        """The class of exceptions of this name, if there is one."""
        module, _, path = name.partition(":")
        found = self._look_up(module, path)
        return found if isinstance(found, type) and issubclass(found, BaseException) else None

    def _name_of(self, task: AnyTask) -> str | None:
        base = task.base
        name = f"{base.module}:{base.qualname}"
        if task is not base:
            return self._name_of_variant(task)
        found = self._look_up(base.module, base.qualname)
        if found is not base and self._given.get(name) is not base:
            raise Refused(
                f"is a call of task {base.name!r}, and its name {name} does not lead back to it; define the task at "
                "the top level of a module"
            )
        self.register(base)
        return name

    def _name_of_variant(self, task: AnyTask) -> str | None:
        """The name of a variable at the top level of a module: of the task's own, or of any if it must have one."""
        policies = task._options.policies
        must_have = policies.cache is not None or (policies.retry is not None and callable(policies.retry.retry_on))
        modules = [task.base.module, *(sys.modules if must_have else ())]
        for module in modules:
            variables = getattr(self._module(module), "__dict__", {})
            for path, value in list(variables.items()):
                if value is task:
                    self.register(task.base)
                    return f"{module}:{path}"
        return None

    def _module(self, name: str) -> ModuleType | None:
        if name == "__main__" and self._main is not None:
            return self._main
        module = sys.modules.get(name)
        if module is None and self._imports:
            try:
                return import_module(name)
            except ImportError:
                return None
        return module

    def _look_up(self, module: str, path: str) -> Any:
        found: Any = self._module(module)
        for part in path.split("."):
            # Static: reading a task from a class by the usual way would bind it.
            found = inspect.getattr_static(found, part, None)
        return found


__all__ = ["Names"]
