"""`Refused` and `Malformed`: a value that cannot be written, and bytes that cannot be read."""

from __future__ import annotations

from typing import Any, Final

_SHOWN: Final = 20
"""Steps shown of a long path."""

Step = int | str | tuple[Any] | tuple[Any, bool]
"""From a container to something in it: an index, words such as ``.name``, or a key in a tuple: alone for what the key
leads to, with ``True`` for the key itself. Keys are only shown when something is wrong."""


class Refused(Exception):
    """A value cannot be written. Collects the way to it while it passes the containers around, from the inside out."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.steps: list[Step] = []

    def path(self, root: str) -> str:
        """The way from the root, for example ``value[3].when``."""
        steps = [_described(step) for step in reversed(self.steps)]
        if len(steps) > _SHOWN:
            steps[_SHOWN // 2 : -_SHOWN // 2] = ["…"]
        return root + "".join(steps)


class Malformed(Exception):
    """A node that no value was written as."""


def _described(step: Step) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    if isinstance(step, str):
        return step
    try:
        shown = f"{step[0]!r:.40}"
    except Exception:  # the key's own code; Python's own refuses to write very large numbers
        shown = f"<{type(step[0]).__name__}>"
    return f"[{shown}]" if len(step) == 1 else f" key {shown}"


__all__ = ["Malformed", "Refused", "Step"]
