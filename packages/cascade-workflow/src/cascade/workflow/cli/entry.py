"""`main`: the command as a process of its own, which ends when its work has ended.

Python waits for all threads before a process ends. A function that took longer than its timeout is still running in its
thread, perhaps for hours, and nobody wants its result any more: the command does not wait for it.

This module is all that a worker process imports of the command, because Python imports the main script there again. So
the command itself, with the libraries behind it, is imported when it is called.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import signal
import sys
import threading
from typing import Final, NoReturn, TextIO

from cascade.workflow.cli.faults import FAILED, SIGNALLED
from cascade.workflow.cli.stopping import quit_at_once

GRACE_S: Final = 0.5
"""How long idle threads may take to end."""

_OWN_THREADS: Final = "cascade"


def main() -> NoReturn:
    """Run the command line and end the process."""
    exit_code = FAILED
    _open_closed_streams()
    try:
        from cascade.workflow.cli.command import cascade

        cascade()
    except SystemExit as ending:
        exit_code = ending.code if isinstance(ending.code, int) else int(ending.code is not None)
    except KeyboardInterrupt:
        exit_code = SIGNALLED + signal.SIGINT
    except OSError as error:  # all else is told as what it is, and that nobody reads is no error
        sys.stdout = _nowhere("w")  # or Python tries once more when the process ends
        print(f"cascade: the output cannot be written: {error.strerror or error}", file=sys.stderr)
    _do_not_wait_for_abandoned_calls(exit_code)
    sys.exit(exit_code)


def _open_closed_streams() -> None:
    """Let streams that the caller has closed (``2>&-``) lead nowhere: Python has ``None`` in their place.

    Their numbers are taken by it, too: else the next file that is opened, a database perhaps, would be stderr.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, _nowhere(mode))


def _nowhere(mode: str) -> TextIO:
    return open(os.devnull, mode, encoding="utf-8")  # type: ignore[return-value]  # noqa: PTH123  no path


def _do_not_wait_for_abandoned_calls(exit_code: int) -> None:
    threads_have_ended = threading.Event()
    # Python calls this when it has waited for all threads.
    atexit.register(threads_have_ended.set)

    def watch() -> None:
        while not threads_have_ended.wait(GRACE_S):
            threads = awaited_threads()
            if threads and all(thread.name.startswith(_OWN_THREADS) for thread in threads):
                logging.shutdown()
                for stream in (sys.stdout, sys.stderr):
                    with contextlib.suppress(OSError, ValueError):  # nobody reads it, or it is closed
                        stream.flush()
                quit_at_once(exit_code)

    threading.Thread(target=watch, name="cascade exit", daemon=True).start()


def awaited_threads() -> list[threading.Thread]:
    """The threads that Python waits for before the process ends."""
    return [thread for thread in threading.enumerate() if not thread.daemon and thread is not threading.main_thread()]


__all__ = ["GRACE_S", "awaited_threads", "main"]
