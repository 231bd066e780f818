"""What calls may give: lazy results of tasks, what modifiers and composition make of them, the program's functions.

A function of the program itself (of the same top-level package) is followed into its own source, with the arguments of
the call; what libraries do with their arguments is unknown, but for a few that only pass them on.
"""

from __future__ import annotations

import ast
import builtins
import dataclasses
import functools
import typing
from collections.abc import Callable
from types import FunctionType, MethodType
from typing import Any, Final

from cascade.graph.analysis.expressions import Arguments, Evaluator
from cascade.graph.analysis.names import MISSING, Subject, stored_attribute, unwrapped
from cascade.graph.analysis.values import (
    UNKNOWN,
    Container,
    Known,
    LocalFunction,
    Method,
    Operand,
    Partial,
    Role,
    Site,
    TaskValue,
    Value,
    Values,
    elements_of,
    is_a,
    sites_in,
    union,
)
from cascade.spec.modifiers import Modifiable
from cascade.spec.routing import Router
from cascade.spec.task import task as task_decorator

_MODIFIERS: Final = frozenset(name for name in vars(Modifiable) if not name.startswith("_"))
_DEEPEST: Final = 6


class Caller(Evaluator):
    """An evaluator that knows what calls do."""

    def call(self, node: ast.expr, functions: Values, arguments: Arguments) -> Values:
        """What a call may give."""
        self.trace.spend()
        return union(*(self._call_one(node, function, arguments) for function in functions))

    def follow(self, subject: Subject, arguments: Arguments) -> Values:
        """What a function of the program returns."""
        raise NotImplementedError

    def follow_local(self, function: LocalFunction, arguments: Arguments) -> Values:
        """What a function that was made here returns."""
        raise NotImplementedError

    def _call_one(self, node: ast.expr, function: Value, arguments: Arguments) -> Values:
        if isinstance(function, TaskValue):
            site = self.site(node, function.task, repr(function.name))
            site.operands |= function.operands
            site.take(Role.ARGUMENT, arguments.everything)
            return frozenset({site})
        if isinstance(function, Method):
            return self._call_method(node, function, arguments)
        if isinstance(function, Partial):
            given = arguments._replace(
                positional=(*function.args, *arguments.positional), named=(*function.kwargs, *arguments.named)
            )
            return self.call(node, function.functions, given)
        if isinstance(function, LocalFunction):
            return self.follow_local(function, arguments) if self._may_follow(function.node) else UNKNOWN
        if isinstance(function, Known):
            return self._call_known(node, function.object, arguments)
        return UNKNOWN

    def _may_follow(self, node: ast.AST) -> bool:
        return node not in self.trace.following and len(self.trace.following) < _DEEPEST

    # --- Methods of tasks, calls and containers -----------------------------------------------------------------------

    def _call_method(self, node: ast.expr, method: Method, arguments: Arguments) -> Values:
        receiver, name = method.receiver, method.name
        if name in _MODIFIERS:
            operands = frozenset(_modifier_operands(name, arguments))
            if isinstance(receiver, TaskValue):
                return frozenset({dataclasses.replace(receiver, operands=receiver.operands | operands)})
            if isinstance(receiver, Site):
                receiver.operands |= operands
                return frozenset({receiver})
        if isinstance(receiver, TaskValue) and name == "map":
            site = self.site(node, receiver.task, repr(receiver.name), is_map=True)
            site.operands |= receiver.operands
            site.take(Role.ARGUMENT, arguments.everything)
            return frozenset({site})
        if isinstance(receiver, Container):
            return self._call_container(node, receiver, name, arguments)
        return UNKNOWN

    def _call_container(self, node: ast.expr, receiver: Container, name: str, arguments: Arguments) -> Values:
        if name in ("append", "appendleft", "add", "insert"):
            self._put(node, arguments.everything)
            return UNKNOWN
        if name in ("extend", "extendleft", "update"):
            self._put(node, union(elements_of(arguments.everything), *(values for _, values in arguments.named)))
            return UNKNOWN
        if name == "setdefault":
            self._put(node, arguments.get(1, ""))
            return union(receiver.elements, arguments.get(1, ""))
        if name in ("pop", "get", "popleft"):
            return union(receiver.elements, *arguments.positional[1:])
        if name in ("values", "copy", "union"):
            return self.container(rest=union(receiver.elements, elements_of(arguments.everything)))
        if name == "items":
            return self.container(rest=self.container((UNKNOWN, receiver.elements)))
        return UNKNOWN

    def _put(self, node: ast.expr, values: Values) -> None:
        """Something is put into a local container: the name stands for a container with it from now on."""
        target = node.func.value if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else None
        if isinstance(target, ast.Name) and target.id in self.environment:
            self.put(target.id, values)

    def put(self, name: str, values: Values) -> None:
        """The containers that a local name stands for may hold more from now on."""
        self.environment[name] = self.trace.containers.put(self.environment[name], values)

    # --- Objects that exist -------------------------------------------------------------------------------------------

    def _call_known(self, node: ast.expr, function: Any, arguments: Arguments) -> Values:
        form = _FORMS.get(id(function))
        if form is not None:
            return form(self, node, arguments)
        if is_a(function, type):
            return self.container(rest=arguments.everything) if _is_record(function) else UNKNOWN
        if is_a(function, FunctionType):
            form = _FORMS_BY_NAME.get(f"{function.__module__}.{function.__qualname__}")
            if form is not None:
                return form(self, node, arguments)
        elif not issubclass(type(function), (functools.partial, MethodType)):
            return UNKNOWN
        subject = unwrapped(function)
        if subject is None or str(subject.function.__module__).partition(".")[0] != self.trace.package:
            return UNKNOWN
        if len(self.trace.following) >= _DEEPEST:
            return UNKNOWN
        return self.follow(subject, arguments)

    def _copy(self, _node: ast.expr, arguments: Arguments) -> Values:
        copied = elements_of(arguments.get(0, ""))
        return self.container(rest=union(copied, *(values for _, values in arguments.named)))

    def _map(self, node: ast.expr, arguments: Arguments) -> Values:
        if not arguments.positional:
            return UNKNOWN
        function, *iterables = arguments.positional
        values = self.call(node, function, Arguments(tuple(map(elements_of, iterables))))
        return self.container(rest=values, is_searched=False)

    def _reduce(self, node: ast.expr, arguments: Arguments) -> Values:
        parts = union(elements_of(arguments.get(1, "iterable")), arguments.get(2, "initial"))
        value = self.call(node, arguments.get(0, "function"), Arguments((parts, parts)))
        return self.call(node, arguments.get(0, "function"), Arguments((union(parts, value), parts)))

    def _zip(self, _node: ast.expr, arguments: Arguments) -> Values:
        group = self.container(tuple(map(elements_of, arguments.positional)))
        return self.container(rest=group, is_searched=False)

    def _enumerate(self, _node: ast.expr, arguments: Arguments) -> Values:
        pair = self.container((UNKNOWN, elements_of(arguments.get(0, "iterable"))))
        return self.container(rest=pair, is_searched=False)

    def _partial(self, _node: ast.expr, arguments: Arguments) -> Values:
        if not arguments.positional or arguments.rest or arguments.unnamed:
            return UNKNOWN
        return frozenset({Partial(arguments.positional[0], arguments.positional[1:], arguments.named)})

    def _cast(self, _node: ast.expr, arguments: Arguments) -> Values:
        return arguments.get(1, "val")

    def _replace(self, _node: ast.expr, arguments: Arguments) -> Values:
        kept = elements_of(arguments.get(0, "obj"))
        return self.container(rest=union(kept, *(values for _, values in arguments.named)))

    def _task(self, _node: ast.expr, arguments: Arguments) -> Values:
        """``@task`` on a function that is made here: a new task each time, so only the arguments of its calls count."""
        if not arguments.positional:
            return frozenset({Known(task_decorator)})
        functions = arguments.positional[0]
        names = {
            getattr(function.node, "name", "<lambda>") for function in functions if isinstance(function, LocalFunction)
        }
        return frozenset(TaskValue(None, name) for name in names)

    def _router(self, node: ast.expr, arguments: Arguments) -> Values:
        site = self.site(node, None, "a Router")
        site.take(Role.SELECTOR, arguments.get(0, "selector"))
        site.take(Role.ROUTE, elements_of(arguments.get(1, "routes")))
        site.take(Role.ROUTE, arguments.get(2, "default"))
        return frozenset({site})

    def _sequence_of_calls(self, node: ast.expr, arguments: Arguments) -> Values:
        if arguments.rest or not arguments.positional:
            return UNKNOWN
        *before, last = arguments.positional
        if not before:
            return last
        site = self.site(node, None, "a sequence")
        for values in before:
            site.take(Role.PREDECESSOR, values)
        site.take(Role.LAST, last)
        return frozenset({site})

    def _pipeline(self, node: ast.expr, arguments: Arguments) -> Values:
        if arguments.rest or not arguments.positional:
            return UNKNOWN
        value, *steps = arguments.positional
        places = node.args[1:] if isinstance(node, ast.Call) else []
        if len(places) != len(steps):
            return UNKNOWN
        for place, step in zip(places, steps, strict=True):
            value = self.call(place, step, Arguments((value,)))
        return value


def _is_record(kind: type) -> bool:
    if stored_attribute(kind, "__dataclass_fields__") is not MISSING:
        return True
    return issubclass(kind, tuple) and stored_attribute(kind, "_fields") is not MISSING


def _modifier_operands(name: str, arguments: Arguments) -> list[Operand]:
    """What the calls that are given to a modifier are to the call that it modifies."""
    if name == "after":
        return [(Role.PREDECESSOR, site) for site in sites_in(arguments.everything)]
    if name == "with_constraints":
        return [(Role.AMOUNT, site) for site in sites_in(arguments.everything)]
    if name == "run_if":
        conditions = [(Role.CONDITION, site) for site in sites_in(arguments.get(0, "condition"))]
        return conditions + [(Role.OTHERWISE, site) for site in sites_in(arguments.get(1, "otherwise"))]
    return []


_Form = Callable[[Any, ast.expr, Arguments], Values]

_FORMS: Final[dict[int, _Form]] = {
    id(Router): Caller._router,
    id(task_decorator): Caller._task,
    id(typing.cast): Caller._cast,
    id(functools.partial): Caller._partial,
    id(dataclasses.replace): Caller._replace,
    id(functools.reduce): Caller._reduce,
    id(builtins.map): Caller._map,
    id(builtins.zip): Caller._zip,
    id(builtins.enumerate): Caller._enumerate,
    **{id(kind): Caller._copy for kind in (list, tuple, set, frozenset, dict, reversed)},
}

# By name: the facade imports this package, not the other way round.
_FORMS_BY_NAME: Final[dict[str, _Form]] = {
    "cascade.workflow.composition.sequence": Caller._sequence_of_calls,
    "cascade.workflow.composition.pipeline": Caller._pipeline,
}

__all__ = ["Caller"]
