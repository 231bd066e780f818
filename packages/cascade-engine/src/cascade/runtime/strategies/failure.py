"""Who is told of a failure, and where it came from."""

from __future__ import annotations

from typing import Any, Final

from cascade.runtime.strategies.frame import Frame
from cascade.runtime.strategies.mapping import MapRun

_SHOWN: Final = 6
"""Names shown of a long path, at its inner end."""


def annotate(error: BaseException, frame: Frame, index: int) -> None:
    """Add a note with task, step and path to an exception, unless it is there already."""
    name = frame.node_name(index)
    note = f"Cascade: in task {name!r}, step {frame.step}"
    outer = _waiting_names(frame)
    if outer:
        note += f", for {' > '.join(outer)}"
    if note not in getattr(error, "__notes__", ()):
        error.add_note(note)


def catching_map(frame: Frame, error: BaseException) -> tuple[MapRun, int] | None:
    """The innermost map around a frame that keeps failures as values, and the item concerned."""
    if not isinstance(error, Exception):
        return None
    waiting: Frame | None = frame
    while waiting is not None:
        parent = waiting.parent
        if type(parent) is MapRun and parent.options.on_error == "continue":
            return parent, waiting.slot
        waiting = waiting.waiting_frame
    return None


def is_below(owner: Any, items: MapRun, item: int) -> bool:
    """Whether a frame or map works for one item of a map."""
    while owner is not None:
        if owner.parent is items and owner.slot == item:
            return True
        owner = owner.parent
    return False


def _waiting_names(frame: Frame) -> list[str]:
    names: list[str] = []
    while frame.parent is not None:
        if len(names) == _SHOWN:
            names.append("…")
            break
        parent = frame.parent
        if type(parent) is MapRun:
            names.append(f"{parent.parent.node_name(parent.slot)}[{frame.slot}]")
            frame = parent.parent
        else:
            names.append(parent.node_name(frame.slot))
            frame = parent
    return names[::-1]


__all__ = ["annotate", "catching_map", "is_below"]
