"""`JsonLines`: a run as lines of JSON on stdout, for programs.

Each event is one line, ``{"event": "<class>", …}`` with the event's attributes. The last line is always
``{"event": "Result", "exit_code": 0, "value": …}``, or ``{"event": "Result", "exit_code": …, "message": …}`` when there
is no value, also if nothing could be run at all.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from typing import Any, TextIO

from cascade.spec.events import CacheHit, Event, ResourceEvent
from cascade.workflow.cli.as_json import as_json
from cascade.workflow.cli.faults import Fault
from cascade.workflow.cli.tally import TALLIED


class JsonLines:
    """Writes lines of JSON.

    Args:
        stream: Where to.
        on_broken: Called when nobody reads any more; nothing is written from then on.
    """

    kinds: tuple[type[Event], ...] = (*TALLIED, CacheHit, ResourceEvent)
    tells_end = False

    def __init__(self, stream: TextIO, on_broken: Callable[[], None]) -> None:
        self._stream = stream
        self._on_broken = on_broken
        self._is_broken = False

    def receive(self, event: Event) -> None:
        """Write an event."""
        values = {name: getattr(event, name) for name in event.field_names}
        self._write({"event": type(event).__name__, **values})

    def stopping(self) -> None:
        """Nothing: nothing may be written from within a signal handler, and `RunFinished` follows."""

    def close(self) -> None:
        """There is nothing to undo."""

    def result(self, value: Any) -> None:
        """Write the last line of a run that has a value."""
        self._write({"event": "Result", "exit_code": 0, "value": value})

    def fault(self, fault: Fault) -> None:
        """Write the last line of a run that has none."""
        self._write({"event": "Result", "exit_code": fault.exit_code, "message": fault.message, "error": fault.error})

    def _write(self, line: dict[str, Any]) -> None:
        if self._is_broken:
            return
        try:
            self._stream.write(json.dumps(as_json(line)) + "\n")
            self._stream.flush()
        except BrokenPipeError:
            self._is_broken = True
            self._on_broken()


@contextmanager
def stdout_reserved() -> Iterator[TextIO]:
    """stdout for a single writer; whatever else is printed goes to stderr, from worker processes and C code, too."""
    stdout = sys.stdout
    try:
        number = stdout.fileno()
    except (OSError, AttributeError):  # replaced by something that is no file, as tests do
        with redirect_stdout(sys.stderr):
            yield stdout
        return
    stdout.flush()
    kept = os.dup(number)
    os.dup2(sys.stderr.fileno(), number)
    stream = os.fdopen(os.dup(kept), "w", encoding="utf-8")
    try:
        with redirect_stdout(sys.stderr):
            yield stream
    finally:
        with suppress(BrokenPipeError):  # closing tries once more what could not be written
            stream.close()
        os.dup2(kept, number)
        os.close(kept)


__all__ = ["JsonLines", "stdout_reserved"]
