"""What expressions may stand for.

Only those forms matter through which a lazy result can pass on its way: names, containers, conditional expressions and
so on. Of everything else the parts are evaluated, because they may bind names, and the whole is unknown.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from cascade.graph.analysis.names import attribute_of
from cascade.graph.analysis.values import (
    UNKNOWN,
    Container,
    Containers,
    Known,
    LocalFunction,
    Method,
    Role,
    Site,
    TaskValue,
    Value,
    Values,
    elements_of,
    is_a,
    known,
    union,
)
from cascade.spec.task import Task

Environment = dict[str, Values]

_FUEL: Final = 20_000
_DEEPEST: Final = 80
_NAMES_A_STEP: Final = 16


class OutOfFuel(Exception):
    """The source is too long or too entangled to be followed."""


class Trace:
    """What is shared by all bodies that are followed for one task.

    Args:
        package: The top-level package of the program; functions of others are not followed.

    Attributes:
        sites: The places that make something lazy, by syntax node and what is called there.
        following: The functions that are being followed.
    """

    def __init__(self, package: str) -> None:
        self.package = package
        self.sites: dict[tuple[ast.expr, object], Site] = {}
        self.following: list[ast.AST] = []
        self.containers = Containers()
        self.depth = 0
        self._fuel = _FUEL

    def spend(self, names: int = 0) -> None:
        """One more step, over so many names. Steps are limited, not the time, so that every machine gets as far."""
        self._fuel -= 1 + names // _NAMES_A_STEP
        if self._fuel < 0:
            raise OutOfFuel


class Arguments(NamedTuple):
    """The arguments of a call.

    Attributes:
        positional: Their values; of ``*args``, those whose place is known.
        rest: What may come behind those.
        named: Keyword arguments.
        unnamed: What ``**kwargs`` may hold.
    """

    positional: tuple[Values, ...] = ()
    rest: Values = UNKNOWN
    named: tuple[tuple[str, Values], ...] = ()
    unnamed: Values = UNKNOWN

    @property
    def everything(self) -> Values:
        """All of them."""
        return union(*self.positional, self.rest, *(values for _, values in self.named), self.unnamed)

    def get(self, place: int, name: str) -> Values:
        """The argument with a place or a name."""
        if place < len(self.positional):
            return self.positional[place]
        return dict(self.named).get(name, UNKNOWN)


class Evaluator:
    """Evaluates expressions in the environment of one function.

    Args:
        lookup: What a name means that is not local.
        local_names: The names that are.
        file: Where the source is.
        trace: What is shared.

    Attributes:
        environment: What local names may stand for where the evaluation stands now.
    """

    def __init__(self, lookup: Callable[[str], Values], local_names: frozenset[str], file: str, trace: Trace) -> None:
        self.lookup = lookup
        self.local_names = local_names
        self.file = file
        self.trace = trace
        self.container = trace.containers.make
        self.environment: Environment = {}

    def fork(self) -> Environment:
        """The environment as it is now, to come back to."""
        self.trace.spend(len(self.environment))
        return dict(self.environment)

    def name(self, name: str) -> Values:
        """What a name may stand for."""
        if name in self.environment:
            return self.environment[name]
        return UNKNOWN if name in self.local_names else self.lookup(name)

    def evaluate(self, node: ast.expr | None) -> Values:
        """What an expression may stand for."""
        if node is None:
            return UNKNOWN
        trace = self.trace
        trace.spend()
        if trace.depth >= _DEEPEST:
            return UNKNOWN
        trace.depth += 1
        try:
            return _EVALUATE.get(type(node), Evaluator.parts)(self, node)
        finally:
            trace.depth -= 1

    def parts(self, node: ast.AST) -> Values:
        """Evaluate the parts of something that itself stands for nothing."""
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.evaluate(child)
            elif isinstance(child, ast.keyword):
                self.evaluate(child.value)
        return UNKNOWN

    def bind(self, target: ast.expr, values: Values) -> None:
        """Assign values to a target."""
        if isinstance(target, ast.Name):
            self.environment[target.id] = values
        elif isinstance(target, ast.Starred):
            self.bind(target.value, self.container(rest=elements_of(values)))
        elif isinstance(target, (ast.Tuple, ast.List)):
            is_exact = not any(isinstance(part, ast.Starred) for part in target.elts)
            for place, part in enumerate(target.elts):
                if is_exact:
                    self.bind(part, union(*(self._item(value, place) for value in values)))
                else:
                    self.bind(part, values if isinstance(part, ast.Starred) else elements_of(values))
        else:
            self.parts(target)

    def site(self, node: ast.expr, task: Task[..., Any] | None, title: str, *, is_map: bool = False) -> Site:
        """The place of something lazy; the same one whenever the same source is followed again."""
        key = (node, task or title)
        site = self.trace.sites.get(key)
        if site is None:
            site = self.trace.sites[key] = Site(task, title, self.file, node, is_map)
        return site

    def call(self, node: ast.expr, functions: Values, arguments: Arguments) -> Values:
        """What a call may give."""
        raise NotImplementedError

    def function(self, node: ast.Lambda | ast.FunctionDef | ast.AsyncFunctionDef) -> LocalFunction:
        """A function that is made here."""
        raise NotImplementedError

    # --- The forms --------------------------------------------------------------------------------------------------

    def _name(self, node: ast.Name) -> Values:
        return self.name(node.id)

    def _attribute(self, node: ast.Attribute) -> Values:
        return union(*(self._read(value, node.attr) for value in self.evaluate(node.value)))

    def _read(self, value: Value, name: str) -> Values:
        if isinstance(value, TaskValue) and name == "fn":
            return UNKNOWN if value.task is None else known(value.task.fn)
        if isinstance(value, (TaskValue, Site, Container)):
            return frozenset({Method(value, name)})
        return attribute_of(value, name)

    def _call(self, node: ast.Call) -> Values:
        functions = self.evaluate(node.func)
        return self.call(node, functions, self._arguments(node))

    def _arguments(self, node: ast.Call) -> Arguments:
        positional: list[Values] = []
        rest: list[Values] = []
        for argument in node.args:
            if isinstance(argument, ast.Starred):
                values = self.evaluate(argument.value)
                exact = [value for value in values if isinstance(value, Container) and not value.rest]
                if len(values) == len(exact) == 1 and not rest:
                    positional.extend(exact[0].items)
                else:
                    rest.append(elements_of(values))
            else:
                (rest if rest else positional).append(self.evaluate(argument))
        named: list[tuple[str, Values]] = []
        unnamed: list[Values] = []
        for keyword in node.keywords:
            values = self.evaluate(keyword.value)
            if keyword.arg is not None:
                named.append((keyword.arg, values))
            else:
                unnamed.append(elements_of(values))
        return Arguments(tuple(positional), union(*rest), tuple(named), union(*unnamed))

    def _either(self, node: ast.IfExp) -> Values:
        self.evaluate(node.test)
        start = self.fork()  # ":=" in one branch is not seen in the other
        values = self.evaluate(node.body)
        end, self.environment = self.environment, start
        values = union(values, self.evaluate(node.orelse))
        self.environment = joined([self.environment, end])
        return values

    def _any(self, node: ast.BoolOp) -> Values:
        values = self.evaluate(node.values[0])
        for part in node.values[1:]:
            start = self.fork()
            values = union(values, self.evaluate(part))
            self.environment = joined([self.environment, start])
        return values

    def _walrus(self, node: ast.NamedExpr) -> Values:
        values = self.evaluate(node.value)
        self.bind(node.target, values)
        return values

    def _await(self, node: ast.Await) -> Values:
        return self.evaluate(node.value)

    def _lambda(self, node: ast.Lambda) -> Values:
        return frozenset({self.function(node)})

    def _sequence(self, node: ast.Tuple | ast.List | ast.Set) -> Values:
        items: list[Values] = []
        rest: list[Values] = []
        for part in node.elts:
            if isinstance(part, ast.Starred):
                rest.append(elements_of(self.evaluate(part.value)))
            else:
                (rest if rest else items).append(self.evaluate(part))
        return self.container(tuple(items), rest=union(*rest))

    def _dict(self, node: ast.Dict) -> Values:
        items: list[Values] = []
        keys: list[Any] = []
        rest: list[Values] = []
        for key, value in zip(node.keys, node.values, strict=True):
            values = self.evaluate(value)
            if key is None:
                rest.append(elements_of(values))
                continue
            rest.append(self.evaluate(key))
            items.append(values)
            keys.append(key.value if isinstance(key, ast.Constant) else key)
        return self.container(tuple(items), tuple(keys), union(*rest))

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> Values:
        outer = self.environment
        self.environment = dict(outer)
        for generator in node.generators:
            self.bind(generator.target, elements_of(self.evaluate(generator.iter)))
            for condition in generator.ifs:
                self.evaluate(condition)
        if isinstance(node, ast.DictComp):
            values = union(self.evaluate(node.key), self.evaluate(node.value))
        else:
            values = self.evaluate(node.elt)
        self.environment = outer
        return self.container(rest=values, is_searched=not isinstance(node, ast.GeneratorExp))

    def _subscript(self, node: ast.Subscript) -> Values:
        values = self.evaluate(node.value)
        self.evaluate(node.slice)
        key = node.slice.value if isinstance(node.slice, ast.Constant) else node.slice
        if isinstance(node.slice, ast.UnaryOp) and isinstance(node.slice.op, ast.USub):
            operand = node.slice.operand
            key = -operand.value if isinstance(operand, ast.Constant) and isinstance(operand.value, int) else key
        found: list[Values] = []
        for value in values:
            if isinstance(value, Site):
                item = self.site(node, None, f"an item of the value of {value.title}")
                item.take(Role.ITEM, frozenset({value}))
                found.append(frozenset({item}))
            elif isinstance(node.slice, ast.Slice) and isinstance(value, Container):
                found.append(self.container(rest=value.elements, is_searched=value.is_searched))
            else:
                found.append(self._item(value, key))
        return union(*found)

    @staticmethod
    def _item(value: Value, key: Any) -> Values:
        if isinstance(value, Container):
            return value.at(key)
        # A table of tasks at the top level of a module.
        if isinstance(value, Known) and type(value.object) in (dict, list, tuple):
            return _stored_item(value.object, key)
        return UNKNOWN

    def _operation(self, node: ast.BinOp) -> Values:
        left, right = self.evaluate(node.left), self.evaluate(node.right)
        containers = [value for value in (*left, *right) if isinstance(value, Container)]
        if not containers or not isinstance(node.op, (ast.Add, ast.BitOr, ast.Mult)):
            return UNKNOWN
        return self.container(rest=elements_of(frozenset(containers)))


def joined(paths: list[Environment]) -> Environment:
    """The environment where paths meet."""
    result = dict(paths[0])
    for path in paths[1:]:
        for name, values in path.items():
            result[name] = union(result[name], values) if name in result else values
    return result


def _stored_item(table: Any, key: Any) -> Values:
    """Of a dict, list or tuple that exists: the task under a key, or all tasks that it may be."""
    if isinstance(key, (str, int, bytes)):
        try:
            return known(table[key])
        except LookupError:
            return UNKNOWN
    values = table.values() if isinstance(table, dict) else table
    return union(*(known(value) for value in list(values)[:100] if is_a(value, Task)))


_EVALUATE: Final[dict[type[ast.expr], Callable[[Any, Any], Values]]] = {
    ast.Name: Evaluator._name,
    ast.Attribute: Evaluator._attribute,
    ast.Call: Evaluator._call,
    ast.IfExp: Evaluator._either,
    ast.BoolOp: Evaluator._any,
    ast.NamedExpr: Evaluator._walrus,
    ast.Await: Evaluator._await,
    ast.Lambda: Evaluator._lambda,
    ast.Tuple: Evaluator._sequence,
    ast.List: Evaluator._sequence,
    ast.Set: Evaluator._sequence,
    ast.Dict: Evaluator._dict,
    ast.ListComp: Evaluator._comprehension,
    ast.SetComp: Evaluator._comprehension,
    ast.GeneratorExp: Evaluator._comprehension,
    ast.DictComp: Evaluator._comprehension,
    ast.Subscript: Evaluator._subscript,
    ast.BinOp: Evaluator._operation,
}

__all__ = ["Arguments", "Environment", "Evaluator", "OutOfFuel", "Trace", "joined"]
