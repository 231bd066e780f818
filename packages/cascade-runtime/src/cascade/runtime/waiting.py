"""`wake`: lets a coroutine go on that waits in its own event loop, perhaps in another thread."""

from __future__ import annotations

import asyncio


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


def _set(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)


__all__ = ["wake"]
