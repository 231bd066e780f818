"""Makes tasks of a random program, runs it, and notes what a user sees.

What is noted, and so what is promised to be the same with and without compiled loops:

- the value, or the type, words and notes of the error;
- every begin and every end of a call with its arguments, the value or error and the virtual time, in this order;
- the number of steps;
- from a subscription on, the events of all calls that begin later.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Iterator
from contextvars import ContextVar
from enum import Enum
from typing import Any

from cascade import workflow as cs
from cascade.spec.events import Event
from tests.jit.loop_programs import (
    Box,
    Call,
    Expr,
    Gated,
    Incident,
    Item,
    Leaf,
    Loop,
    Program,
    Routes,
    Shared,
    Sometimes,
    Step,
    Truth,
    Value,
    Wrapped,
)
from tests.jit.support import Seen, now, see

_variable: ContextVar[int] = ContextVar("variable", default=0)

_ERRORS = (ValueError, KeyError, StopIteration, RuntimeError, SystemExit, asyncio.CancelledError, KeyboardInterrupt)


class Member(Enum):
    """What routers choose by."""

    FIRST = 0
    SECOND = 1
    THIRD = 2


class Worker:
    """What methods are called on."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


class Built:
    """The tasks of a program on an engine. They can be run more than once; each run begins anew.

    Args:
        program: The program.
        engine: The engine.
    """

    def __init__(self, program: Program, engine: cs.Engine) -> None:
        self._program = program
        self._engine = engine
        self._calls: list[Any] = []
        self.events: list[tuple[str, ...]] = []
        self._unsubscribe: list[Any] = []
        self._left: dict[Incident, int] = {}
        self._workers = Worker("one"), Worker("two")
        self._resources = {scope: self._resource(scope) for scope in ("run", "step")}
        self._gives = cs.task(name="gives", mode="inline")(self._give)
        self._leaves = [self._leaf(place, leaf) for place, leaf in enumerate(program.leaves)]
        self._loops = [self._loop(place, loop) for place, loop in enumerate(program.loops)]

    def run(self, *, is_heard: bool = False) -> Seen:
        """Run the program.

        Args:
            is_heard: Whether somebody subscribes before it begins.
        """
        self.events = []
        self._left = {incident: incident.times for incident in self._program.incidents}
        if is_heard:
            self._subscribe()

        def begin(calls: list[Any], _engine: cs.Engine) -> Any:
            self._calls = calls
            return self._loops[0](self._program.count)

        try:
            return see(begin, self._engine, self._program.slice_s)
        finally:
            for unsubscribe in self._unsubscribe:
                unsubscribe()
            self._unsubscribe.clear()

    # --- Tasks --------------------------------------------------------------------------------------------------------

    def _resource(self, scope: Any) -> Any:
        @cs.resource(name=f"of the {scope}", scope=scope)
        def resource() -> Iterator[str]:
            self._calls.append(("opens", scope, 0, "", now()))
            yield f"resource of the {scope}"
            self._calls.append(("closes", scope, 0, "", now()))

        return resource

    def _leaf(self, place: int, leaf: Leaf) -> Any:
        def work(n: int, arguments: tuple[Any, ...]) -> Any:
            number = zlib.crc32(repr((n, arguments)).encode()) % 1000
            return (number, -number) if leaf.gives == "pair" else number

        return self._task(place, work, leaf)

    def _loop(self, place: int, loop: Loop) -> Any:
        def work(n: int, arguments: tuple[Any, ...]) -> Any:
            if n > 0:
                step = loop.steps[n % len(loop.steps)]
                return self._routed(step, self._following(step, n), n)
            first = self._leaves[0]
            if loop.last == "call":
                return first(n, 1)
            if loop.last == "calls":
                return {"k": first(n, 1), "l": [first(n, 2)]}
            return cs.literal(arguments) if loop.last == "literal" else arguments

        return self._task(len(self._program.leaves) + place, work, loop)

    def _task(self, place: int, work: Any, spec: Leaf | Loop) -> Any:
        """A task that notes its calls, has its incidents and does its work."""
        is_loop = isinstance(spec, Loop)
        name = f"loop{place - len(self._program.leaves)}" if is_loop else f"leaf{place}"
        wants = "" if isinstance(spec, Loop) else spec.wants
        default = cs.Inject(self._resources[wants]) if wants else None

        def begin(n: int, arguments: tuple[Any, ...]) -> None:
            self._calls.append(("begins", name, n, repr(arguments), self._variable_here(spec), round(now(), 6)))

        def end(n: int, how: Any) -> None:
            self._calls.append(("ends", name, n, repr(how), self._variable_here(spec), round(now(), 6)))

        def sync(n: int, *arguments: Any, k: Any = None, r: Any = default) -> Any:
            begin(n, (*arguments, k, r))
            try:
                value = self._incident(place, n)
                value = work(n, (*arguments, k, r)) if value is None else value
            except BaseException as error:
                end(n, error)
                raise
            end(n, value)
            return value

        async def awaited(n: int, *arguments: Any, k: Any = None, r: Any = default) -> Any:
            begin(n, (*arguments, k, r))
            try:
                value = await self._awaited_incident(place, n)
                if isinstance(spec, Leaf):
                    await self._delay(spec, place)
                value = work(n, (*arguments, k, r)) if value is None else value
            except BaseException as error:
                end(n, error)
                raise
            end(n, value)
            return value

        def sync_loop(n: int, a: Any = None, b: Any = None, c: Any = None) -> Any:
            return sync(n, a, b, c)

        async def awaited_loop(n: int, a: Any = None, b: Any = None, c: Any = None) -> Any:
            return await awaited(n, a, b, c)

        options: Any = {"name": name} | ({} if spec.is_async else {"mode": "inline"})
        if isinstance(spec, Loop):
            return cs.task(**options)(awaited_loop if spec.is_async else sync_loop)
        options["pure"] = spec.is_pure
        if not spec.is_method:
            return cs.task(**options)(awaited if spec.is_async else sync)

        def method(self: Worker, n: int, *arguments: Any, k: Any = None, r: Any = default) -> Any:
            return sync(n, self, *arguments, k=k, r=r)

        async def awaited_method(self: Worker, n: int, *arguments: Any, k: Any = None, r: Any = default) -> Any:
            return await awaited(n, self, *arguments, k=k, r=r)

        return cs.task(**options)(awaited_method if spec.is_async else method)

    def _variable_here(self, spec: Leaf | Loop) -> int:
        return _variable.get() if spec.is_async else 0

    async def _delay(self, leaf: Leaf, place: int) -> None:
        if leaf.delay == "ticks" and self._program.has_ticks:
            for _ in range(place + 1):
                await asyncio.sleep(0)
        elif leaf.delay != "none":
            await asyncio.sleep(1 + place / 8)

    # --- Calls --------------------------------------------------------------------------------------------------------

    def _following(self, step: Step, n: int) -> Any:
        made: list[tuple[Any, Call]] = []
        arguments = [self._make(expression, n, made) for expression in step.arguments]
        names = ["a", "b", "c"][: len(arguments)]
        loop = self._loops[step.following]
        if step.attempts:
            loop = loop.with_retry(step.attempts, delay_s=0.25)
        form = step.form if n % 3 else step.other_form
        if form == "positional":
            return loop(n - 1, *arguments)
        if form == "mixed":
            return loop(n - 1, *arguments[:1], **dict(zip(names[1:], arguments[1:], strict=True)))
        keywords = dict(zip(names, arguments, strict=True)) | {"n": n - 1}
        return loop(**keywords) if form == "keywords" else loop(**dict(reversed(keywords.items())))

    def _routed(self, step: Step, call: Any, n: int) -> Any:
        other = self._call(Call(0, (Value(1),)), n, [])
        match step.routed:
            case "by name":
                return cs.Router("on", {"on": call, "off": other})
            case "by number":
                return cs.Router(n % 2, {n % 2: call, 1 - n % 2: n if n % 3 else other})
            case "otherwise":
                return cs.Router(n, {-1: other, "n": n}, default=call)
            case "by a call":
                return cs.Router(other, {"none": n}, default=call) if n % 2 else call
            case "by a gate":
                keys = self._keys(step.gate, 2)
                return cs.Router(
                    self._truth(step.gate, n), {keys[0]: self._loops[step.following](n - 1), keys[1]: call}
                )
            case "if":
                return call.run_if(self._truth(step.gate, n))
            case "if or else":
                return call.run_if(self._truth(step.gate, n), otherwise=self._loops[step.following](n - 1))
        return call

    def _make(self, expression: Expr, n: int, made: list[tuple[Any, Call]]) -> Any:
        match expression:
            case Value(value, is_fixed):
                return value if is_fixed else n + value
            case Wrapped(value):
                return cs.literal([n, value])
            case Shared(place, copied):
                if not made:
                    return n
                result, call = made[place % len(made)]
                return self._call(call, n, made) if copied and n % copied == 0 else result
            case Sometimes(every, usual, rare):
                return self._make(usual if n % every else rare, n, made)
            case Box(kind, content):
                items = [self._make(inner, n, made) for inner in content]
                if kind == "dict":
                    return {f"k{at}": item for at, item in enumerate(items)}
                return items if kind == "list" else tuple(items)
            case Item(source, key):
                return self._make(source, n, made)[key]
            case Call():
                return self._call(expression, n, made)
            case Gated():
                return self._gated(expression, n, made)
            case Routes(selector, routes, default):
                keys = self._keys(selector, len(routes))
                routed = {key: self._make(route, n, made) for key, route in zip(keys, routes, strict=True)}
                if default is None:
                    return cs.Router(self._truth(selector, n), routed)
                return cs.Router(self._truth(selector, n), routed, default=self._make(default, n, made))

    def _gated(self, gated: Gated, n: int, made: list[tuple[Any, Call]]) -> Any:
        options: dict[str, Any] = {}
        if gated.condition is not None:
            options["condition"] = self._truth(gated.condition, n)
            if gated.otherwise is not None:
                options["otherwise"] = self._make(gated.otherwise, n, made)
        predecessors = [self._call(call, n, made) for call in gated.after]

        def modified(target: Any) -> Any:
            target = target.run_if(**options) if options else target
            target = target.after(*predecessors) if predecessors else target
            return target.named(f"named at {n}") if gated.is_named else target

        if gated.is_late:
            return modified(self._call(gated.call, n, made))
        return self._call(gated.call, n, made, modified)

    def _truth(self, truth: Truth, n: int) -> Any:
        """A condition or a selector."""
        if truth.kind == "skipped":
            return self._gives(Truth("truth", 2, is_called=True), n).run_if(n % truth.every == 0)
        return self._gives(truth, n) if truth.is_called else self._value_of(truth, n)

    def _give(self, truth: Truth, n: int) -> Any:
        self._calls.append(("gives", truth.kind, n, "", now()))
        return self._value_of(truth, n)

    def _value_of(self, truth: Truth, n: int) -> Any:
        number = n % truth.every
        match truth.kind:
            case "member":
                return list(Member)[number % 3]
            case "text":
                return "abc"[number % 3] if number else ""
            case "list":
                return [n] if number else []
            case "number":
                return number
        return number > 0

    def _keys(self, truth: Truth, count: int) -> list[Any]:
        match truth.kind:
            case "member":
                return list(Member)[:count]
            case "text":
                return ["", "b", "c"][:count]
            case "list" | "number":
                return [0, 1, 2][:count]
        return [False, True, 2][:count]

    def _call(self, call: Call, n: int, made: list[tuple[Any, Call]], modified: Any = lambda task: task) -> Any:
        arguments = [self._make(inner, n, made) for inner in call.arguments]
        keywords = {} if call.keyword is None else {"k": self._make(call.keyword, n, made)}
        task = self._leaves[call.leaf]
        if self._program.leaves[call.leaf].is_method:
            arguments.insert(0, n)
            n = self._workers[n % 2]  # type: ignore[assignment]
        if call.attempts and not call.is_late:
            task = task.with_retry(call.attempts, delay_s=0.25)
        result = modified(task)(n, *arguments, **keywords)
        if call.attempts and call.is_late:
            result = result.with_retry(call.attempts, delay_s=0.25)
        made.append((result, call))
        return result

    # --- Incidents ----------------------------------------------------------------------------------------------------

    def _due(self, place: int, n: int) -> Incident | None:
        for incident, left in self._left.items():
            if incident.place == place and incident.at == n and left:
                self._left[incident] -= 1
                return incident
        return None

    def _incident(self, place: int, n: int) -> Any:
        incident = self._due(place, n)
        return None if incident is None else self._simple(incident, n)

    def _simple(self, incident: Incident, n: int) -> Any:
        first = Call(0, (Value(7, True),))
        match incident.kind:
            case "fails":
                raise ValueError(f"at {n}")
            case "fails with":
                raise _ERRORS[incident.detail % len(_ERRORS)](f"at {n}")
            case "returns a call":
                return self._call(first, n, [])
            case "returns calls":
                return [self._call(first, n, []), {"k": self._call(first, n, [])}, n]
        raise AssertionError(incident)

    async def _awaited_incident(self, place: int, n: int) -> Any:
        incident = self._due(place, n)
        if incident is None:
            return None
        engine, loop = self._engine, asyncio.get_running_loop()
        scope = ("global", "task:leaf*", "task:loop*", "task:leaf0", "task:leaf1", "task:loop0")[incident.detail % 6]
        match incident.kind:
            case "sets a variable":
                _variable.set(n + 1)
                await asyncio.sleep(0)
            case "pauses":
                engine.pause(scope)
                loop.call_later(20.125, engine.resume, scope)
            case "limits":
                engine.limit(scope=scope, concurrency=1 + incident.detail % 2)
                if incident.detail > 3:
                    await asyncio.sleep(0.0625)
                    loop.call_later(10.0625, engine.unlimit, scope)
            case "limits the rate":
                engine.limit(scope=scope, rate=0.5)
                loop.call_later(9.03125, engine.unlimit, scope)
            case "subscribes":
                self._subscribe()
                await asyncio.sleep(0)
            case "is cancelled" | "swallows its cancellation":
                task = asyncio.current_task()
                assert task is not None
                loop.call_later(0.5, task.cancel)
                try:
                    await asyncio.sleep(5)
                except asyncio.CancelledError:
                    if incident.kind == "is cancelled":
                        raise
            case "times out":
                try:
                    async with asyncio.timeout(0.125):
                        await asyncio.sleep(5)
                except TimeoutError:
                    pass
            case _:
                return self._simple(incident, n)
        return None

    def _subscribe(self) -> None:
        for kind in (cs.TaskExecutionStarted, cs.TaskExecutionFinished, cs.TaskRetrying, cs.RunFinished):
            self._unsubscribe.append(self._engine.subscribe(kind, self._hear))

    def _hear(self, event: Event) -> None:
        fields = ("task", "node_id", "step", "status", "attempt", "steps")
        error = getattr(event, "error", None)
        self.events.append(
            (type(event).__name__, *(str(getattr(event, field, "")) for field in fields), type(error).__name__)
        )


def begun_in(events: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """The events of the calls that begin in these events, and of the run."""
    begun = {event[1:4] for event in events if event[0] == "TaskExecutionStarted"}
    return [event for event in events if event[0] == "RunFinished" or event[1:4] in begun]


__all__ = ["Built", "begun_in"]
