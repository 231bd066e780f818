"""`CachedCalls`: the calls of a run whose results are kept in caches.

A node with a cache is run in two phases. The first looks the value up, and waits if an equal call is under way; it
holds neither a place in the executor nor a capacity, so what it waits for can always go on. If there is no value, the
node has the *lead* (see `cascade.runtime.single_flight`) and is run like any other node. It keeps the lead until its
value is final and stored: the task may have returned a call of more tasks, which is evaluated first.

The cache is asked by whoever has the lead only. To look before asking for the lead would let two calls run: the second
might look before the first has stored its value, and ask after it has landed.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from typing import Any, Final

from cascade.runtime.processor import NodeCall, without_resources
from cascade.runtime.run_context import RunContext
from cascade.runtime.single_flight import FLIGHTS, Flight, Landed, Lead
from cascade.runtime.strategies.frame import Frame
from cascade.runtime.strategies.mapping import MapRun
from cascade.spec.common import LiteralValue
from cascade.spec.errors import UnstorableValueError
from cascade.spec.events import CacheHit

Process = Callable[[NodeCall], Coroutine[Any, Any, Any]]

NOT_FOUND: Final = object()
"""There is no value: the node is to be run."""

_flights_around: ContextVar[Callable[[], list[Flight]]] = ContextVar("flights around", default=list)
"""For what the running function is called: if it starts a run itself, that run must not wait for it either."""


class CachedCalls:
    """The nodes of one run that have the lead.

    Args:
        run: The run.
    """

    def __init__(self, run: RunContext) -> None:
        self._run = run
        self._leads: dict[tuple[Frame, int], tuple[Lead, str]] = {}

    @property
    def has_leads(self) -> bool:
        """Whether any node has the lead."""
        return bool(self._leads)

    def is_led(self, frame: Frame, index: int) -> bool:
        """Whether a node has the lead, so that its value is to be stored."""
        return bool(self._leads) and (frame, index) in self._leads

    async def look_up(self, call: NodeCall, frame: Frame, index: int) -> Any:
        """Find the value of a call.

        Returns:
            The value as a literal; `NOT_FOUND` if the node is to be run, which has the lead then.

        Raises:
            UnhashableValueError: An argument has no stable hash.
            BaseException: Whatever the cache raises.
        """
        cache, task = call.node.options.policies.cache, call.node.task
        assert cache is not None
        assert task is not None
        key = cache.key(task, *without_resources(call))
        around = _flights_around.get()
        claimed = await FLIGHTS.claim((cache, key), lambda: around() + self._flights_above(frame))
        if isinstance(claimed, Landed):
            value = claimed.value
        else:
            self._leads[frame, index] = claimed, key
            try:
                found = await cache.load(key)
            except BaseException:
                self._release(frame, index)
                raise
            if found is None:
                return NOT_FOUND
            value = found[0]
            self._land(frame, index, value)
        self._run.publish(CacheHit, task=call.name, node_id=call.node_id, step=call.step)
        return LiteralValue(value)

    async def run(self, process: Process, call: NodeCall, frame: Frame, index: int) -> Any:
        """Run a node, on behalf of the nodes above it that have the lead.

        If it has the lead itself and fails, the lead passes on, now that nothing of it runs any more.
        """
        around = _flights_around.get()
        _flights_around.set(lambda: around() + self._flights_above(frame, index))
        try:
            return await process(call)
        except BaseException:
            self._release(frame, index)
            raise

    async def store(self, frame: Frame, index: int, value: Any) -> Any:
        """Store the final value of a node that has the lead.

        Returns:
            The value as a literal: it is not to be looked into again.

        Raises:
            UnstorableValueError: The cache cannot keep it.
        """
        policies = frame.nodes[index].options.policies
        _, key = self._leads[frame, index]
        try:
            if policies.cache is not None:
                # A time to live is given only if there is one, so that a cache without may go without the parameter.
                ttl = {} if policies.cache_ttl_s is None else {"ttl_s": policies.cache_ttl_s}
                await policies.cache.store(key, value, **ttl)
        except UnstorableValueError as error:
            self._release(frame, index)
            raise error.said_of(f"the result of task {frame.node_name(index)!r}") from error
        except BaseException:
            self._release(frame, index)
            raise
        self._land(frame, index, value)
        return LiteralValue(value)

    def give_up(self, is_concerned: Callable[[Frame], bool] = lambda _frame: True) -> None:
        """Nothing comes any more of the nodes of some frames: let others have the lead. Called when they have ended."""
        for frame, index in [place for place in self._leads if is_concerned(place[0])]:
            self._release(frame, index)

    def give_up_node(self, frame: Frame, index: int) -> None:
        """A node was skipped after all: there is no value to be stored."""
        self._release(frame, index)

    def _land(self, frame: Frame, index: int, value: Any) -> None:
        lead, _ = self._leads.pop((frame, index))
        lead.land(value)

    def _release(self, frame: Frame, index: int) -> None:
        entry = self._leads.pop((frame, index), None)
        if entry is not None:
            entry[0].abandon()

    def _flights_above(self, frame: Frame, index: int | None = None) -> list[Flight]:
        """The flights that a frame, or one of its nodes, runs for."""
        flights: list[Flight] = []
        place: int | None = index
        waiting: Frame | MapRun | None = frame
        while waiting is not None:
            entry = self._leads.get((waiting, place)) if isinstance(waiting, Frame) and place is not None else None
            if entry is not None:
                flights.append(entry[0].flight)
            waiting, place = waiting.parent, waiting.slot
        return flights


__all__ = ["NOT_FOUND", "CachedCalls"]
