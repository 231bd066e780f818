"""Events are records: named fields, defaults, immutable, and strict about what they are made of."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from cascade.spec import events
from cascade.spec.events import Event, LoopProgress, RunFinished, RunStarted, TaskExecutionFinished
from cascade.spec.identifiers import RunId

RUN: dict[str, Any] = {"run_id": RunId("r"), "timestamp": 1.0}


def test_an_event_has_the_fields_of_its_bases_first() -> None:
    assert RunStarted.field_names == ("run_id", "timestamp", "target")
    assert TaskExecutionFinished.field_names[:5] == ("run_id", "timestamp", "task", "node_id", "step")
    event = RunStarted(**RUN, target="t")
    assert (event.run_id, event.timestamp, event.target) == ("r", 1.0, "t")


def test_a_field_with_a_default_may_be_left_out() -> None:
    event = RunFinished(**RUN, status="Succeeded", duration_s=1.0, steps=1)
    assert event.error is None


def test_a_missing_field_is_named() -> None:
    with pytest.raises(TypeError, match=r"RunStarted\(\) needs target"):
        RunStarted(**RUN)


def test_an_unknown_field_is_named() -> None:
    kind: Any = RunStarted
    with pytest.raises(TypeError, match=r"RunStarted\(\) has no field colour"):
        kind(**RUN, target="t", colour="red")


def test_an_event_cannot_be_changed() -> None:
    event: Any = RunStarted(**RUN, target="t")
    with pytest.raises(AttributeError, match=r"events cannot be changed: RunStarted\.target"):
        event.target = "u"
    with pytest.raises(AttributeError, match="events cannot be changed"):
        del event.target


def test_the_text_of_an_event_shows_its_fields() -> None:
    assert repr(RunStarted(**RUN, target="t")) == "RunStarted(run_id='r', timestamp=1.0, target='t')"


def test_every_class_of_the_module_describes_its_fields() -> None:
    kinds = [getattr(events, name) for name in events.__all__ if isinstance(getattr(events, name), type)]
    assert LoopProgress in kinds
    for kind in kinds:
        assert issubclass(kind, Event)
        assert kind.__doc__
        assert all(f"{name}:" in kind.__doc__ for name in inspect.get_annotations(kind)), kind
