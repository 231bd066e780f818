"""The message bus: who gets which event, in which order, and what a broken subscriber may not do."""

from __future__ import annotations

import logging
import threading
from typing import Any

import pytest

from cascade.runtime.bus import MessageBus
from cascade.spec.events import Event, RunEvent, RunFinished, RunStarted, TaskEvent, TaskSkipped
from cascade.spec.identifiers import NodeId, RunId
from cascade.spec.protocols import EventBus

STARTED = RunStarted(run_id=RunId("r"), timestamp=0, target="t")
FINISHED = RunFinished(run_id=RunId("r"), timestamp=1, status="Succeeded", duration_s=1, steps=1)
SKIPPED = TaskSkipped(run_id=RunId("r"), timestamp=2, task="t", node_id=NodeId("t-0"), step=1, reason="ConditionFalse")


def publish_all(bus: MessageBus) -> None:
    for event in (STARTED, SKIPPED, FINISHED):
        bus.publish(event)


def test_it_is_an_event_bus() -> None:
    assert isinstance(MessageBus(), EventBus)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (RunStarted, [STARTED]),
        (RunEvent, [STARTED, FINISHED]),
        (TaskEvent, [SKIPPED]),
        (Event, [STARTED, SKIPPED, FINISHED]),
    ],
)
def test_a_subscriber_gets_the_events_of_its_class_and_the_subclasses(kind: type[Event], expected: list[Event]) -> None:
    bus = MessageBus()
    seen: list[Event] = []
    bus.subscribe(kind, seen.append)
    publish_all(bus)
    assert seen == expected


def test_subscribers_are_called_in_the_order_of_their_subscription() -> None:
    bus = MessageBus()
    seen: list[str] = []
    bus.subscribe(Event, lambda event: seen.append("first"))
    bus.subscribe(RunStarted, lambda event: seen.append("second"))
    bus.subscribe(RunEvent, lambda event: seen.append("third"))
    bus.publish(STARTED)
    assert seen == ["first", "second", "third"]


def test_wanted_is_what_somebody_subscribed_to_or_a_subclass_of_it() -> None:
    bus = MessageBus()
    assert not bus.wants(RunStarted)
    leave = bus.subscribe(RunEvent, lambda event: None)
    assert bus.wants(RunStarted)
    assert not bus.wants(TaskSkipped)
    leave()
    assert not bus.wants(RunStarted)


def test_unsubscribing_ends_one_subscription_and_may_be_repeated() -> None:
    bus = MessageBus()
    seen: list[Event] = []
    leave = bus.subscribe(Event, seen.append)
    bus.subscribe(Event, seen.append)
    bus.publish(STARTED)
    leave()
    leave()
    bus.publish(FINISHED)
    assert seen == [STARTED, STARTED, FINISHED]


def test_what_a_subscriber_raises_is_logged_and_the_others_are_called(caplog: pytest.LogCaptureFixture) -> None:
    bus = MessageBus()
    seen: list[Event] = []

    def broken(_event: Event) -> None:
        raise LookupError("broken subscriber")

    bus.subscribe(Event, broken)
    bus.subscribe(Event, seen.append)
    with caplog.at_level(logging.ERROR, "cascade.bus"):
        bus.publish(STARTED)
    assert seen == [STARTED]
    assert [record.name for record in caplog.records] == ["cascade.bus"]
    assert "broken subscriber" in caplog.text


def test_a_subscriber_may_subscribe_and_unsubscribe_while_an_event_is_delivered() -> None:
    bus = MessageBus()
    seen: list[str] = []

    def once(_event: Event) -> None:
        seen.append("once")
        leave()
        bus.subscribe(Event, lambda event: seen.append("new"))

    leave = bus.subscribe(Event, once)
    bus.publish(STARTED)
    bus.publish(FINISHED)
    assert seen == ["once", "new"]


@pytest.mark.parametrize(("kind", "handler"), [(str, print), ("RunStarted", print), (Event, "no handler")])
def test_what_is_no_subscription_is_refused(kind: Any, handler: Any) -> None:
    with pytest.raises(TypeError, match=r"subscribe\(\) takes"):
        MessageBus().subscribe(kind, handler)


def test_threads_may_subscribe_publish_and_leave_at_once() -> None:
    bus = MessageBus()
    counts = [0] * 4
    together = threading.Barrier(4)

    def live(me: int) -> None:
        def count(_event: Event) -> None:
            if threading.get_ident() == mine:
                counts[me] += 1

        mine = threading.get_ident()
        together.wait(timeout=30)
        for _ in range(200):
            leave = bus.subscribe(RunStarted, count)
            bus.publish(STARTED)
            leave()
            bus.publish(STARTED)

    threads = [threading.Thread(target=live, args=(me,)) for me in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [200] * 4
    assert not bus.wants(RunStarted)
