"""`wake` and `wait_for_all`: to let somebody go on who waits in another event loop, and to wait whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any


def wake(waiting: asyncio.Future[None]) -> bool:
    """Set a future that somebody awaits, in its own event loop. May be called from any thread, and more than once.

    Returns:
        Whether that event loop still exists. If it was closed, nobody is waiting any more.
    """
    try:
        waiting.get_loop().call_soon_threadsafe(_set, waiting)
    except RuntimeError:
        return False
    return True


async def wait_for_all(calls: Collection[asyncio.Future[Any]]) -> bool:
    """Wait for asyncio tasks or futures however often the waiting itself is cancelled; whether it was.

    What they raised is taken as seen, so that asyncio does not report it.
    """
    was_cancelled = False
    pending = {call for call in calls if not call.done()}
    while pending:
        try:
            _, pending = await asyncio.wait(pending)
        except asyncio.CancelledError:
            was_cancelled = True
            pending = {call for call in pending if not call.done()}
    for call in calls:
        if not call.cancelled():
            call.exception()
    return was_cancelled


def _set(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)


__all__ = ["wait_for_all", "wake"]
