"""Who is told of a failure, and where it came from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from cascade.runtime.notes import add_note, words_of
from cascade.runtime.strategies.frame import Frame
from cascade.runtime.strategies.mapping import MapRun
from cascade.spec.errors import TaskStopIterationError

_SHOWN: Final = 6
"""Names shown of a long path, at its inner end."""


def annotate(error: BaseException, name: str, step: int, parent: Frame | MapRun | None, slot: int) -> None:
    """Add a note with task, step and path to an exception, unless it is there already.

    Args:
        error: The exception.
        name: The task that failed.
        step: The step of its loop.
        parent: Who waits for the loop; ``None`` for the outermost.
        slot: Which of the parent's nodes or items waits.
    """
    note = f"Cascade: in task {name!r}, step {step}"
    outer = _waiting_names(parent, slot)
    if outer:
        note += f", for {' > '.join(outer)}"
    add_note(error, note)


def note_closing(error: BaseException, failures: Iterable[BaseException]) -> BaseException:
    """The same exception, which now says what closing resources has raised, too."""
    for failure in failures:
        add_note(error, f"Cascade: then, while a resource was closed: {words_of(failure)}")
    return error


def catching_map(parent: Frame | MapRun | None, slot: int, error: BaseException) -> tuple[MapRun, int] | None:
    """The innermost map around a loop that keeps failures as values, and the item concerned."""
    if not isinstance(error, Exception):
        return None
    while parent is not None:
        if type(parent) is MapRun and parent.options.on_error == "continue":
            return parent, slot
        parent, slot = parent.parent, parent.slot
    return None


def without_stop_iteration(error: BaseException, name: str) -> BaseException:
    """The exception of a task; another one in the place of ``StopIteration``, which would silently end a coroutine."""
    if not isinstance(error, StopIteration):
        return error
    failure = TaskStopIterationError(f"task {name!r} raised StopIteration")
    failure.__cause__ = error
    return failure


def is_below(owner: Any, items: MapRun, item: int) -> bool:
    """Whether a frame or map works for one item of a map."""
    while owner is not None:
        if owner.parent is items and owner.slot == item:
            return True
        owner = owner.parent
    return False


def _waiting_names(parent: Frame | MapRun | None, slot: int) -> list[str]:
    names: list[str] = []
    while parent is not None:
        if len(names) == _SHOWN:
            names.append("…")
            break
        if type(parent) is MapRun:
            names.append(f"{parent.parent.node_name(parent.slot)}[{slot}]")
            parent = parent.parent
        else:
            names.append(parent.node_name(slot))
        parent, slot = parent.parent, parent.slot
    return names[::-1]


__all__ = ["annotate", "catching_map", "is_below", "note_closing", "without_stop_iteration"]
