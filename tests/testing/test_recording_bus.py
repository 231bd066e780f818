"""What the recording bus keeps, wants and delivers."""

from __future__ import annotations

import pytest

from cascade.spec.events import (
    Event,
    LoopProgress,
    RunEvent,
    RunFinished,
    RunStarted,
    TaskEvent,
    TaskExecutionStarted,
    TaskSkipped,
)
from cascade.spec.identifiers import NodeId, RunId
from cascade.spec.protocols import EventBus
from cascade.testing import RecordingBus

STARTED = RunStarted(run_id=RunId("r"), timestamp=1, target="load")
BEGUN = TaskExecutionStarted(run_id=RunId("r"), timestamp=2, task="load", node_id=NodeId("load-0"), step=1)
FINISHED = RunFinished(run_id=RunId("r"), timestamp=3, status="Succeeded", duration_s=2, steps=1)


def test_it_is_an_event_bus() -> None:
    assert isinstance(RecordingBus(), EventBus)


def test_events_are_kept_in_order_and_found_by_class() -> None:
    bus = RecordingBus()
    for event in (STARTED, BEGUN, FINISHED):
        bus.publish(event)
    assert bus.events == [STARTED, BEGUN, FINISHED]
    assert bus.of(RunEvent) == [STARTED, FINISHED]
    assert bus.of(TaskExecutionStarted) == [BEGUN]
    assert bus.of(TaskSkipped) == []


def test_by_default_it_wants_everything() -> None:
    bus = RecordingBus()
    assert bus.wants(TaskExecutionStarted)
    assert bus.wants(LoopProgress)


def test_a_limited_bus_wants_and_keeps_only_its_classes() -> None:
    bus = RecordingBus(RunStarted, TaskEvent)
    assert [kind for kind in (RunStarted, TaskSkipped, RunFinished, Event) if bus.wants(kind)] == [
        RunStarted,
        TaskSkipped,
    ]
    for event in (STARTED, BEGUN, FINISHED):
        bus.publish(event)
    assert bus.events == [STARTED, BEGUN]


def test_a_subscriber_makes_a_limited_bus_want_its_class_until_it_leaves() -> None:
    bus = RecordingBus(RunStarted)
    seen: list[Event] = []
    unsubscribe = bus.subscribe(TaskEvent, seen.append)
    assert bus.wants(TaskExecutionStarted)
    bus.publish(BEGUN)
    unsubscribe()
    bus.publish(BEGUN)
    assert seen == [BEGUN]
    assert not bus.wants(TaskExecutionStarted)


def test_what_a_subscriber_raises_is_kept_and_the_next_is_called() -> None:
    bus = RecordingBus()
    seen: list[Event] = []

    def fail(_event: Event) -> None:
        raise ValueError("broken subscriber")

    bus.subscribe(Event, fail)
    bus.subscribe(Event, seen.append)
    bus.publish(STARTED)
    assert seen == [STARTED]
    with pytest.raises(ValueError, match="broken subscriber"):
        raise bus.failures[0]


def test_clearing_forgets_what_was_published() -> None:
    bus = RecordingBus()
    bus.publish(STARTED)
    bus.clear()
    assert bus.events == []
