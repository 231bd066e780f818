"""`Keeper`: what an engine needs to keep runs, made when it is to keep the first.

Most programs keep none, and the modules behind this one are a third of Cascade; so `cascade.runtime.engine` imports it
when it is needed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from cascade.adapters.serializers.types import TypeRegistry
from cascade.runtime.durability.levels import Durability
from cascade.runtime.durability.session import DurableRun
from cascade.runtime.durability.stores import StoresInUse
from cascade.spec.identifiers import RunId
from cascade.spec.protocols import Clock, StateStore


class Keeper:
    """Keeps the runs of one engine.

    Args:
        types: The classes that stored values may be made of, beyond those that tasks are annotated with.
        clock: Says when a lease expires.
    """

    def __init__(self, types: TypeRegistry | None, clock: Clock) -> None:
        self._types = TypeRegistry() if types is None else types
        self._clock = clock
        self._stores = StoresInUse()

    @asynccontextmanager
    async def opened(self, state: StateStore | str, run_id: RunId, level: Durability) -> AsyncIterator[DurableRun]:
        """A run in a store, held as long as the ``with`` block lasts.

        Raises:
            RunHeldError: Somebody else has it.
            CascadeError: The store cannot be used.
        """
        async with self._stores.use(state) as store:
            kept = await DurableRun.open(store, run_id, level, self._types, self._clock)
            try:
                yield kept
            finally:
                await kept.close()


__all__ = ["Keeper"]
