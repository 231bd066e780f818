"""`Journal`: what the interpreter says of a run while it goes on, for whoever keeps it. This one keeps nothing.

The interpreter calls it at the boundaries of steps and when nodes end, and asks it for what is known from before. So
the interpreter knows nothing of stores, and a run that is not durable pays for none (see ``durable``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from cascade.runtime.strategies.frame import Frame
    from cascade.runtime.strategies.mapping import MapRun

UNKNOWN: Final = object()
"""Nothing is known of a node from before: it is to be run."""


class Journal:
    """Keeps nothing; the base of those that do.

    Attributes:
        is_kept: Whether anything is kept: without it only `begin_step` is called, and `written` after it.
        every_step: Whether every step of the outermost loop must be said before it begins. Otherwise compiled code may
            run many steps between two.
        knows: Whether something is known from before, so that `known` and `known_item` are to be asked.
    """

    is_kept = False
    every_step = False
    knows = False

    def begin_step(self, step: int, call: Any) -> bool:
        """A step of the outermost loop is about to begin.

        Returns:
            Whether it may. If not, `written` must be awaited before it begins.

        Raises:
            UnstorableValueError: The call cannot be stored.
            CascadeError: The store cannot be used, or the run is held by somebody else.
        """
        return True

    def fail_step(self, step: int, call: Any) -> None:
        """A step of the outermost loop has failed that was not said, and may have changed what its call refers to."""

    def begin_inner(self, parent: Frame | MapRun, slot: int, step: int, call: Any) -> None:
        """A step of a loop inside the step is about to begin, on behalf of a node or an item."""

    def put(self, frame: Frame, index: int, value: Any) -> None:
        """A node has its final value, or a `Skip`."""

    def put_item(self, items: MapRun, item: int, value: Any) -> None:
        """An item of a map has its final value."""

    def settle(self, under_way: int) -> None:
        """The event loop is about to have its turn, or calls have ended in it.

        Args:
            under_way: How many calls are running.

        Raises:
            CascadeError: The store cannot be used, or the run is held by somebody else.
        """

    async def written(self) -> None:
        """Wait until everything that was said is safe.

        Raises:
            CascadeError: The store cannot be used, or the run is held by somebody else.
        """

    def known(self, frame: Frame, index: int) -> Any:
        """What is known of a node that is about to run: its value as a literal, a `Skip`, a `KnownCall`, or `UNKNOWN`.

        Raises:
            CascadeError: What is stored of it cannot be read.
        """
        return UNKNOWN

    def known_item(self, items: MapRun, item: int, call: Any) -> tuple[int, Any]:
        """With which step of its loop an item of a map goes on, and the call: the given one if nothing is known.

        Raises:
            CascadeError: What is stored of it cannot be read.
        """
        return 1, call


class KnownCall:
    """A node had begun a loop of its own, which goes on with this call.

    Attributes:
        step: The step of the loop.
        call: What it evaluates.
    """

    __slots__ = ("call", "step")

    def __init__(self, step: int, call: Any) -> None:
        self.step = step
        self.call = call


__all__ = ["UNKNOWN", "Journal", "KnownCall"]
