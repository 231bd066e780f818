"""From the description of a program to the Cascade program, and what was observed when an engine ran it."""

from __future__ import annotations

import asyncio
import inspect
import sys
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Final

from cascade import workflow as cs
from cascade.spec.policies import NOTHING

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
    children,
)
from .scope import resource_value
from .values import CONTAINERS, written

CAPACITY: Final = 3
"""How much there is of the only capacity, ``gpu``."""

LONGEST_RUN_S: Final = 20.0
"""A run that takes longer hangs."""


@dataclass
class Observation:
    """What was seen of one run.

    Attributes:
        value: What it returned.
        error: What it raised.
        log: Begin and end of every attempt: ``("begin" | "end", task, arguments as text)``.
        events: Everything that was published, if somebody listened.
        resources: Names of resources as they were opened (``+name``) and closed (``-name``).
        left_running: Asyncio tasks that outlived the run.
        most_in_use: The most that was ever held of the capacity at once.
    """

    value: Any = None
    error: BaseException | None = None
    log: list[tuple[str, int, str]] = field(default_factory=list)
    events: list[cs.Event] = field(default_factory=list)
    resources: list[str] = field(default_factory=list)
    left_running: list[str] = field(default_factory=list)
    in_use: int = 0
    most_in_use: int = 0


PROGRAM: Final = ModuleType("differential_program")
"""Holds the tasks of the program that was translated last, so that stored calls of them can be read."""

sys.modules[PROGRAM.__name__] = PROGRAM


class Translation:
    """The Cascade program of a description. It may be run several times: then its loops come back to known shapes."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._lock = threading.Lock()
        self._attempts: Counter[Any] = Counter()
        self.seen = Observation()
        self._resources = {name: self._resource(name, scope) for name, scope in program.resources.items()}
        self._tasks: dict[int, Any] = {GIVE.key: self._task(GIVE)}
        self._globals: list[Any] = []
        pending = list(program.globals)
        for spec in program.tasks:
            self._tasks[spec.key] = self._task(spec)
            # A global may be the default of a later task, and calls earlier ones only.
            while pending and all(call in self._tasks for call in _tasks_in(pending[0])):
                self._globals.append(self._build(pending.pop(0), {}, []))
        self.target = self._block(program.target, {})

    # --- Tasks ------------------------------------------------------------------------------------------------------

    def _task(self, spec: TaskSpec) -> Any:
        signature = inspect.Signature(
            [
                inspect.Parameter(
                    one.name,
                    inspect.Parameter.KEYWORD_ONLY if one.is_keyword_only else inspect.Parameter.POSITIONAL_OR_KEYWORD,
                    default=inspect.Parameter.empty if one.default is None else self._build(one.default, {}, []),
                )
                for one in spec.parameters
            ]
        )

        def arguments_of(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            return bound.arguments

        function: Callable[..., Any]
        if spec.mode == "async":

            async def function(*args: Any, **kwargs: Any) -> Any:
                arguments = arguments_of(args, kwargs)
                frozen, attempt = self._begin(spec, arguments)
                try:
                    for _ in range(spec.pauses):
                        await asyncio.sleep(0)
                    return self._behave(spec, arguments, attempt)
                finally:
                    self._end(spec, frozen)
        else:

            def function(*args: Any, **kwargs: Any) -> Any:
                arguments = arguments_of(args, kwargs)
                frozen, attempt = self._begin(spec, arguments)
                try:
                    return self._behave(spec, arguments, attempt)
                finally:
                    self._end(spec, frozen)

        function.__name__ = spec.name
        function.__module__, function.__qualname__ = PROGRAM.__name__, f"task_{spec.key}"
        vars(function)["__signature__"] = signature
        mode: Any = "auto" if spec.mode == "async" else spec.mode
        made = cs.task(name=spec.name, pure=spec.pure, mode=mode)(function)
        setattr(PROGRAM, function.__qualname__, made)
        return made

    def _begin(self, spec: TaskSpec, arguments: dict[str, Any]) -> tuple[str, int]:
        frozen = written(arguments)
        with self._lock:
            self.seen.log.append(("begin", spec.key, frozen))
            self._attempts[spec.key, frozen] += 1
            self.seen.in_use += spec.amount
            self.seen.most_in_use = max(self.seen.most_in_use, self.seen.in_use)
            return frozen, self._attempts[spec.key, frozen]

    def _end(self, spec: TaskSpec, frozen: str) -> None:
        with self._lock:
            self.seen.in_use -= spec.amount
            self.seen.log.append(("end", spec.key, frozen))

    def _behave(self, spec: TaskSpec, arguments: dict[str, Any], attempt: int) -> Any:
        result = behave(spec, arguments, attempt)
        return self._block(result, arguments) if isinstance(result, Block) else result

    def _resource(self, name: str, scope: str) -> Any:
        def opened() -> Iterator[str]:
            self.seen.resources.append(f"+{name}")
            try:
                yield resource_value(name)
            finally:
                self.seen.resources.append(f"-{name}")

        async def opened_async() -> AsyncIterator[str]:
            await asyncio.sleep(0)
            for value in opened():
                yield value

        provider: Any = opened if scope == "run" else opened_async
        decorate: Any = cs.resource
        return decorate(name=name, scope=scope)(provider)

    # --- Expressions ------------------------------------------------------------------------------------------------

    def _block(self, block: Block, arguments: Mapping[str, Any]) -> Any:
        bindings: list[Any] = []
        for binding in block.bindings:
            bindings.append(self._build(binding, arguments, bindings))
        return self._build(block.result, arguments, bindings)

    def _build(self, expression: Expr, arguments: Mapping[str, Any], bindings: list[Any]) -> Any:
        def build(part: Expr) -> Any:
            return self._build(part, arguments, bindings)

        match expression:
            case Lit(value):
                return value
            case Opaque(value):
                return cs.literal(value)
            case Arg(name):
                return arguments[name]
            case Spent():
                return arguments[FUEL] - 1
            case Ref(index):
                return bindings[index]
            case Global(index):
                return self._globals[index]
            case Par(name):
                return cs.Param(name, type=int, default=self._program.params[name].default)
            case Res(name):
                return cs.Inject(self._resources[name])
            case Container(kind, parts):
                return CONTAINERS[kind]([build(part) for part in parts])
            case Repeated(part):
                return [build(part) for _ in range(arguments[FUEL])]
            case Item(source, key):
                return build(source)[build(key)]
            case Route(selector, routes, default):
                built = {key: build(route) for key, route in routes}
                return cs.Router(build(selector), built, NOTHING if default is None else build(default))
            case Call(task, args, kwargs, options):
                return self._modified(
                    task, options, build, lambda made: made(*map(build, args), **_built(kwargs, build))
                )
            case Map(task, kwargs, broadcast, keeps_failures, max_in_flight, options):
                named = _built(kwargs, build)
                named |= {name: cs.literal(named[name]) for name in broadcast}
                on_error = "continue" if keeps_failures else "raise"
                return self._modified(
                    task, options, build, lambda made: made.map(**named, on_error=on_error, max_in_flight=max_in_flight)
                )

    def _modified(self, task: int, options: Options, build: Callable[[Expr], Any], make: Callable[[Any], Any]) -> Any:
        """The call with its modifiers, on the task or on the call."""
        made = self._tasks[task] if options.on_task else make(self._tasks[task])
        amount = self._program.spec(task).amount
        if options.condition is not None:
            otherwise = () if options.otherwise is None else (build(options.otherwise),)
            made = made.run_if(build(options.condition), *otherwise)
        if options.after:
            made = made.after(*map(build, options.after))
        if options.attempts > 1:
            made = made.with_retry(options.attempts)
        if options.label is not None:
            made = made.named(options.label)
        if amount:
            made = made.with_constraints(gpu=self._tasks[GIVE.key](amount) if options.lazy_amount else amount)
        return make(made) if options.on_task else made

    @property
    def resources(self) -> list[cs.Resource[Any]]:
        """Those that the program injects."""
        return list(self._resources.values())

    # --- The run ----------------------------------------------------------------------------------------------------

    def run(self, engine: cs.Engine, is_observed: bool = True, **options: Any) -> Observation:
        """Run the program and wait until nothing of it is left; the options are those of `Engine.run`."""
        self.seen = Observation()
        self._attempts.clear()
        unsubscribe = engine.subscribe(cs.Event, self.seen.events.append) if is_observed else lambda: None
        try:
            asyncio.run(self._run(engine, options))
        finally:
            unsubscribe()
        return self.seen

    async def _run(self, engine: cs.Engine, options: Mapping[str, Any]) -> None:
        seen = self.seen
        try:
            async with asyncio.timeout(LONGEST_RUN_S):
                seen.value = await engine.run(self.target, self._program.given(), **options)
        except BaseException as error:
            seen.error = error
        left = asyncio.all_tasks() - {asyncio.current_task()}
        seen.left_running = [task.get_name() for task in left]


def _built(named: tuple[tuple[str, Expr], ...], build: Callable[[Expr], Any]) -> dict[str, Any]:
    return {name: build(part) for name, part in named}


def _tasks_in(expression: Expr) -> set[int]:
    found: set[int] = set()
    pending: list[Any] = [expression]
    while pending:
        part = pending.pop()
        if isinstance(part, (Call, Map)):
            found.add(part.task)
        pending += children(part)
    return found


__all__ = ["CAPACITY", "LONGEST_RUN_S", "Observation", "Translation"]
