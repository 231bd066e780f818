"""`Stopper`: Ctrl-C and the request to terminate, while a run goes on.

The first signal cancels the run, which then ends in order: siblings are cancelled and waited for, resources are closed.
That may take as long as a function in a thread takes, because a thread cannot be interrupted; so a second signal ends
the process at once. Python's own way, to raise `KeyboardInterrupt` wherever the main thread happens to be, would tear
through the event loop or the engine instead.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from cascade.workflow.cli.faults import SIGNALLED

SIGPIPE: Final = 13
"""Nobody reads what is written. The module `signal` knows it on some systems only."""

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_SHOW_CURSOR: Final = b"\x1b[?25h\n"


class Stopper:
    """Stops a run when a signal comes.

    Attributes:
        signal: The number of the signal that stopped the run; ``None`` if none did.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        self._cancel: Callable[[], object] | None = None

    def arm(self) -> None:
        """Let a signal cancel the current asyncio task. One that came before cancels it at once."""
        task = asyncio.current_task()
        assert task is not None
        loop = asyncio.get_running_loop()
        self._cancel = lambda: loop.call_soon_threadsafe(task.cancel)
        if self.signal is not None:
            self._cancel()

    def stop(self, number: int) -> None:
        """Ask the run to stop, as if the signal had come."""
        self.signal = number
        if self._cancel is not None:
            self._cancel()

    @contextmanager
    def listening(self, on_stop: Callable[[], None]) -> Iterator[None]:
        """Handle signals.

        Args:
            on_stop: Called from the signal handler when the run was asked to stop.
        """

        def receive(number: int, _frame: FrameType | None) -> None:
            if self.signal is not None:
                quit_at_once(SIGNALLED + number)
            self.stop(number)
            on_stop()

        # Python handles signals on its main thread only, and refuses to set handlers anywhere else.
        is_main = threading.current_thread() is threading.main_thread()
        before = {number: signal.signal(number, receive) for number in _SIGNALS} if is_main else {}
        try:
            yield
        finally:
            self._cancel = None
            for number, handler in before.items():
                signal.signal(number, handler)


def quit_at_once(exit_code: int) -> None:
    """End the process without waiting for anything. Safe in a signal handler: nothing is locked or buffered."""
    for child in multiprocessing.active_children():
        child.kill()
    if os.isatty(2):
        os.write(2, _SHOW_CURSOR)  # the lines of progress hide it
    os._exit(exit_code)


__all__ = ["SIGPIPE", "Stopper", "quit_at_once"]
