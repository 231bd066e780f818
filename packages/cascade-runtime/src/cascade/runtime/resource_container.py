"""`ResourceContainer`: opens resources when they are first needed and closes them in reverse order, whatever happens.

Each open resource lives in an asyncio task of its own, which enters it, waits, and leaves it. So entering and leaving
always happen in one task (some libraries insist on that), a resource is opened once however many consumers ask at the
same time, and an exception of the step is raised where the generator stands at its ``yield``.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
    suppress,
)
from typing import Any

from cascade.spec.errors import ResourceError, ResourceNotFoundError
from cascade.spec.policies import NOTHING
from cascade.spec.resources import InjectStandIn, Resource

Observer = Callable[[Resource[Any], bool, BaseException | None], None]
"""Called with the resource, whether it is open now, and what closing it raised."""


class ResourceContainer:
    """The resources of one scope.

    Args:
        known: Resources by name, for those that are injected by name.
        scope: ``"run"`` or ``"step"``.
        outer: The container of the run, which opens what is of scope ``"run"``.
        observer: Told when a resource is open or closed.
        overrides: Resources used instead of others, by name.
    """

    def __init__(
        self,
        known: Mapping[str, Resource[Any]],
        *,
        scope: str = "run",
        outer: ResourceContainer | None = None,
        observer: Observer | None = None,
        overrides: Mapping[str, Resource[Any]] | None = None,
    ) -> None:
        self._known = known
        self._scope = scope
        self._outer = outer
        self._observer = observer
        self._overrides = overrides or {}
        self._open: dict[Resource[Any], _Holder] = {}

    @property
    def is_empty(self) -> bool:
        """Whether nothing was opened since the last `close`."""
        return not self._open

    def find(self, wanted: InjectStandIn) -> Resource[Any]:
        """The resource that an ``Inject`` asks for.

        Raises:
            ResourceNotFoundError: The name is not registered.
        """
        overriding = self._overrides.get(wanted._name)
        if overriding is not None:
            return overriding
        found = wanted._resource or self._known.get(wanted._name)
        if found is None:
            names = ", ".join(repr(name) for name in sorted(self._known)) or "none at all"
            raise ResourceNotFoundError(
                f"resource {wanted._name!r} is not registered; registered are {names}. "
                "Pass it to Engine(resources=[…]) or run(…, resources=[…]), or write Inject(the_resource)"
            )
        return found

    def opened(self, wanted: InjectStandIn) -> Any:
        """The value of a resource of the run that is open already, otherwise `NOTHING`."""
        resource = self.find(wanted)
        container = self if self._outer is None else self._outer
        holder = container._open.get(resource) if resource.scope == container._scope else None
        return NOTHING if holder is None else holder.value_if_open()

    async def get(self, wanted: InjectStandIn) -> Any:
        """The value of a resource, which is opened if it is not open yet.

        Raises:
            ResourceError: It is unknown, depends on itself, or its generator misbehaves.
            BaseException: Whatever opening it raises.
        """
        resource = self.find(wanted)
        if resource.scope != self._scope and self._outer is not None:
            return await self._outer.get(wanted)
        holder = self._open.get(resource)
        if holder is None:
            holder = self._open[resource] = _Holder(resource, self)
        return await holder.value()

    async def close(self, error: BaseException | None = None) -> list[BaseException]:
        """Close everything in reverse order of opening.

        Args:
            error: Why the scope ends, if not as it should; it is raised inside every resource.

        Returns:
            What closing raised, other than the error itself.
        """
        failures: list[BaseException] = []
        while self._open:
            # It is forgotten when it is closed, not before: who is cancelled while he waits here can close the rest.
            resource = next(reversed(self._open))
            holder = self._open[resource]
            failure = await holder.close(error)
            del self._open[resource]
            if self._observer is not None and holder.was_opened:
                self._observer(resource, False, failure)
            if failure is not None:
                with suppress(Exception):  # there are exceptions that take no notes
                    failure.add_note(f"Cascade: while resource {resource.name!r} was closed")
                failures.append(failure)
        return failures

    async def _enter(self, resource: Resource[Any]) -> AbstractAsyncContextManager[Any] | AbstractContextManager[Any]:
        arguments = {name: await self.get(wanted) for name, wanted in resource.injected.items()}
        return _as_context_manager(resource, arguments)

    def _opened(self, resource: Resource[Any]) -> None:
        # A resource that others depend on was asked for first but is open first only now: order counts from here.
        self._open[resource] = self._open.pop(resource)
        if self._observer is not None:
            self._observer(resource, True, None)


class _Holder:
    """One open resource and the task in which it lives."""

    def __init__(self, resource: Resource[Any], container: ResourceContainer) -> None:
        loop = asyncio.get_running_loop()
        self._resource = resource
        self._container = container
        self._ready: asyncio.Future[Any] = loop.create_future()
        self._ending: asyncio.Future[BaseException | None] = loop.create_future()
        self.was_opened = False
        self._task = loop.create_task(self._live(), name=f"cascade resource {resource.name}")

    async def value(self) -> Any:
        # Shielded: when one consumer is cancelled, the others still get the resource.
        return await asyncio.shield(self._ready)

    def value_if_open(self) -> Any:
        """Its value, or `NOTHING`."""
        return self._ready.result() if self.was_opened and self._ready.done() else NOTHING

    async def close(self, error: BaseException | None) -> BaseException | None:
        """End the resource's life; what leaving it raised, other than the error itself."""
        if not self._ending.done():
            self._ending.set_result(error)
        if not self._ready.done():
            self._task.cancel()
        await asyncio.wait({self._task})
        failure = None if self._task.cancelled() else self._task.result()
        return None if failure is error or isinstance(failure, asyncio.CancelledError) else failure

    async def _live(self) -> BaseException | None:
        """Open the resource, keep it and close it; what closing raised.

        It is returned because a ``SystemExit`` that a task of the run raised, and that was raised inside the resource,
        must not leave this asyncio task: asyncio would let it out of the event loop, before the run has ended.
        """
        try:
            manager = await self._container._enter(self._resource)
            if isinstance(manager, AbstractAsyncContextManager):
                async with manager as value:
                    await self._hold(value)
            else:
                with manager as value:
                    await self._hold(value)
        except BaseException as error:
            if self._ready.done():
                return error
            # Opening failed: the consumers get the exception, and it is not reported a second time.
            if isinstance(error, asyncio.CancelledError):
                self._ready.cancel()
            else:
                self._ready.set_exception(error)
                self._ready.exception()  # there may be no consumer left to retrieve it
        return None

    async def _hold(self, value: Any) -> None:
        self.was_opened = True
        self._container._opened(self._resource)
        self._ready.set_result(value)
        error = await self._ending
        if error is not None:
            raise error


def _as_context_manager(
    resource: Resource[Any], arguments: dict[str, Any]
) -> AbstractAsyncContextManager[Any] | AbstractContextManager[Any]:
    provider: Any = resource.provider
    if inspect.isasyncgenfunction(provider):
        return asynccontextmanager(provider)(**arguments)
    if inspect.isgeneratorfunction(provider):
        return contextmanager(provider)(**arguments)
    made = provider(**arguments)
    if isinstance(made, (AbstractAsyncContextManager, AbstractContextManager)):
        return made
    raise ResourceError(
        f"resource {resource.name!r}: its function returned {made!r:.100}, which is no context manager; "
        "yield the value, or return a context manager"
    )


__all__ = ["Observer", "ResourceContainer"]
