"""`RecordingBus`: an event bus that keeps what was published."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar, cast

from cascade.spec.events import Event

E = TypeVar("E", bound=Event)


class RecordingBus:
    """Keeps all events in the order of their publication, and delivers them to subscribers, too.

    Args:
        *kinds: The classes of events that it wants; subclasses are wanted, too. By default all. An event that nobody
            wants is never made by the engine, and is not kept if it is published all the same.

    Attributes:
        events: What was published, the oldest first.
        failures: What subscribers raised.

    Example:
        >>> from cascade import workflow as cs
        >>> bus = RecordingBus(cs.RunEvent)
        >>> @cs.task
        ... def one() -> int:
        ...     return 1
        >>> cs.run(one(), engine=cs.Engine(bus=bus))
        1
        >>> [type(event).__name__ for event in bus.events]
        ['RunStarted', 'RunFinished']
    """

    def __init__(self, *kinds: type[Event]) -> None:
        self._kinds = kinds or (Event,)
        self._subscriptions: list[tuple[type[Event], Callable[[Any], Any]]] = []
        self._lock = threading.Lock()
        self.events: list[Event] = []
        self.failures: list[Exception] = []

    def of(self, kind: type[E]) -> list[E]:
        """The events of a class and its subclasses, in order."""
        with self._lock:
            return [event for event in self.events if isinstance(event, kind)]

    def clear(self) -> None:
        """Forget what was published so far."""
        with self._lock:
            self.events.clear()

    def subscribe(self, kind: type[E], handler: Callable[[E], Any]) -> Callable[[], None]:
        """Call the handler with every event of this class; the returned function ends the subscription."""
        subscription = (cast("type[Event]", kind), cast("Callable[[Any], Any]", handler))
        with self._lock:
            self._subscriptions.append(subscription)

        def unsubscribe() -> None:
            with self._lock:
                self._subscriptions = [other for other in self._subscriptions if other is not subscription]

        return unsubscribe

    def publish(self, event: Event) -> None:
        """Keep an event and deliver it; what a subscriber raises is kept in ``failures``."""
        with self._lock:
            if isinstance(event, self._kinds):
                self.events.append(event)
            handlers = [handler for kind, handler in self._subscriptions if isinstance(event, kind)]
        for handler in handlers:
            try:
                handler(event)
            except Exception as error:  # a subscriber never harms the run
                self.failures.append(error)

    def wants(self, kind: type[Event]) -> bool:
        """Whether the bus or a subscriber takes events of this class."""
        wanted = (*self._kinds, *(subscribed for subscribed, _ in self._subscriptions))
        return issubclass(kind, wanted)


__all__ = ["RecordingBus"]
