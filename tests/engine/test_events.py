"""The events of a run: in order, complete, harmless, and not made when nobody wants them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from cascade import workflow as cs
from cascade.runtime.bus import MessageBus
from cascade.spec.events import Event
from cascade.testing import FakeClock, LoopClock, RecordingBus
from tests.support.running import run_virtually


@cs.resource
def connection() -> Iterator[str]:
    yield "connection"


@cs.task(mode="inline")
def join(*parts: Any) -> Any:
    return "".join(map(str, parts))


@cs.task(mode="inline")
def loop(n: int, _parts: str = "", _connection: str = cs.Inject(connection)) -> str:
    return "done" if n == 0 else loop(n - 1, join(join(n), "x"))


@cs.task
async def wait(seconds: float) -> float:
    await asyncio.sleep(seconds)
    return seconds


@cs.task
def fail() -> None:
    raise LookupError("broken")


def recorded(target: Any, *kinds: type[Event]) -> list[Event]:
    bus = RecordingBus(*kinds)
    run_virtually(target, cs.Engine(bus=bus, clock=LoopClock()))
    return bus.events


def names(events: list[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


def test_the_events_of_a_small_run() -> None:
    assert names(recorded(join(join("a"), "b"))) == [
        "RunStarted",
        "TaskExecutionStarted",
        "TaskExecutionFinished",
        "TaskExecutionStarted",
        "TaskExecutionFinished",
        "RunFinished",
    ]


def test_a_run_begins_and_ends_once_and_everything_is_between() -> None:
    events = recorded([loop(3), wait(1), join(join("a")).run_if(False, otherwise=1)])
    assert names(events)[0] == "RunStarted"
    assert names(events)[-1] == "RunFinished"
    assert names(events).count("RunStarted") == names(events).count("RunFinished") == 1
    assert len({event.run_id for event in events}) == 1
    assert [event.timestamp for event in events] == sorted(event.timestamp for event in events)


def test_every_start_has_one_finish_behind_it() -> None:
    events = recorded([loop(3), wait(1), wait(2)])
    open_nodes: set[tuple[Any, int]] = set()
    for event in events:
        if isinstance(event, cs.TaskExecutionStarted):
            assert (event.node_id, event.step) not in open_nodes
            open_nodes.add((event.node_id, event.step))
        elif isinstance(event, cs.TaskExecutionFinished):
            open_nodes.remove((event.node_id, event.step))
    assert open_nodes == set()


def test_a_node_finishes_before_its_consumer_starts() -> None:
    """join <- join <- wait"""
    events = [(type(e).__name__, e.node_id) for e in recorded(join(join(wait(1)))) if isinstance(e, cs.TaskEvent)]
    finished = {node: place for place, (kind, node) in enumerate(events) if kind == "TaskExecutionFinished"}
    started = {node: place for place, (kind, node) in enumerate(events) if kind == "TaskExecutionStarted"}
    order = sorted(started, key=started.__getitem__)
    assert len(order) == 3
    for source, consumer in pairwise(order):
        assert finished[source] < started[consumer]


def test_task_events_carry_name_node_and_step() -> None:
    events = [event for event in recorded(loop(2), cs.TaskExecutionStarted) if isinstance(event, cs.TaskEvent)]
    assert [(event.task, event.step) for event in events] == [
        ("loop", 1),
        ("join", 2),
        ("join", 2),
        ("loop", 2),
        ("join", 3),
        ("join", 3),
        ("loop", 3),
    ]
    by_step = {step: {event.node_id for event in events if event.step == step} for step in (2, 3)}
    assert by_step[2] == by_step[3], "a node's name is reproducible"
    assert len(by_step[2]) == 3


def test_a_label_is_the_name_in_events() -> None:
    (event,) = recorded(join("a").named("the label"), cs.TaskExecutionStarted)
    assert isinstance(event, cs.TaskEvent)
    assert event.task == "the label"


def test_durations_are_those_of_the_clock() -> None:
    bus = RecordingBus()
    run_virtually([wait(2), wait(5)], cs.Engine(bus=bus, clock=LoopClock(epoch_s=1_000)))
    assert sorted(event.duration_s for event in bus.of(cs.TaskExecutionFinished)) == pytest.approx([2, 5])
    (finished,) = bus.of(cs.RunFinished)
    assert finished.duration_s == pytest.approx(5)
    assert finished.timestamp == pytest.approx(1_005)


def test_the_end_of_a_run_counts_its_steps() -> None:
    (finished,) = recorded(loop(4), cs.RunFinished)
    assert isinstance(finished, cs.RunFinished)
    assert (finished.status, finished.steps, finished.error) == ("Succeeded", 5, None)


def test_a_failed_task_finishes_with_its_error() -> None:
    bus = RecordingBus(cs.TaskExecutionFinished)
    with pytest.raises(LookupError) as caught:
        cs.run(join(fail()), engine=cs.Engine(bus=bus))
    (event,) = bus.of(cs.TaskExecutionFinished)
    assert (event.task, event.status, event.error) == ("fail", "Failed", caught.value)


def test_a_target_that_is_refused_publishes_nothing() -> None:
    bus = RecordingBus()
    with pytest.raises(cs.ParameterError):
        cs.run(join(cs.Param("missing")), engine=cs.Engine(bus=bus))
    assert bus.events == []


@pytest.mark.parametrize("kind", [cs.RunEvent, cs.TaskEvent, cs.ResourceEvent, Event])
def test_subscribing_to_a_base_class_gets_its_subclasses(kind: type[Event]) -> None:
    everything, wanted = RecordingBus(), RecordingBus(kind)
    for bus in (everything, wanted):
        run_virtually([loop(1), join("a").run_if(False, otherwise=2)], cs.Engine(bus=bus, clock=FakeClock()))
    assert names(wanted.events) == names(everything.of(kind))
    assert wanted.events


def test_a_subscriber_that_raises_harms_nothing(caplog: pytest.LogCaptureFixture) -> None:
    engine = cs.Engine()
    seen: list[Event] = []

    def broken(_event: Event) -> None:
        raise RuntimeError("broken subscriber")

    engine.subscribe(Event, broken)
    engine.subscribe(Event, seen.append)
    assert cs.run([loop(2), wait(0)], engine=engine) == ["done", 0]
    assert len(seen) > 5
    assert "a subscriber to RunStarted raised" in caplog.text


def test_a_subscriber_may_leave_and_join_during_a_run() -> None:
    engine = cs.Engine()
    seen: list[str] = []

    def on_start(event: cs.TaskExecutionStarted) -> None:
        seen.append(f"started {event.step}")
        leave()

    leave = engine.subscribe(cs.TaskExecutionStarted, on_start)
    assert cs.run(loop(3), engine=engine) == "done"
    assert seen == ["started 1"]


class CountingBus(MessageBus):
    """Counts what is published."""

    def __init__(self) -> None:
        super().__init__()
        self.published: list[Event] = []

    def publish(self, event: Event) -> None:
        self.published.append(event)
        super().publish(event)


def test_no_event_is_made_that_nobody_wants() -> None:
    bus = CountingBus()
    engine = cs.Engine(bus=bus)
    target = [loop(3), wait(0), join("a").run_if(False, otherwise=1), join("b").with_retry(2)]
    run_virtually(target, engine)
    assert bus.published == []
    leave = engine.subscribe(cs.RunFinished, lambda event: None)
    run_virtually(target, engine)
    assert names(bus.published) == ["RunFinished"]
    leave()
    run_virtually(target, engine)
    assert names(bus.published) == ["RunFinished"]


def test_a_loop_that_somebody_watches_says_how_far_it_is() -> None:
    clock = FakeClock()
    bus = RecordingBus(cs.LoopProgress)

    @cs.task
    async def step(n: int) -> str:
        clock.advance(0.5)
        await asyncio.sleep(0.5)
        return "done" if n == 0 else step(n - 1)

    run_virtually(step(9), cs.Engine(bus=bus, clock=clock))
    events = bus.of(cs.LoopProgress)
    steps = [event.steps for event in events]
    assert steps == sorted(steps)
    assert 8 <= len(events) <= 11
    assert events[-1].steps >= 9
    assert events[-1].task == "step"
    assert events[-1].steps_per_s == pytest.approx(2)


def test_progress_is_published_at_most_ten_times_a_second() -> None:
    bus = RecordingBus(cs.LoopProgress)

    @cs.task
    async def step(n: int) -> str:
        await asyncio.sleep(0.01)
        return "done" if n == 0 else step(n - 1)

    run_virtually(step(199), cs.Engine(bus=bus, clock=LoopClock()))
    moments = [event.timestamp for event in bus.of(cs.LoopProgress)]
    assert 15 <= len(moments) <= 21
    assert min(after - before for before, after in pairwise(moments)) > 0.099
