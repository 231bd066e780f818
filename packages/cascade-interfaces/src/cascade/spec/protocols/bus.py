"""`EventBus`: carries events from the engine to subscribers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar, runtime_checkable

from cascade.spec.events import Event

E = TypeVar("E", bound=Event)


@runtime_checkable
class EventBus(Protocol):
    """Delivers events to those who subscribed to their class or one of its bases.

    Implementers:
        One bus serves many runs, in several event loops and threads at once. Handlers are called at once, on the
        thread that publishes; what they raise is reported and never reaches the publisher.
    """

    def subscribe(self, kind: type[E], handler: Callable[[E], Any]) -> Callable[[], None]:
        """Call the handler with every event of this class; the returned function ends the subscription."""
        ...

    def publish(self, event: Event) -> None:
        """Deliver an event."""
        ...

    def wants(self, kind: type[Event]) -> bool:
        """Whether anybody would get an event of exactly this class; the engine does not make it otherwise."""
        ...


__all__ = ["EventBus"]
