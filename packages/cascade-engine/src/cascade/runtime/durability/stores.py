"""Stores that are named by URLs, and used by several runs at once."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from cascade.spec.errors import ParameterError
from cascade.spec.plugins import STATE_BACKENDS
from cascade.spec.protocols import StateStore


@dataclass(slots=True)
class _Use:
    store: StateStore
    count: int = 0


class StoresInUse:
    """The stores of an engine that were given as URLs: one for each URL, as long as a run uses it."""

    def __init__(self) -> None:
        self._uses: dict[str, _Use] = {}
        self._lock = threading.Lock()

    @asynccontextmanager
    async def use(self, state: StateStore | str) -> AsyncIterator[StateStore]:
        """The store; one that was made of a URL is closed when its last user leaves."""
        if not isinstance(state, str):
            if not isinstance(state, StateStore):
                raise ParameterError(f"state takes a store or a URL such as sqlite:///runs.db, not {state!r:.200}")
            yield state
            return
        with self._lock:
            use = self._uses.get(state)
            if use is None:
                use = self._uses[state] = _Use(STATE_BACKENDS.make(state))
            use.count += 1
        try:
            yield use.store
        finally:
            with self._lock:
                use.count -= 1
                is_last = not use.count
                if is_last:
                    del self._uses[state]
            if is_last:
                await use.store.close()


__all__ = ["StoresInUse"]
