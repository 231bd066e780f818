"""Steps whose conditions and routes are decided in compiled code."""

from __future__ import annotations

import enum
from typing import Any

import pytest

from cascade import workflow as cs
from cascade.runtime.strategies.jit.explain import describe_loop
from tests.jit.support import Calls, cycles, inline_engine, same_on_engines

inline = cs.task(mode="inline")


class State(enum.Enum):
    WORK = "work"
    REST = "rest"
    STOP = "stop"


@inline
def same(x: Any) -> Any:
    return x


def machine(calls: Calls) -> Any:
    """A state machine: who decides what comes next is a task of the step.

    decide(n) --selects--> work(n) or rest(n), each of which goes on, or stop(n)
    """

    @inline
    def decide(n: int) -> State:
        calls.append(("decide", n))
        return State.STOP if n <= 0 else State.REST if n % 3 == 0 else State.WORK

    @inline
    def work(n: int) -> Any:
        calls.append(("work", n))
        return following(n - 1)

    @inline
    def rest(n: int) -> Any:
        calls.append(("rest", n))
        return following(n - 1)

    @inline
    def stop(n: int) -> str:
        calls.append(("stop", n))
        return "stopped"

    def following(n: int) -> Any:
        return cs.Router(decide(n), {State.WORK: work(n), State.REST: rest(n), State.STOP: stop(n)})

    return following(20)


def test_a_state_machine_goes_through_its_states() -> None:
    seen = same_on_engines(lambda calls, _engine: machine(calls))
    assert seen.outcome == (str, "stopped")
    assert seen.calls[:4] == [("decide", 20), ("work", 20), ("decide", 19), ("work", 19)]


def test_a_state_machine_is_compiled_once_and_stays_in_compiled_code() -> None:
    engine = inline_engine()
    cs.run(machine([]), engine=engine)

    @inline
    def decide(n: int) -> str:
        return "again" if n else "stop"

    @inline
    def again(n: int) -> Any:
        return cs.Router(decide(n - 1), {"again": again(n - 1), "stop": same("stopped")})

    assert cs.run(again(1_000), engine=engine) == "stopped"
    statistics = cycles(engine).statistics
    assert statistics["compiled"] == 2
    assert statistics["left"] == 0
    with cycles(engine).expect_no_compilation():
        before = statistics["steps"]
        cs.run(again(1_000), engine=engine)
        assert statistics["steps"] - before >= 999


@pytest.mark.parametrize("has_default", [False, True])
def test_a_router_by_a_value_is_compiled_whatever_the_shapes_of_its_routes(has_default: bool) -> None:
    @inline
    def loop(n: int) -> Any:
        if n == 0:
            return "done"
        routes = {0: loop(n - 1), 1: loop(same(n - 1))}
        if has_default:
            return cs.Router(n % 3, routes, default=loop(same(same(n - 1))))
        return cs.Router(n % 3, routes | {2: loop(same(same(n - 1)))})

    engine = inline_engine()
    cs.run(loop(30), engine=engine)
    statistics = cycles(engine).statistics
    before = statistics["steps"]
    with cycles(engine).expect_no_compilation():
        assert cs.run(loop(300), engine=engine) == "done"
    assert statistics["steps"] - before >= 299


def test_a_router_by_a_value_whose_default_is_always_taken_is_compiled() -> None:
    @inline
    def loop(n: int) -> Any:
        return cs.Router(n, {0: "done"}, default=loop(same(n - 1)))

    engine = inline_engine()
    cs.run(loop(30), engine=engine)
    before = cycles(engine).statistics["steps"]
    with cycles(engine).expect_no_compilation():
        assert cs.run(loop(300), engine=engine) == "done"
    assert cycles(engine).statistics["steps"] - before >= 299


def test_the_keys_of_a_router_by_a_value_are_compared_as_often_as_when_it_is_interpreted() -> None:
    def program(calls: Calls, _engine: cs.Engine) -> Any:
        class Key:
            def __eq__(self, other: object) -> bool:
                calls.append(("compared", other))
                return False

            __hash__ = object.__hash__

        @inline
        def loop(n: int) -> Any:
            return "done" if n == 0 else cs.Router(n % 2, {Key(): same(n), 0: loop(n - 1), 1: loop(n - 1)})

        return loop(12)

    assert same_on_engines(program, is_compiled=False).outcome == (str, "done")


CONDITIONS: dict[str, Any] = {
    "a truth value": lambda n, _give: n % 3 == 0,
    "a number": lambda n, _give: n % 3,
    "a text": lambda n, _give: "x" * (n % 2),
    "a call": lambda n, give: give(n % 3 == 0),
    "None": lambda n, _give: None if n % 2 else n,
    "a list": lambda n, _give: [] if n % 4 == 0 else [n],
    "a call of a list": lambda n, give: give([] if n % 4 == 0 else [n]),
    "a literal": lambda n, _give: cs.literal(n % 2),
    "an item": lambda n, give: give({"is": n % 2})["is"],
    "a call that is skipped": lambda n, give: give(True).run_if(n % 2),
}


@pytest.mark.parametrize("otherwise", ["nothing", "a value", "a call"])
@pytest.mark.parametrize("kind", CONDITIONS)
def test_a_condition_decides_each_step_anew(kind: str, otherwise: str) -> None:
    def program(calls: Calls, _engine: cs.Engine) -> Any:
        @inline
        def note(name: str, x: Any) -> Any:
            calls.append((name, x))
            return x

        @inline
        def give(value: Any) -> Any:
            calls.append(("condition", value))
            return value

        @inline
        def loop(n: int, x: Any = "default", y: Any = None) -> Any:
            calls.append(("loop", n, x, y))
            if n == 0:
                return x
            options = {"a value": {"otherwise": n}, "a call": {"otherwise": note("other", n)}}.get(otherwise, {})
            gated = note("gated", note("only the gated needs it", n)).run_if(CONDITIONS[kind](n, give), **options)
            return loop(n - 1, gated, note("beside", n))

        return loop(16)

    seen = same_on_engines(program)
    assert 0 < len([call for call in seen.calls if call[0] == "gated"]) < 16


def test_the_truth_of_a_value_of_another_type_is_asked_for_once() -> None:
    class Truth:
        def __init__(self, calls: Calls, n: int) -> None:
            self._calls = calls
            self._n = n

        def __bool__(self) -> bool:
            self._calls.append(("asked", self._n))
            if self._n == 4:
                raise ValueError("no truth here")
            return self._n % 2 == 0

        def __eq__(self, other: object) -> bool:
            raise AssertionError("it is not compared with anything")

        __hash__ = object.__hash__

    def program(calls: Calls, _engine: cs.Engine) -> Any:
        @inline
        def give(n: int) -> Any:
            return Truth(calls, n)

        @inline
        def loop(n: int, _x: Any = None) -> Any:
            calls.append(("loop", n))
            condition = give(n) if n % 2 else Truth(calls, n)
            return n if n == 0 else loop(n - 1, same(n).run_if(condition))

        return loop(12)

    seen = same_on_engines(program)
    assert seen.outcome[0] is ValueError
    assert seen.calls.count(("asked", 8)) == 1


def test_a_call_waits_for_its_predecessors() -> None:
    def program(calls: Calls, _engine: cs.Engine) -> Any:
        @inline
        def note(name: str, n: int) -> Any:
            calls.append((name, n))
            return n

        late = note.after(note("before all", 0))

        @inline
        def loop(n: int, _x: Any = None) -> Any:
            if n == 0:
                return "done"
            return loop(n - 1, [note("second", n).after(note("first", n)), late("third", n)])

        return loop(12)

    seen = same_on_engines(program)
    order = [name for name, n in seen.calls if n == 5]
    assert order.index("first") < order.index("second")


def test_a_call_with_a_name_of_its_own_fails_by_that_name() -> None:
    def program(calls: Calls, _engine: cs.Engine) -> Any:
        @inline
        def divide(n: int) -> Any:
            calls.append(("divide", n))
            return 12 // (n - 2)

        named = divide.named("by a task")

        @inline
        def loop(n: int, *_x: Any) -> Any:
            return loop(n - 1, named(n + 1), divide(n).named(f"at {n}"))

        return loop(12)

    seen = same_on_engines(program)
    assert seen.outcome[0] is ZeroDivisionError
    assert seen.outcome[2] == ["Cascade: in task 'at 2', step 12"]


def test_a_route_that_is_missing_is_the_error_of_that_step() -> None:
    def program(calls: Calls, _engine: cs.Engine) -> Any:
        @inline
        def loop(n: int, _x: Any = None) -> Any:
            calls.append(("loop", n))
            return loop(n - 1, cs.Router(same(n > 3), {True: same(n)}))

        return loop(10)

    seen = same_on_engines(program)
    assert seen.outcome[0] is cs.RouteNotFoundError
    assert seen.calls[-1] == ("loop", 3)


@pytest.mark.parametrize("default", [False, True])
def test_a_selector_may_be_anything(default: bool) -> None:
    values: list[Any] = [1, True, 1.0, "a", None, State.REST, [1], (1, 2), 7, float("nan")]

    def program(calls: Calls, _engine: cs.Engine) -> Any:
        @inline
        def note(x: Any) -> Any:
            calls.append(("note", x))
            return x

        @inline
        def loop(n: int, x: Any = None) -> Any:
            calls.append(("loop", n, x))
            if n == 0:
                return "done"
            routes = {
                1: note("one"),
                "a": note("text"),
                None: "nothing",
                State.REST: note("rest"),
                (1, 2): note("pair"),
            }
            options: dict[str, Any] = {"default": note("default")} if default else {}
            return loop(n - 1, cs.Router(same(values[n % (len(values) if default else 6)]), routes, **options))

        return loop(30)

    seen = same_on_engines(program)
    assert seen.outcome == (str, "done")
    assert {call[1] for call in seen.calls if call[0] == "note"} >= {"one", "text", "rest"}


def test_a_task_of_a_branch_that_was_never_taken_does_not_keep_the_loop_from_being_compiled() -> None:
    rare: list[int] = []

    @cs.task(mode="thread")
    def rarely(n: int) -> Any:
        rare.append(n)
        return -n

    @inline
    def loop(n: int, x: int = 0) -> int:
        return x if n <= 0 else loop(n - 1, rarely(n).run_if(same(n == 7), otherwise=n))

    engine = inline_engine()
    assert cs.run(loop(1_000), engine=engine) == 1
    statistics = cycles(engine).statistics
    assert rare == [7]
    assert statistics["left"] == 1
    assert statistics["steps"] > 900


@pytest.mark.parametrize("kind", ["fails", "fails twice", "returns a call", "returns a list of calls", "is skipped"])
def test_what_happens_in_a_branch_is_the_same(kind: str) -> None:
    def program(calls: Calls, _engine: cs.Engine) -> Any:
        @inline
        def branch(n: int, x: Any) -> Any:
            calls.append(("branch", n, x))
            failures = {"fails": 1, "fails twice": 2}.get(kind, 0)
            if n == 6 and calls.count(("branch", n, x)) <= failures:
                raise ValueError("in the branch")
            if n == 6 and kind == "returns a call":
                return same(n)
            if n == 6 and kind == "returns a list of calls":
                return [same(n), n]
            return n

        @inline
        def loop(n: int, x: Any = "default") -> Any:
            calls.append(("loop", n, x))
            if n == 0:
                return x
            skipped = same(1).run_if(n != 6) if kind == "is skipped" else same(1)
            tried = branch.with_retry(2)(n, skipped)
            return loop(n - 1, cs.Router(same(n % 2), {0: tried, 1: same(tried)}))

        return loop(12)

    seen = same_on_engines(program)
    assert (seen.outcome[0] is ValueError) is (kind == "fails twice")


def test_a_loop_may_end_by_a_false_condition() -> None:
    def program(calls: Calls, _engine: cs.Engine) -> Any:
        @inline
        def loop(n: int) -> Any:
            calls.append(("loop", n))
            return loop(n - 1).run_if(same(n > 1), otherwise=same("ended").after(same(n)))

        return loop(12)

    assert same_on_engines(program).outcome == (str, "ended")


def test_a_loop_that_is_skipped_has_no_value() -> None:
    def program(calls: Calls, _engine: cs.Engine) -> Any:
        @inline
        def loop(n: int) -> Any:
            calls.append(("loop", n))
            return loop(n - 1).run_if(same(n > 1))

        @inline
        def consume(x: Any = "default") -> Any:
            return x

        return consume(loop(12)) if len(calls) % 2 == 0 else loop(12)

    assert same_on_engines(program).outcome == (str, "default")


def test_who_asks_for_skipped_calls_only_gets_all_of_them() -> None:
    @inline
    def loop(n: int, _x: Any = None) -> int:
        return n if n == 0 else loop(n - 1, same(n).run_if(n % 2))

    engine = inline_engine()
    cs.run(loop(100), engine=engine)
    skipped: list[str] = []
    engine.subscribe(cs.TaskSkipped, lambda event: skipped.append(event.task))
    cs.run(loop(100), engine=engine)
    assert skipped == ["same"] * 50


def test_who_asks_for_skipped_calls_does_not_slow_down_loops_that_skip_nothing() -> None:
    @inline
    def plain(n: int, _x: Any = None) -> int:
        return n if n == 0 else plain(n - 1, same(n))

    @inline
    def routed(n: int) -> int:
        return n if n == 0 else cs.Router(same(n % 2), {0: routed(n - 1), 1: routed(same(n - 1))})

    for loop in (plain, routed):
        engine = inline_engine()
        engine.subscribe(cs.TaskSkipped, print)
        cs.run(loop(100), engine=engine)
        assert engine.cycles is not None
        assert engine.cycles.statistics["steps"] >= 97


def test_a_step_that_could_take_too_many_ways_is_interpreted() -> None:
    @inline
    def loop(n: int, *_x: Any) -> int:
        return n if n == 0 else loop(n - 1, *(same(n).run_if(same(n % 2), otherwise=0) for _ in range(12)))

    engine = inline_engine()
    assert cs.run(loop(20), engine=engine) == 0
    assert cycles(engine).statistics["refused: it could take too many ways"] == 1


def test_the_paths_of_a_step_can_be_read() -> None:
    @inline
    def loop(n: int, _x: Any = 0) -> int:
        return n if n == 0 else loop(n - 1, same(n).run_if(same(n % 2)))

    engine = inline_engine()
    cs.run(loop(20), engine=engine)
    words = describe_loop(cycles(engine).loops()[0])
    for line in ("if same-0, so same-1 is called:", "if not same-0, so same-1 is skipped:", "loop-2(…, same-1)"):
        assert line in words
