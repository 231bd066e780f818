"""What a function may return: its statements are followed along every path, branches joined, loops a few times round.

Paths are followed without regard to what is true on them: of two ``if`` with the same condition, all four paths count.
A loop is followed until nothing changes, three times at most; an exception may be raised before or after each statement
of a ``try``. A container that is changed through one name is not seen to change under another. Names that ``nonlocal``
functions change, and attributes that are assigned, are not followed.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from typing import Any, Final

from cascade.graph.analysis.calls import Caller
from cascade.graph.analysis.expressions import Arguments, Environment, Trace, joined
from cascade.graph.analysis.names import Subject, free_name
from cascade.graph.analysis.sources import FunctionNode, function_node
from cascade.graph.analysis.values import UNKNOWN, LocalFunction, Values, elements_of, union

_ROUNDS: Final = 3


class Body(Caller):
    """One function that is followed.

    Attributes:
        returned: What it may return.
    """

    def __init__(self, node: FunctionNode, lookup: Callable[[str], Values], file: str, trace: Trace) -> None:
        self._node = node
        self._scan = _Scan(node)
        super().__init__(lookup, self._scan.bound, file, trace)
        self.returned: Values = UNKNOWN
        self._is_live = True
        self._breaks: list[list[Environment]] = []
        self._continues: list[list[Environment]] = []

    def run(self, arguments: Arguments, defaults: Environment | None = None) -> Values:
        """What the function returns when it is called.

        Args:
            arguments: The arguments.
            defaults: Values of the parameters that are left out.
        """
        if self._scan.is_generator:
            return UNKNOWN
        self._bind_parameters(arguments, defaults or {})
        trace, node = self.trace, self._node
        depth, trace.depth = trace.depth, trace.depth + 1
        trace.following.append(node)
        try:
            if isinstance(node, ast.Lambda):
                self.returned = self.evaluate(node.body)
            else:
                self._block(node.body)
        finally:
            trace.following.pop()
            trace.depth = depth
        return self.returned

    def follow(self, subject: Subject, arguments: Arguments) -> Values:
        """What a function of the program returns."""
        function = subject.function
        node = function_node(function.__code__, function.__globals__)
        if node is None or not self._may_follow(node):
            return UNKNOWN
        given = arguments._replace(positional=(*subject.args, *arguments.positional))
        return body_of(subject, node, self.trace).run(given)

    def follow_local(self, function: LocalFunction, arguments: Arguments) -> Values:
        """What a function that was made here returns."""
        node, outer = function.node, function.body
        named = [*node.args.posonlyargs, *node.args.args]
        last = node.args.defaults
        defaults = {
            argument.arg: outer.evaluate(default)
            for argument, default in [
                *zip(named[len(named) - len(last) :], last, strict=True),
                *zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True),
            ]
        }
        return Body(node, outer.name, outer.file, self.trace).run(arguments, defaults)

    def function(self, node: FunctionNode) -> LocalFunction:
        """A function that is made here."""
        return LocalFunction(node, self)

    def _bind_parameters(self, arguments: Arguments, defaults: Environment) -> None:
        declared = self._node.args
        positional = [*declared.posonlyargs, *declared.args]
        named = dict(arguments.named)
        for place, parameter in enumerate(positional):
            if place < len(arguments.positional):
                values = arguments.positional[place]
            else:
                default = defaults.get(parameter.arg, UNKNOWN)
                values = union(named.pop(parameter.arg, default), arguments.rest, arguments.unnamed)
            self.environment[parameter.arg] = values
        for parameter in declared.kwonlyargs:
            values = named.pop(parameter.arg, defaults.get(parameter.arg, UNKNOWN))
            self.environment[parameter.arg] = union(values, arguments.unnamed)
        if declared.vararg is not None:
            more = arguments.positional[len(positional) :]
            self.environment[declared.vararg.arg] = self.container(more, rest=arguments.rest)
        if declared.kwarg is not None:
            others = self.container(tuple(named.values()), tuple(named), arguments.unnamed)
            self.environment[declared.kwarg.arg] = others

    # --- Paths --------------------------------------------------------------------------------------------------------

    def _block(self, statements: Iterable[ast.stmt]) -> None:
        for statement in statements:
            if not self._is_live:
                return
            self.trace.spend()
            follow = _FOLLOW.get(type(statement))
            if follow is None:
                self.parts(statement)
            else:
                follow(self, statement)

    def _path(self, start: Environment, statements: Iterable[ast.stmt]) -> Environment | None:
        """Follow a block; the environment behind it, or ``None`` if its end is never reached."""
        self.environment = start
        self.environment = self.fork()
        self._is_live = True
        self._block(statements)
        return self.environment if self._is_live else None

    def _join(self, *paths: Environment | None) -> None:
        """Go on where paths meet."""
        live = [path for path in paths if path is not None]
        self._is_live = bool(live)
        if live:
            self.environment = joined(live)

    # --- Statements ---------------------------------------------------------------------------------------------------

    def _return(self, node: ast.Return) -> None:
        self.returned = union(self.returned, self.evaluate(node.value))
        self._is_live = False

    def _raise(self, node: ast.Raise) -> None:
        self.parts(node)
        self._is_live = False

    def _assign(self, node: ast.Assign) -> None:
        values = self.evaluate(node.value)
        for target in node.targets:
            self._store(target, values)

    def _annotated(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self._store(node.target, self.evaluate(node.value))

    def _augmented(self, node: ast.AugAssign) -> None:
        if not isinstance(node.target, ast.Name):
            self.parts(node)
            return
        name = node.target.id
        before = self.environment.get(name, UNKNOWN)  # read before the value, which may bind the name
        self.environment[name] = self.trace.containers.put(before, elements_of(self.evaluate(node.value)))

    def _store(self, target: ast.expr, values: Values) -> None:
        self.bind(target, values)
        if isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
            name = target.value.id
            if name in self.environment:
                self.put(name, values)

    def _delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            if isinstance(target, ast.Name):
                self.environment.pop(target.id, None)

    def _if(self, node: ast.If) -> None:
        self.evaluate(node.test)
        start = self.environment
        self._join(self._path(start, node.body), self._path(start, node.orelse))

    def _for(self, node: ast.For | ast.AsyncFor) -> None:
        items = elements_of(self.evaluate(node.iter))
        self._loop(node, lambda: self.bind(node.target, items))

    def _while(self, node: ast.While) -> None:
        self._loop(node, lambda: self.evaluate(node.test))

    def _loop(self, node: ast.For | ast.AsyncFor | ast.While, begin: Callable[[], object]) -> None:
        self._breaks.append([])
        self._continues.append([])
        head = self.environment
        for _ in range(_ROUNDS):
            self.environment = head
            self.environment = self.fork()
            begin()
            end = self._path(self.environment, node.body)
            met = joined([head, *([] if end is None else [end]), *self._continues[-1]])
            if met == head:
                break
            head = met
        self._continues.pop()
        breaks = self._breaks.pop()
        is_endless = isinstance(node, ast.While) and isinstance(node.test, ast.Constant) and bool(node.test.value)
        self._join(None if is_endless else self._path(head, node.orelse), *breaks)

    def _break(self, _node: ast.Break) -> None:
        self._breaks[-1].append(self.fork())
        self._is_live = False

    def _continue(self, _node: ast.Continue) -> None:
        self._continues[-1].append(self.fork())
        self._is_live = False

    def _try(self, node: ast.Try) -> None:
        raised = self.fork()
        for statement in node.body:
            self._block([statement])
            if not self._is_live:
                break
            raised = joined([raised, self.fork()])
        paths = [self._path(self.environment, node.orelse) if self._is_live else None]
        for handler in node.handlers:
            caught = raised if handler.name is None else raised | {handler.name: UNKNOWN}
            paths.append(self._path(caught, handler.body))
        self._join(*paths)
        if node.finalbody:
            was_live = self._is_live
            self._is_live = True
            self._block(node.finalbody)
            self._is_live = self._is_live and was_live

    def _with(self, node: ast.With | ast.AsyncWith) -> None:
        for item in node.items:
            self.evaluate(item.context_expr)
            if item.optional_vars is not None:
                self.bind(item.optional_vars, UNKNOWN)
        self._block(node.body)

    def _match(self, node: ast.Match) -> None:
        subject = self.evaluate(node.subject)
        start = self.fork()
        paths: list[Environment | None] = []
        is_exhaustive = False
        for case in node.cases:
            whole = case.pattern.name if isinstance(case.pattern, ast.MatchAs) else None
            captured = dict.fromkeys(_captures(case.pattern), UNKNOWN)
            if whole is not None:
                captured[whole] = subject
            self.environment = start | captured
            self.evaluate(case.guard)
            paths.append(self._path(self.environment, case.body))
            if isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None and case.guard is None:
                is_exhaustive = True
        self._join(*paths, None if is_exhaustive else start)

    def _define(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        values: Values = frozenset({self.function(node)})
        for decorator in reversed(node.decorator_list):
            values = self.call(decorator, self.evaluate(decorator), Arguments((values,)))
        self.environment[node.name] = values

    def _define_class(self, node: ast.ClassDef) -> None:
        self.environment[node.name] = UNKNOWN

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        for alias in node.names:
            self.environment[alias.asname or alias.name.partition(".")[0]] = UNKNOWN

    def _nothing(self, _node: ast.stmt) -> None:
        pass


def body_of(subject: Subject, node: FunctionNode, trace: Trace) -> Body:
    """The body of a function that exists."""
    function = subject.function
    return Body(node, lambda name: free_name(function, name), function.__code__.co_filename, trace)


def _captures(pattern: ast.pattern) -> list[str]:
    names = []
    for part in ast.walk(pattern):
        if isinstance(part, (ast.MatchAs, ast.MatchStar)) and part.name is not None:
            names.append(part.name)
        elif isinstance(part, ast.MatchMapping) and part.rest is not None:
            names.append(part.rest)
    return names


_SCOPES: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


class _Scan:
    """What must be known of a function before it is followed.

    Attributes:
        bound: The names that are local to it.
        is_generator: Whether it has a ``yield``.
    """

    def __init__(self, node: FunctionNode) -> None:
        bound: set[str] = set()
        declared: set[str] = set()
        self.is_generator = False
        args = node.args
        for argument in (*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg):
            if argument is not None:
                bound.add(argument.arg)
        stack: list[ast.AST] = [node.body] if isinstance(node, ast.Lambda) else list(node.body)
        while stack:
            part = stack.pop()
            match part:
                case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                    bound.add(name)
                case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                    bound.add(part.name)
                case ast.Import() | ast.ImportFrom():
                    bound.update(alias.asname or alias.name.partition(".")[0] for alias in part.names)
                case ast.ExceptHandler(name=str(name)):
                    bound.add(name)
                case ast.Global() | ast.Nonlocal():
                    declared.update(part.names)
                case ast.Yield() | ast.YieldFrom():
                    self.is_generator = True
                case ast.pattern():
                    bound.update(_captures(part))
            if isinstance(part, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
                # What a comprehension binds is its own, but for ":=".
                bound.update(inner.target.id for inner in ast.walk(part) if isinstance(inner, ast.NamedExpr))
            elif not isinstance(part, _SCOPES):
                stack.extend(ast.iter_child_nodes(part))
        self.bound = frozenset(bound - declared)


_FOLLOW: Final[dict[type[ast.stmt], Callable[[Any, Any], None]]] = {
    ast.Return: Body._return,
    ast.Raise: Body._raise,
    ast.Assign: Body._assign,
    ast.AnnAssign: Body._annotated,
    ast.AugAssign: Body._augmented,
    ast.Delete: Body._delete,
    ast.If: Body._if,
    ast.For: Body._for,
    ast.AsyncFor: Body._for,
    ast.While: Body._while,
    ast.Break: Body._break,
    ast.Continue: Body._continue,
    ast.Try: Body._try,
    ast.TryStar: Body._try,
    ast.With: Body._with,
    ast.AsyncWith: Body._with,
    ast.Match: Body._match,
    ast.FunctionDef: Body._define,
    ast.AsyncFunctionDef: Body._define,
    ast.ClassDef: Body._define_class,
    ast.Import: Body._import,
    ast.ImportFrom: Body._import,
    ast.Global: Body._nothing,
    ast.Nonlocal: Body._nothing,
    ast.Pass: Body._nothing,
}

__all__ = ["Body", "body_of"]
