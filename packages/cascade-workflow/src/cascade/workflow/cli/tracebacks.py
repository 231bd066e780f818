"""Tracebacks that show the user's code only.

Between a task and the terminal lie the engine, the event loop, threads and processes; their frames say nothing about a
fault in the task. They are left out, and so is a chained exception that has no other frames, such as the event loop's
timeout behind Cascade's own. An exception from a worker process brings its traceback as a note, which is shortened
likewise.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import importlib
import multiprocessing
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from traceback import TracebackException
from typing import Final

from cascade.spec.errors import CascadeError

_PACKAGES: Final = (*asyncio.__path__, *concurrent.__path__, *importlib.__path__, *multiprocessing.__path__)
_HIDDEN: Final = tuple(
    place.replace("\\", "/")
    for place in (
        # The namespace has one folder in each distribution.
        *(f"{Path(folder)}/" for folder in (*sys.modules["cascade"].__path__, *_PACKAGES)),
        *(module.__file__ or "" for module in (contextlib, threading)),
        "<cascade",
        "<frozen importlib",
    )
)

_PREFIX: Final = "cascade: "
_REMOTE_FRAME: Final = re.compile(r'\s*File "(?P<file>.*)", line \d+')
_FRAME_INDENT: Final = "    "


def describe_error(error: BaseException) -> str:
    """The exception as Python would print it, without the frames that do not belong to the user.

    An error of Cascade itself that has nothing to do with the user's code is only its message.
    """
    shown = TracebackException.from_exception(error)
    for link in _links(shown):
        _hide_frames(link)
    if isinstance(error, CascadeError) and not any(link.stack for link in _links(shown)):
        notes = [str(note).removeprefix("Cascade: ") for note in getattr(error, "__notes__", ())]
        return f"\n{' ' * len(_PREFIX)}".join([f"{_PREFIX}{error}", *notes])
    return "".join(shown.format()).rstrip()


def _links(shown: TracebackException) -> Iterator[TracebackException]:
    """The exception with all its causes, contexts and members of groups, each before those behind it."""
    stack = [shown]
    while stack:
        link = stack.pop()
        yield link
        stack.extend(other for other in (link.__cause__, link.__context__) if other is not None)
        stack.extend(link.exceptions or ())


def _hide_frames(link: TracebackException) -> None:
    link.stack[:] = [frame for frame in link.stack if not is_hidden(frame.filename)]
    if link.__cause__ is not None and _is_hidden_altogether(link.__cause__):
        link.__cause__ = None
    if link.__context__ is not None and _is_hidden_altogether(link.__context__):
        link.__context__ = None
    notes = getattr(link, "__notes__", None)
    if isinstance(notes, list):
        link.__notes__ = [_without_hidden_frames(note) if isinstance(note, str) else note for note in notes]


def _is_hidden_altogether(link: TracebackException) -> bool:
    # An exception that was never raised has no frames at all, but the user has put it there: it is shown.
    has_frames = bool(link.stack) and all(is_hidden(frame.filename) for frame in link.stack)
    return has_frames and link.__cause__ is None and link.__context__ is None and not link.exceptions


def is_hidden(file: str) -> bool:
    """Whether a frame in this file belongs to Cascade, the event loop or the threads."""
    return file.replace("\\", "/").startswith(_HIDDEN)


def _without_hidden_frames(note: str) -> str:
    """The note without frames of its own kind: a line that names the file, and the deeper lines that follow it."""
    kept: list[str] = []
    is_hiding = False
    for line in note.splitlines():
        frame = _REMOTE_FRAME.match(line)
        if frame is not None:
            is_hiding = is_hidden(frame["file"])
        elif not line.startswith(_FRAME_INDENT):
            is_hiding = False
        if not is_hiding:
            kept.append(line)
    return "\n".join(kept)


__all__ = ["describe_error", "is_hidden"]
