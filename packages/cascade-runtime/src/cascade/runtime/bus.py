"""`MessageBus`: delivers events to subscribers, in the thread that publishes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any, TypeVar, cast

from cascade.spec.events import Event

E = TypeVar("E", bound=Event)

Handler = Callable[[Any], Any]

_log = logging.getLogger("cascade.bus")


class MessageBus:
    """Subscriptions by class of event; a subscriber to a base class gets the subclasses, too.

    A handler is called at once and should be quick: the run waits for it. What it raises is logged (logger
    ``cascade.bus``) and never reaches the run.

    Example:
        >>> from cascade import workflow as cs
        >>> from cascade.runtime.bus import MessageBus
        >>> bus, seen = MessageBus(), []
        >>> unsubscribe = bus.subscribe(cs.RunFinished, lambda event: seen.append(event.status))
        >>> @cs.task
        ... def one() -> int:
        ...     return 1
        >>> cs.run(one(), engine=cs.Engine(bus=bus)), seen
        (1, ['Succeeded'])
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._subscriptions: tuple[tuple[type[Event], Handler], ...] = ()
        self._routes: dict[type[Event], tuple[Handler, ...]] = {}

    def subscribe(self, kind: type[E], handler: Callable[[E], Any]) -> Callable[[], None]:
        """Call the handler with every event of this class.

        Returns:
            A function that ends the subscription; calling it again does nothing.
        """
        if not (isinstance(kind, type) and issubclass(kind, Event)):
            raise TypeError(f"subscribe() takes a class of events first, not {kind!r}")
        if not callable(handler):
            raise TypeError(f"subscribe() takes a callable handler, not {handler!r}")
        # One handler may be subscribed twice, so subscriptions are told apart by identity of the pair.
        subscription: tuple[type[Event], Handler] = (kind, cast(Handler, handler))
        self._replace(lambda subscriptions: (*subscriptions, subscription))

        def unsubscribe() -> None:
            self._replace(lambda subscriptions: tuple(other for other in subscriptions if other is not subscription))

        return unsubscribe

    def publish(self, event: Event) -> None:
        """Deliver an event to its subscribers, in the order of their subscription."""
        for handler in self._handlers(type(event)):
            try:
                handler(event)
            except Exception:  # a subscriber never harms the run
                _log.exception("a subscriber to %s raised; the run goes on", type(event).__name__)

    def wants(self, kind: type[Event]) -> bool:
        """Whether anybody would get an event of exactly this class."""
        return bool(self._handlers(kind))

    def _handlers(self, kind: type[Event]) -> tuple[Handler, ...]:
        handlers = self._routes.get(kind)
        if handlers is None:
            with self._lock:
                handlers = self._routes[kind] = tuple(
                    handler for wanted, handler in self._subscriptions if issubclass(kind, wanted)
                )
        return handlers

    def _replace(
        self,
        change: Callable[[tuple[tuple[type[Event], Handler], ...]], tuple[tuple[type[Event], Handler], ...]],
    ) -> None:
        with self._lock:
            self._subscriptions = change(self._subscriptions)
            self._routes = {}


__all__ = ["MessageBus"]
