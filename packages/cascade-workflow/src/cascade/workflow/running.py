"""`run` and `arun`: evaluate a target and wait for its value."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from cascade.runtime.durability.resumption import Resumption
from cascade.runtime.engine import OF_THE_ENGINE, Engine
from cascade.spec.protocols import StateStore
from cascade.spec.resources import Resource
from cascade.workflow.default_engine import default_engine
from cascade.workflow.handle import start

if TYPE_CHECKING:
    from cascade.runtime.durability.call_reader import Migrate

T = TypeVar("T")


def run(
    target: T,
    params: Mapping[str, Any] | None = None,
    *,
    engine: Engine | None = None,
    timeout_s: float | None = None,
    resources: Iterable[Resource[Any]] = (),
    allow_unused_params: bool = False,
    run_id: str | None = None,
    state: StateStore | str | None = OF_THE_ENGINE,
    durability: str = "step",
    migrate: Migrate | None = None,
    accept_versions: bool = False,
) -> T:
    """Evaluate a target and wait for its value.

    Inside a running event loop (a notebook), the run has an event loop of its own in another thread, and this call
    blocks until it has ended; in a coroutine use `arun`.

    Args:
        target: A lazy result, a map, a router, or a container of them and of plain values.
        params: Values of the target's `Param`s by name.
        engine: Where it runs; by default an engine that the whole process shares.
        timeout_s: Seconds that the whole run may take.
        resources: Resources that are injected by name.
        allow_unused_params: Whether ``params`` may hold more than the target asks for, because a later step does.
        run_id: The id of the run. If a run of this id is kept in ``state``, it goes on with its last step, and its
            target and parameters are those with which it began; if it has ended, its value is returned.
        state: Where the run is kept beyond the process: a store, or its URL (``"sqlite:///runs.db"``).
        durability: What may be lost when the process dies: ``"step"``: the step in flight; ``"interval"`` or
            ``"interval(N)"``: 50 or N milliseconds, too.
        migrate: For a kept run whose tasks have other versions now: from a `ChangedCall` to the call in its place.
        accept_versions: Whether calls of other versions of their tasks are taken as they are.

    Raises:
        BaseException: As `Engine.run`.

    Example:
        >>> from cascade import workflow as cs
        >>> @cs.task
        ... def countdown(n: int) -> str:
        ...     return "done" if n <= 0 else countdown(n - 1)
        >>> cs.run(countdown(1_000))
        'done'
    """
    engine = engine or default_engine()
    options: dict[str, Any] = {
        "timeout_s": timeout_s,
        "resources": resources,
        "allow_unused_params": allow_unused_params,
        "run_id": run_id,
        "state": state,
        "durability": durability,
    }
    if not _in_event_loop():
        resumption = Resumption(migrate, accept_versions)
        return asyncio.run(engine.run(target, params, resumption=resumption, **options))
    handle = start(target, params, engine=engine, migrate=migrate, accept_versions=accept_versions, **options)
    try:
        return handle.result()
    except KeyboardInterrupt:
        handle.cancel()
        with contextlib.suppress(BaseException):  # nothing of the run outlives this call
            handle.result()
        raise


async def arun(
    target: T,
    params: Mapping[str, Any] | None = None,
    *,
    engine: Engine | None = None,
    timeout_s: float | None = None,
    resources: Iterable[Resource[Any]] = (),
    allow_unused_params: bool = False,
    run_id: str | None = None,
    state: StateStore | str | None = OF_THE_ENGINE,
    durability: str = "step",
    migrate: Migrate | None = None,
    accept_versions: bool = False,
) -> T:
    """Evaluate a target in the running event loop; the arguments are those of `run`."""
    return await (engine or default_engine()).run(
        target,
        params,
        timeout_s=timeout_s,
        resources=resources,
        allow_unused_params=allow_unused_params,
        run_id=run_id,
        state=state,
        durability=durability,
        resumption=Resumption(migrate, accept_versions),
    )


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


__all__ = ["arun", "run"]
