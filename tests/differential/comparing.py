"""Holds an observation against the model. What is compared, and how precisely, is said in `model`."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from cascade import workflow as cs

from .account import Account, Failed, Outcome, Skipped, Value
from .model import Model
from .programs import Program
from .translate import CAPACITY, LONGEST_RUN_S, Observation, Translation
from .values import Fault, fault_of, freeze

Calls = Counter[tuple[int, str]]


def check(program: Program, engine: cs.Engine, observed: Sequence[bool] = (False, False, True)) -> None:
    """Run a program on an engine, several times, and compare everything with the model.

    Args:
        program: The program.
        engine: The engine.
        observed: For each run, whether somebody listens to its events.

    Raises:
        AssertionError: Something differs.
        Undefined: The program has no one meaning.
    """
    model = Model(program)
    outcome = model.run()
    translation = Translation(program)
    for is_observed in observed:
        seen = translation.run(engine, is_observed)
        check_nothing_is_left(seen)
        check_outcome(outcome, seen)
        check_calls(model.account, outcome, seen)
        check_order(model.account, seen)
        check_resources(program, model.account, outcome, seen)
        if is_observed:
            check_events_are_well_formed(seen)
            check_events(model.account, outcome, seen)


def check_nothing_is_left(seen: Observation) -> None:
    """Every attempt that began has ended, every resource is closed, no asyncio task runs, the capacity was kept."""
    assert not (isinstance(seen.error, TimeoutError) and str(seen.error) == ""), f"no end within {LONGEST_RUN_S:g} s"
    assert seen.left_running == []
    begun = Counter(entry[1:] for entry in seen.log if entry[0] == "begin")
    ended = Counter(entry[1:] for entry in seen.log if entry[0] == "end")
    assert begun == ended, "attempts were still running when the run had ended"
    assert seen.in_use == 0
    assert seen.most_in_use <= CAPACITY


def check_outcome(outcome: Outcome, seen: Observation) -> None:
    """The same value with the same types, or one of the errors that can come first."""
    got: Any = ("value", freeze(seen.value)) if seen.error is None else ("error", fault_of(seen.error))
    expected: list[Any]
    match outcome:
        case Value(value):
            expected = [("value", freeze(value))]
        case Skipped("UpstreamSkipped_Sequence"):
            expected = [("value", freeze(None))]
        case Skipped():
            expected = [("error", Fault("DependencyMissingError", ""))]
        case Failed():
            expected = [("error", fault) for fault in outcome.faults]
    assert got in expected, f"got {got}; expected one of {expected}"


def check_calls(account: Account, outcome: Outcome, seen: Observation) -> None:
    """The same calls with the same arguments, as often."""
    allowed: Calls = Counter((call.task, call.arguments) for call in account.calls)
    required: Calls = Counter(
        (call.task, call.arguments)
        for index, call in enumerate(account.calls)
        if (outcome.needs if isinstance(outcome, Failed) else ~account.optional) >> index & 1
    )
    made: Calls = Counter((task, arguments) for moment, task, arguments in seen.log if moment == "begin")
    assert not made - allowed, "calls that should not have been made"
    assert not required - made, "calls that should have been made"


def check_order(account: Account, seen: Observation) -> None:
    """A call begins after the end of every call that it needs. Calls that are alike cannot be told apart."""
    keys = [(call.task, call.arguments) for call in account.calls]
    expected = Counter(keys)
    begins: dict[tuple[int, str], list[int]] = defaultdict(list)
    ends: dict[tuple[int, str], list[int]] = defaultdict(list)
    for moment, (what, task, arguments) in enumerate(seen.log):
        (begins if what == "begin" else ends)[task, arguments].append(moment)
    for index, call in enumerate(account.calls):
        key = keys[index]
        if expected[key] > 1 or len(begins[key]) != 1:
            continue
        for earlier in range(index):
            needed = keys[earlier]
            if call.needs >> earlier & 1 and expected[needed] == 1:
                assert ends[needed], f"{key} was called, but {needed}, which it needs, was not"
                assert ends[needed][0] < begins[key][0], f"{key} began before the end of {needed}"


def check_resources(program: Program, account: Account, outcome: Outcome, seen: Observation) -> None:
    """Opened where they are used, at most once in their scope; of one scope, closed in reverse order."""
    open_now: list[str] = []
    opened: Counter[str] = Counter()
    for entry in seen.resources:
        name = entry[1:]
        if entry[0] == "+":
            assert name not in open_now, f"{name} was opened twice"
            open_now.append(name)
            opened[name] += 1
        else:
            inner = [other for other in open_now if program.resources[other] == program.resources[name]]
            assert inner[-1:] == [name], f"{name} was closed while {inner[-1:]} was open"
            open_now.remove(name)
    assert open_now == [], "resources were left open"
    for name, scope in program.resources.items():
        steps = account.used.get(name, set())
        most = min(1, len(steps)) if scope == "run" else len(steps)
        assert opened[name] <= most, f"{name} was opened {opened[name]} times"
        if isinstance(outcome, Value) and not account.skipped and not account.optional:
            assert opened[name] == most, f"{name} was opened {opened[name]} times instead of {most}"


def check_events_are_well_formed(seen: Observation) -> None:
    """One start and one end of the run around everything; every node that started has finished exactly once."""
    events = [event for event in seen.events if not isinstance(event, cs.LoopProgress)]
    if not events:  # the target was refused before anything began
        assert seen.error is not None
        return
    assert [type(event) for event in events[:1]] == [cs.RunStarted]
    assert [type(event) for event in events[-1:]] == [cs.RunFinished]
    assert sum(isinstance(event, (cs.RunStarted, cs.RunFinished)) for event in events) == 2
    assert len({event.run_id for event in events}) == 1
    running: set[tuple[str, int]] = set()
    held: list[str] = []
    for event in events:
        match event:
            case cs.TaskExecutionStarted():
                assert (event.node_id, event.step) not in running, f"{event.node_id} started twice"
                running.add((event.node_id, event.step))
            case cs.TaskExecutionFinished():
                assert (event.node_id, event.step) in running, f"{event.node_id} finished without a start"
                assert (event.status == "Succeeded") == (event.error is None)
                running.remove((event.node_id, event.step))
            case cs.TaskRetrying():
                assert (event.node_id, event.step) in running
            case cs.ResourceAcquired():
                held.append(f"+{event.resource}")
            case cs.ResourceReleased():
                held.append(f"-{event.resource}")
    assert not running, f"never finished: {running}"
    assert held == seen.resources


def check_events(account: Account, outcome: Outcome, seen: Observation) -> None:
    """The same nodes, skips and retries by name, and the number of steps."""
    started = Counter(event.task for event in seen.events if isinstance(event, cs.TaskExecutionStarted))
    skipped = Counter((event.task, str(event.reason)) for event in seen.events if isinstance(event, cs.TaskSkipped))
    retried = Counter(event.task for event in seen.events if isinstance(event, cs.TaskRetrying))
    if isinstance(outcome, Failed) or account.optional:
        assert started <= account.started
        assert skipped <= account.skipped, "skips that should not have been"
        assert retried <= account.retried
    else:
        assert started == account.started
        assert skipped == account.skipped
        assert retried == account.retried
    finished = next(event for event in reversed(seen.events) if isinstance(event, cs.RunFinished))
    failed = isinstance(outcome, Failed) or (isinstance(outcome, Skipped) and seen.error is not None)
    assert finished.status == ("Failed" if failed else "Succeeded")
    assert finished.error is seen.error
    if not isinstance(outcome, Failed):
        assert finished.steps == account.steps


__all__ = ["check", "check_events_are_well_formed", "check_nothing_is_left"]
