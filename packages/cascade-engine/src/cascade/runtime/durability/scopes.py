"""`Scopes`: which entries of a step lie below which node.

The scope of a frame is its path (see `Frame.path`), that of a map's items is the map's own. A long path is replaced by
its digest, so a name does not tell what it lies below; this does. When a node has its value, everything below it can be
forgotten, so an endless loop inside a node keeps one call and the results of one step.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cascade.runtime.strategies.frame import Frame
from cascade.runtime.strategies.mapping import MapRun
from cascade.spec.state import EntryKey


class Scopes:
    """The loops and maps inside one step, as far as they were met."""

    def __init__(self) -> None:
        self._loops: dict[str, dict[str, str]] = {}
        """From the scope and the name of a node or an item to the scope of what it stands at."""

    def begin_loop(self, owner: EntryKey, scope: str) -> str | None:
        """A node or an item stands at this scope now; the one before, if that is to be forgotten."""
        loops = self._loops.setdefault(owner.scope, {})
        before = loops.get(owner.name)
        loops[owner.name] = scope
        return None if before == scope else before

    def end_loop(self, owner: EntryKey) -> str | None:
        """A node or an item has its value; the scope that is to be forgotten, if there is one."""
        return self._loops.get(owner.scope, {}).pop(owner.name, None)

    def is_loop(self, owner: EntryKey) -> bool:
        """Whether a node or an item stands in a loop of its own."""
        return owner.name in self._loops.get(owner.scope, ())

    def drop(self, scope: str) -> Iterator[str]:
        """Forget a scope; gives it and all that lie below it."""
        waiting = [scope]
        while waiting:
            inner = waiting.pop()
            yield inner
            waiting += self._loops.pop(inner, {}).values()


def key_of(parent: Frame | MapRun, slot: int) -> EntryKey:
    """The key of a node of a frame, or of an item of a map."""
    if type(parent) is Frame:
        return EntryKey(parent.path, parent.nodes[slot].structural_id)
    return EntryKey(map_scope(parent), str(slot))


def map_scope(items: Any) -> str:
    """The scope of the items of a map."""
    scope, name = key_of(items.parent, items.slot)
    return f"{scope}{name}[]/"


__all__ = ["Scopes", "key_of", "map_scope"]
