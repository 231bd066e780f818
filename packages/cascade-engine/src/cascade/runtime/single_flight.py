"""Single flight: of equal calls that are under way at the same time, one runs and the others wait for its value.

A *place* is what makes calls equal (a cache and a key). Who asks for a place first gets the `Lead` and has to end it
in one of two ways: `Lead.land` gives the value to all who wait, `Lead.abandon` (after a failure or a cancellation)
gives the lead to the one that waits longest. So nobody waits for something that does not come, and nobody gets the
failure of another: whoever takes over tries for himself.

Waiting must not close a circle. A call that runs *for* another (it belongs to what the other returned) must not wait
for that other, nor two calls for each other through what they returned. So it is written down which flights wait for
which, and a claim that would close a circle gets a lead of its own, beside the flight: the call runs twice rather than
never.

The table is one for the process, because runs in several event loops and threads share caches. Who waits is woken in
his own event loop. What cannot be seen from here: a function that blocks its event loop, and starts a run that waits
for a call of that same loop, waits for ever, as it would for any other thing of that loop.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter, deque
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Final

from cascade.runtime.waiting import wake


class Flight:
    """Equal calls under way; or a single one that runs beside them."""

    __slots__ = ("place", "waiters", "waits_for")

    def __init__(self, place: Hashable) -> None:
        self.place = place
        self.waiters: deque[_Waiter] = deque()
        self.waits_for: Counter[Flight] = Counter()
        """For what calls wait that run for this flight, and how many each."""


class Landed:
    """The value that another call has got.

    Attributes:
        value: The value.
    """

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


class Lead:
    """The duty to run the calls of a flight. It ends once; what is said after that is not heard.

    Attributes:
        flight: The flight.
    """

    __slots__ = ("_is_over", "_table", "flight")

    def __init__(self, table: SingleFlight, flight: Flight) -> None:
        self._table = table
        self._is_over = False
        self.flight = flight

    def land(self, value: Any) -> None:
        """The call has its value."""
        if not self._is_over:
            self._is_over = True
            self._table._land(self.flight, Landed(value))

    def abandon(self) -> None:
        """The call has failed, or will not be made."""
        if not self._is_over:
            self._is_over = True
            self._table._pass_on(self.flight)


class _Waiter:
    __slots__ = ("future", "outcome")

    def __init__(self) -> None:
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.outcome: Landed | Lead | None = None


class SingleFlight:
    """The flights of a process. May be used from several event loops and threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flights: dict[Hashable, Flight] = {}

    async def claim(self, place: Hashable, above: Callable[[], Sequence[Flight]]) -> Lead | Landed:
        """Get the lead of a place, or wait for the value of whoever has it.

        Args:
            place: What makes calls equal.
            above: Gives the flights that the call runs for. Only asked if somebody has the lead.
        """
        with self._lock:
            flight = self._flights.get(place)
            if flight is None:
                flight = self._flights[place] = Flight(place)
                return Lead(self, flight)
            outer = above()
            if _closes_circle(flight, outer):
                return Lead(self, Flight(place))
            waiter = _Waiter()
            flight.waiters.append(waiter)
            for one in outer:
                one.waits_for[flight] += 1
        try:
            await waiter.future
        except asyncio.CancelledError:
            with self._lock:
                outcome = waiter.outcome
                if outcome is None:
                    flight.waiters.remove(waiter)
            if isinstance(outcome, Lead):  # given in the same moment
                outcome.abandon()
            raise
        finally:
            with self._lock:
                for one in outer:
                    one.waits_for[flight] -= 1
                    if not one.waits_for[flight]:
                        del one.waits_for[flight]
        assert waiter.outcome is not None
        return waiter.outcome

    def __len__(self) -> int:
        """How many places are led."""
        return len(self._flights)

    def _land(self, flight: Flight, landed: Landed) -> None:
        with self._lock:
            self._forget(flight)
            for waiter in flight.waiters:
                waiter.outcome = landed
                wake(waiter.future)
            flight.waiters.clear()

    def _pass_on(self, flight: Flight) -> None:
        with self._lock:
            while flight.waiters:
                waiter = flight.waiters.popleft()
                waiter.outcome = Lead(self, flight)
                if wake(waiter.future):
                    return
            self._forget(flight)

    def _forget(self, flight: Flight) -> None:
        if self._flights.get(flight.place) is flight:  # not if it ran beside another
            del self._flights[flight.place]


def _closes_circle(flight: Flight, outer: Sequence[Flight]) -> bool:
    """Whether a flight waits, directly or through others, for one of the flights that would wait for it."""
    ends = set(outer)
    reached = {flight}
    waiting = [flight]
    while waiting:
        current = waiting.pop()
        if current in ends:
            return True
        for following in current.waits_for:
            if following not in reached:
                reached.add(following)
                waiting.append(following)
    return False


FLIGHTS: Final = SingleFlight()
"""The flights of this process."""

__all__ = ["FLIGHTS", "Flight", "Landed", "Lead", "SingleFlight"]
