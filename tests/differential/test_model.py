"""The model itself: programs whose meaning was worked out by hand, and what the random ones reach."""

from __future__ import annotations

from collections import Counter

from hypothesis import HealthCheck, Phase, given, settings

from .account import Failed, Skipped, Value
from .model import Model
from .programs import FUEL, Arg, Block, Call, Expr, Lit, Map, Options, Parameter, Program, Ref, Route, Spent, TaskSpec
from .scope import Failure, Undefined
from .strategies import SAME, programs
from .values import Fault, freeze

DEFAULTED = TaskSpec(1, "defaulted", (Parameter("value", Lit(7)),), operation="same")
FAILING = TaskSpec(2, "failing", (Parameter("value", Lit(0)),), operation="same", fails_first=2)
LOOP = TaskSpec(
    3,
    "loop",
    (Parameter(FUEL), Parameter("last", Lit("end"))),
    operation="listing",
    is_loop=True,
    returns=(Block((), Call(3, (Spent(), Arg(FUEL)))),),
)
TASKS = (SAME, DEFAULTED, FAILING, LOOP)


def same(part: Expr, options: Options | None = None) -> Call:
    return Call(0, (part,), options=options or Options())


def run(*blocks: Expr) -> tuple[Model, Value | Skipped | Failed]:
    model = Model(Program(TASKS, Block(blocks[:-1], blocks[-1])))
    return model, model.run()


def names(model: Model) -> list[str]:
    return [TASKS[call.task].name for call in model.account.calls]


def test_a_shared_call_is_made_once_and_its_consumers_need_it() -> None:
    model, outcome = run(same(Lit(1)), Call(1, (Ref(0),)), same(Call(1, (Ref(0),))))
    assert outcome == Value(1, 0b111)
    assert names(model) == ["same", "defaulted", "same"]
    assert [call.needs for call in model.account.calls] == [0, 0b1, 0b11]


def test_a_route_that_is_not_taken_is_not_evaluated() -> None:
    model, outcome = run(Route(same(Lit("a")), (("a", Lit(1)), ("b", same(Lit(2))))))
    assert outcome == Value(1, 0b1)
    assert names(model) == ["same"]


def test_a_skipped_argument_takes_the_default_or_skips_the_consumer() -> None:
    skipped = same(Lit(1), Options(condition=Lit(False)))
    model, outcome = run(skipped, Call(1, (Ref(0),)))
    assert isinstance(outcome, Value)
    assert outcome.value == 7
    model, outcome = run(skipped, same(Ref(0)))
    assert outcome == Skipped("UpstreamSkipped_Data", 0)
    assert model.account.skipped == {("same", "ConditionFalse"): 1, ("same", "UpstreamSkipped_Data"): 1}
    _, outcome = run(skipped, same(Lit(1), Options(after=(Ref(0),))))
    assert outcome == Skipped("UpstreamSkipped_Sequence", 0)


def test_attempts_are_counted_and_the_last_error_counts() -> None:
    model, outcome = run(Call(2, (), options=Options(attempts=3)))
    assert outcome == Value(0, 0b111)
    assert model.account.retried == {"failing": 2}
    model, outcome = run(Call(2, (), options=Options(attempts=2)))
    assert outcome == Failed(frozenset({Fault("TaskError", "failing failed at attempt 2")}), 0b11)


def test_of_two_failures_any_may_be_the_first() -> None:
    other = Call(0, (Route(Lit(0), ((1, Lit(1)),)),))
    _, outcome = run(Call(0, (Call(2, ()),)), Call(3, (Ref(0), other)))
    assert outcome == Failed(
        frozenset({Fault("TaskError", "failing failed at attempt 1"), Fault("RouteNotFoundError", "")}), 0
    )


def test_a_tail_call_is_the_next_step_and_a_loop_inside_a_node_is_not() -> None:
    model, outcome = run(Call(3, (Lit(3),)))
    assert isinstance(outcome, Value)
    assert outcome.value == [0, 1]
    assert model.account.steps == 4
    model, outcome = run(same(Call(3, (Lit(3),))))
    assert model.account.steps == 1


def test_failures_of_items_are_values_and_what_they_did_besides_is_optional() -> None:
    model, outcome = run(Map(2, (("value", Lit([1, 2])),), keeps_failures=True, options=Options(attempts=2)))
    assert isinstance(outcome, Value)
    fault = Fault("TaskError", "failing failed at attempt 2")
    assert freeze(outcome.value) == freeze([Failure(fault, 0), Failure(fault, 1)])
    assert model.account.optional == 0


def test_random_programs_reach_what_they_are_for() -> None:
    reached: Counter[str] = Counter()

    @settings(
        max_examples=300,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(program=programs(loops=2))
    def count(program: Program) -> None:
        model = Model(program)
        try:
            outcome = model.run()
        except Undefined:
            reached["undefined"] += 1
            return
        reached[type(outcome).__name__] += 1
        if isinstance(outcome, Failed):
            reached.update(fault.kind for fault in outcome.faults)
            reached["several first failures"] += len(outcome.faults) > 1
        reached["loops of several steps"] += model.account.steps > 2
        reached["retries"] += bool(model.account.retried)
        reached["optional calls"] += bool(model.account.optional)
        reached["more than ten calls"] += len(model.account.calls) > 10
        reached.update({reason for _, reason in model.account.skipped})

    count()
    expected = (
        "Value", "Failed", "Skipped", "TaskError", "TypeError", "RouteNotFoundError", "several first failures",
        "loops of several steps", "retries", "more than ten calls",
        "ConditionFalse", "UpstreamSkipped_Data", "UpstreamSkipped_Sequence",
    )  # fmt: skip
    assert {name: reached[name] for name in expected if not reached[name]} == {}
    assert reached["undefined"] < 30
