"""Notes on exceptions, and their words, where a class may refuse both: a frozen dataclass takes no note, and what a
class says of itself may fail. What a user raised is never lost to that.
"""

from __future__ import annotations

from contextlib import suppress


def add_note(error: BaseException, note: str) -> None:
    """Add a note to an exception that takes notes, unless it is there already."""
    with suppress(Exception):
        if note not in getattr(error, "__notes__", ()):
            error.add_note(note)


def words_of(error: BaseException) -> str:
    """The name of an exception's class and what it says."""
    name = type(error).__qualname__
    try:
        return f"{name}: {error}"
    except Exception:
        return name


__all__ = ["add_note", "words_of"]
