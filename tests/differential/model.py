"""What a random program means, evaluated directly: a recursive function over its description, without Cascade.

What is compared, and how precisely
-----------------------------------

*A program that succeeds* has one value, one multiset of calls (task and arguments, an entry per attempt), one multiset
of started nodes, one of skips with their reasons, one of retries, and one number of steps. All must be equal. In what
order calls that do not need each other are made is not defined, so the model gives a partial order: each call has the
set of calls whose end it must have seen. The engine's own sequence must respect it; where the order is total, that
makes the sequences equal.

*A program that fails* may fail in several places at once, and which failure comes first depends on the schedule. The
model goes on past a failure with everything that does not need the failed node, and so finds every failure that can
come first: the run must raise one of them. Nodes that the failure does not need may or may not have run, so calls,
nodes and skips must be *among* those of the model, and contain those that every possible first failure needs.

The same holds inside a mapped item whose failures are kept as values: what it did is optional, as far as its failure
did not need it. If its failures differ, the value itself would depend on the schedule; such programs are rejected
(`Undefined`), as are those in which two calls share the count of attempts of a flaky task, and those that get too
large.

Errors are compared by type and message, those that the engine words itself by type.

Which rules hold where the documentation leaves a choice:

- A condition or selector that was skipped skips the node, even with ``otherwise``.
- The iterable of a map that was skipped skips the map, whatever the parameter's default, which is that of an *item*. A
  broadcast operand that was skipped takes the default.
- A node that ran and whose returned call was skipped is not itself reported as skipped: it did run.
- Pure calls are equal if their tasks, arguments and options are; containers of equal calls are equal arguments.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .account import Account, CallRecord, Failed, Outcome, Skipped, Value, failed_of, needs_of
from .programs import (
    FUEL,
    GIVE,
    Arg,
    Block,
    Call,
    Container,
    Expr,
    Global,
    Item,
    Lit,
    Map,
    Opaque,
    Options,
    Par,
    Program,
    Ref,
    Repeated,
    Res,
    Route,
    Spent,
    TaskSpec,
    behave,
    is_stand_in,
)
from .scope import LARGEST, LONGEST, Failure, Scope, Undefined, differ_though_equal, hash_fault, resource_value
from .values import CONTAINERS, Fault, TaskError, fault_of, freeze, written


class Model:
    """Evaluates one program.

    Attributes:
        account: What happens on the way.
    """

    def __init__(self, program: Program) -> None:
        self._program = program
        self._given = program.given()
        self._flaky: set[Any] = set()
        self._fresh = 0
        self.account = Account()

    def run(self) -> Outcome:
        """The program's outcome.

        Raises:
            Undefined: It depends on the schedule, or takes too long.
        """
        scope = Scope(self._program.target, {}, 0, is_outermost=True)
        return self._node(scope, scope.block.result, is_root=True)

    # --- Expressions ------------------------------------------------------------------------------------------------

    def _node(self, scope: Scope, expression: Expr, is_root: bool = False) -> Outcome:
        match expression:
            case Lit(value) | Opaque(value):
                return Value(value, scope.base)
            case Arg(name):
                return Value(scope.arguments[name], scope.base)
            case Spent():
                return Value(scope.arguments[FUEL] - 1, scope.base)
            case Par(name):
                given = self._given.get(name)
                return Value(self._program.params[name].default if given is None else int(given), scope.base)
            case Res(name):
                self.account.used.setdefault(name, set()).add(self.account.steps)
                return Value(resource_value(name), scope.base)
            case Ref(index):
                return self._once(scope, ("ref", index), scope.block.bindings[index], is_root)
            case Global(index):
                return self._once(scope, ("global", index), self._program.globals[index], is_root)
            case Container(kind, parts):
                return self._computed(scope, parts, CONTAINERS[kind])
            case Repeated(part):
                return self._computed(scope, (part,) * scope.arguments[FUEL], list)
            case Item(source, key):
                return self._computed(scope, (source, key), lambda values: values[0][values[1]])
            case Route():
                return self._route(scope, expression, is_root)
            case Map():
                return self._map(scope, expression, is_root)
            case Call():
                if self._program.spec(expression.task).pure:
                    return self._once(scope, self._identity(scope, expression), expression, is_root, is_pure=True)
                return self._call(scope, expression, is_root)

    def _once(self, scope: Scope, key: Any, expression: Expr, is_root: bool, is_pure: bool = False) -> Outcome:
        if key not in scope.known:
            if is_pure:
                assert isinstance(expression, Call)
                scope.known[key] = self._call(scope, expression, is_root)
            else:
                scope.known[key] = self._node(scope, expression, is_root)
        return scope.known[key]

    def _identity(self, scope: Scope, expression: Expr) -> Any:
        """Equal for arguments that are equal before anything has run: see the rule of pure calls."""
        match expression:
            case Lit(value) | Opaque(value):
                return freeze(value)
            case Arg() | Spent():
                outcome = self._node(scope, expression)
                assert isinstance(outcome, Value)
                return freeze(outcome.value)
            case Ref() | Global():
                inner = scope.resolved(expression)
                inner = self._program.globals[inner.index] if isinstance(inner, Global) else inner
                is_merged = not isinstance(inner, (Call, Route, Map)) or self._is_pure(inner)
                return self._identity(scope, inner) if is_merged else expression
            case Container(kind, parts):
                return (kind, *(self._identity(scope, part) for part in parts))
            case Item(source, key):
                return ("item", self._identity(scope, source), self._identity(scope, key))
            case Call(task, args) if self._is_pure(expression):
                return ("call", task, *(self._identity(scope, part) for part in args))
            case Par() | Res():
                return expression
            case _:
                self._fresh += 1
                return ("node", self._fresh)

    def _is_pure(self, expression: Expr) -> bool:
        return isinstance(expression, Call) and self._program.spec(expression.task).pure

    def _computed(self, scope: Scope, parts: tuple[Expr, ...], make: Any) -> Outcome:
        outcomes = [self._node(scope, part) for part in parts]
        failed, needs = failed_of(outcomes), needs_of(outcomes) | scope.base
        if failed is not None:
            return failed
        values = [outcome.value for outcome in outcomes if isinstance(outcome, Value)]
        if len(values) < len(outcomes):
            return Skipped("UpstreamSkipped_Data", needs)
        if make in (set, frozenset) and differ_though_equal(values):
            raise Undefined("which of two equal values of different types a set of calls keeps")
        try:
            return Value(make(values), needs)
        except Exception as error:  # whatever Python raises here, the engine must let through
            faults = {fault_of(error)}
        if make in (
            set,
            frozenset,
        ):
            faults = {fault for one in values if (fault := hash_fault(one)) is not None}
        return Failed(frozenset(faults), needs)

    def _route(self, scope: Scope, route: Route, is_root: bool) -> Outcome:
        selected = self._node(scope, route.selector)
        if not isinstance(selected, Value):
            return selected if isinstance(selected, Failed) else Skipped("UpstreamSkipped_Data", selected.needs)
        try:
            taken = dict(route.routes).get(selected.value, route.default)
        except TypeError:  # not hashable
            taken = route.default
        if taken is None:
            return Failed(frozenset({Fault("RouteNotFoundError", "")}), selected.needs)
        return self._passed_on(self._node(scope, taken, is_root), selected.needs)

    def _passed_on(self, outcome: Outcome, needs: int) -> Outcome:
        needs |= outcome.needs
        match outcome:
            case Value(value):
                return Value(value, needs)
            case Skipped(reason, _, is_of_next_step):
                return Skipped(reason if is_of_next_step else "UpstreamSkipped_Data", needs, is_of_next_step)
            case Failed(faults):
                return Failed(faults, needs)

    # --- Calls ------------------------------------------------------------------------------------------------------

    def _call(self, scope: Scope, call: Call, is_root: bool) -> Outcome:
        spec = self._program.spec(call.task)
        name = call.options.label or spec.name
        gate = self._gate(scope, call.options, name, is_root)
        if not isinstance(gate, int):
            return gate
        parts = dict(zip([one.name for one in spec.parameters], call.args, strict=False)) | dict(call.kwargs)
        return self._operate(scope, spec, call.options, name, parts, gate, is_root)

    def _gate(self, scope: Scope, options: Options, name: str, is_root: bool) -> Outcome | int:
        """What comes of the condition: an outcome without a call, or the calls that it took."""
        if options.condition is None:
            return scope.base
        condition = self._node(scope, options.condition)
        if isinstance(condition, Failed):
            return condition
        if isinstance(condition, Skipped):
            return self._skip(name, "UpstreamSkipped_Data", condition.needs)
        if condition.value:
            return condition.needs
        if options.otherwise is None:
            return self._skip(name, "ConditionFalse", condition.needs)
        passed_on = self._passed_on(self._node(scope, options.otherwise, is_root), condition.needs)
        if isinstance(passed_on, Skipped) and not passed_on.is_of_next_step:
            return self._skip(name, passed_on.reason, passed_on.needs)
        return passed_on

    def _operate(
        self,
        scope: Scope,
        spec: TaskSpec,
        options: Options,
        name: str,
        parts: Mapping[str, Expr],
        needs: int,
        is_root: bool,
    ) -> Outcome:
        """Collect the operands of a call and make it."""
        extras = {
            one.name: one.default for one in spec.parameters if one.default is not None and is_stand_in(one.default)
        }
        operands = {key: self._node(scope, part) for key, part in (extras | dict(parts)).items()}
        before = [self._node(scope, predecessor) for predecessor in options.after]
        everything = [*operands.values(), *before]
        if options.lazy_amount and spec.amount:
            everything.append(self._call(scope, Call(GIVE.key, (Lit(spec.amount),)), is_root=False))
        failed = failed_of(everything)
        if failed is not None:
            return Failed(failed.faults, failed.needs | needs)
        needs |= needs_of(everything)
        if any(isinstance(outcome, Skipped) for outcome in before):
            return self._skip(name, "UpstreamSkipped_Sequence", needs)
        arguments: dict[str, Any] = {}
        for parameter in spec.parameters:
            operand = operands.get(parameter.name)
            if isinstance(operand, Value):
                arguments[parameter.name] = operand.value
            elif isinstance(parameter.default, Lit):
                arguments[parameter.name] = parameter.default.value
            else:
                return self._skip(name, "UpstreamSkipped_Data", needs)
        return self._attempt(scope, spec, options.attempts, name, arguments, needs, is_root)

    def _attempt(
        self,
        scope: Scope,
        spec: TaskSpec,
        attempts: int,
        name: str,
        arguments: dict[str, Any],
        needs: int,
        is_root: bool,
    ) -> Outcome:
        account = self.account
        frozen = written(arguments)
        if len(frozen) > LONGEST:
            raise Undefined("the values are too large")
        if spec.fails_first:
            if (spec.key, frozen) in self._flaky:
                raise Undefined("two calls share the count of attempts")
            self._flaky.add((spec.key, frozen))
        account.started[name] += 1
        result: Any = None
        for attempt in range(1, attempts + 1):
            if len(account.calls) >= LARGEST:
                raise Undefined("the program is too large")
            account.calls.append(CallRecord(spec.key, frozen, needs))
            needs |= 1 << (len(account.calls) - 1)
            try:
                result = behave(spec, arguments, attempt)
                break
            except TaskError as error:
                if attempt >= attempts:
                    return Failed(frozenset({fault_of(error)}), needs)
            account.retried[name] += 1
        if not isinstance(result, Block):
            return Value(result, needs)
        inner = Scope(result, arguments, needs, scope.is_outermost and is_root)
        if inner.is_outermost and self._is_step(inner):
            account.steps += 1
        outcome = self._node(inner, result.result, is_root=True)
        return replace(outcome, is_of_next_step=is_root) if isinstance(outcome, Skipped) else outcome

    def _is_step(self, scope: Scope) -> bool:
        """Whether what a task returned is a call, or a container with one at its top level."""
        result = scope.resolved(scope.block.result)
        if isinstance(result, Container):
            parts = [scope.resolved(part) for part in result.parts]
            return any(is_stand_in(part) or isinstance(part, Opaque) for part in parts)
        return is_stand_in(result) or isinstance(result, Repeated)

    def _skip(self, name: str, reason: str, needs: int) -> Skipped:
        self.account.skipped[name, reason] += 1
        return Skipped(reason, needs)

    # --- Maps -------------------------------------------------------------------------------------------------------

    def _map(self, scope: Scope, call: Map, is_root: bool) -> Outcome:
        spec = self._program.spec(call.task)
        name = call.options.label or spec.name
        gate = self._gate(scope, call.options, name, is_root)
        if not isinstance(gate, int):
            return gate
        operands = {key: self._node(scope, part) for key, part in call.kwargs}
        before = [self._node(scope, predecessor) for predecessor in call.options.after]
        everything = [*operands.values(), *before]
        if call.options.lazy_amount and spec.amount:
            everything.append(self._call(scope, Call(GIVE.key, (Lit(spec.amount),)), is_root=False))
        failed, needs = failed_of(everything), needs_of(everything) | gate
        if failed is not None:
            return Failed(failed.faults, failed.needs | gate)
        if any(isinstance(outcome, Skipped) for outcome in before):
            return self._skip(name, "UpstreamSkipped_Sequence", needs)
        values: dict[str, Any] = {}
        defaults = {one.name: one.default for one in spec.parameters}
        for key, operand in operands.items():
            default = defaults[key]
            if isinstance(operand, Value):
                values[key] = operand.value
            elif key in call.broadcast and isinstance(default, Lit):
                values[key] = default.value
            else:
                return self._skip(name, "UpstreamSkipped_Data", needs)
        walked = {key: value for key, value in values.items() if key not in call.broadcast}
        if any(isinstance(value, (set, frozenset)) and len(value) > 1 for value in walked.values()):
            raise Undefined("the order of a set")
        if len({len(value) for value in walked.values() if hasattr(value, "__len__")}) > 1:
            return Failed(frozenset({Fault("MapLengthError", "")}), needs)
        if not all(hasattr(value, "__iter__") for value in walked.values()):
            return Failed(frozenset({Fault("MapInputError", "")}), needs)
        items = [dict(zip(walked, item, strict=True)) for item in zip(*walked.values(), strict=True)]
        broadcast = {key: value for key, value in values.items() if key in call.broadcast}
        return self._items(spec, call, [item | broadcast for item in items], needs)

    def _items(self, spec: TaskSpec, call: Map, items: list[dict[str, Any]], needs: int) -> Outcome:
        results: list[Any] = []
        outcomes: list[Outcome] = []
        failures: list[Outcome] = []
        options = Options(attempts=call.options.attempts)
        for index, item in enumerate(items):
            if call.max_in_flight is not None and len(failures) >= call.max_in_flight:
                break  # failed items keep their place in the window for ever, so this item is never begun
            first = len(self.account.calls)
            scope = Scope(Block((), Lit(None)), {}, needs)
            parts = {key: Lit(value) for key, value in item.items()}
            outcome = self._operate(scope, spec, options, spec.name, parts, needs, is_root=True)
            if isinstance(outcome, Skipped):
                outcome = Failed(frozenset({Fault("DependencyMissingError", "")}), outcome.needs)
            outcomes.append(outcome)
            if isinstance(outcome, Value):
                results.append(outcome.value)
            elif not call.keeps_failures:
                failures.append(outcome)
            elif len(outcome.faults) > 1:
                raise Undefined("which of its failures an item ends with")
            else:
                results.append(Failure(next(iter(outcome.faults)), index))
                done = (1 << len(self.account.calls)) - (1 << first)
                self.account.optional |= done & ~outcome.needs
        failed = failed_of(failures)
        return Value(results, needs | needs_of(outcomes)) if failed is None else failed


__all__ = ["Model"]
