"""`NodeProcessor`: runs one node with everything that its options ask for.

A plain call never comes here: the strategy makes it itself. This is the way of calls that are async or run elsewhere,
and of calls with policies. From the outside in: attempts, capacities and limits, resources, the call with its timeout.
Capacities are held only while an attempt runs, never during the pause before the next. Caches are outside of all this:
see `cascade.runtime.strategies.cached`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cascade.graph.model import Node
from cascade.runtime.constraints.manager import Lease
from cascade.runtime.run_context import RunContext
from cascade.spec.events import (
    TaskBlocked,
    TaskExecutionFinished,
    TaskExecutionStarted,
    TaskRetrying,
    TaskStatus,
)
from cascade.spec.identifiers import NodeId
from cascade.spec.resources import InjectStandIn


@dataclass(slots=True)
class NodeCall:
    """One call that is about to be made.

    Attributes:
        node: What is called.
        args: Positional arguments; resources still as ``Inject``.
        kwargs: Keyword arguments, likewise.
        name: The label or the task's name.
        node_id: The node's name in its graph.
        step: The step of its loop.
        amounts: The capacities that it holds while it runs.
    """

    node: Node
    args: list[Any]
    kwargs: dict[str, Any]
    name: str
    node_id: NodeId
    step: int
    amounts: Mapping[str, float]


class NodeProcessor:
    """Runs calls for one run.

    Args:
        run: The run.
    """

    __slots__ = ("_run",)

    def __init__(self, run: RunContext) -> None:
        self._run = run

    async def open_injected(self, call: NodeCall) -> None:
        """Put the resources in the place of each ``Inject`` among the arguments, opening those that are not open."""
        for place in call.node.options.injected:
            values: Any = call.args if isinstance(place, int) else call.kwargs
            wanted = values[place]
            # Not an Inject any more: the input was skipped and the parameter's default stands here.
            if type(wanted) is InjectStandIn:
                values[place] = await self._run.step_resources.get(wanted)

    async def process(self, call: NodeCall, failed: Exception | None = None) -> Any:
        """Run a call, with its events.

        Args:
            call: The call.
            failed: What the first attempt has raised, if that was made already.

        Raises:
            BaseException: What the last attempt raised.
        """
        clock = self._run.clock
        began = clock.monotonic()
        status: TaskStatus = "Failed"
        failure: BaseException | None = None
        lease = await self._acquire(call)  # before the start is announced: a blocked call has not started
        self._publish(TaskExecutionStarted, call)
        try:
            value = await self._attempts(call, lease, failed)
            status = "Succeeded"
            return value
        except BaseException as error:
            failure = error
            if isinstance(error, asyncio.CancelledError):
                status = "Cancelled"
            raise
        finally:
            duration_s = clock.monotonic() - began
            self._publish(TaskExecutionFinished, call, status=status, duration_s=duration_s, error=failure)

    async def _attempts(self, call: NodeCall, lease: Lease, failed: Exception | None) -> Any:
        retry = call.node.options.policies.retry
        attempt = 1
        while True:
            try:
                if failed is not None:
                    self._run.constraints.release(lease)
                    raise failed
                return await self._attempt(call, lease)
            except Exception as error:
                failed = None
                if retry is None or attempt >= retry.max_attempts or not retry.applies_to(error):
                    raise
                from random import random  # not above: few tasks are tried again, and all wait for it

                delay_s = retry.delay_before(attempt + 1, random)
                self._publish(
                    TaskRetrying,
                    call,
                    attempt=attempt,
                    max_attempts=retry.max_attempts,
                    delay_s=delay_s,
                    error=error,
                )
            await asyncio.sleep(delay_s)
            attempt += 1
            lease = await self._acquire(call)

    async def _attempt(self, call: NodeCall, lease: Lease) -> Any:
        run, node = self._run, call.node
        assert node.task is not None
        try:
            if node.options.injected:
                await self.open_injected(call)
            return await run.executor.execute(node.task, call.args, call.kwargs, node.options.policies.timeout_s)
        finally:
            run.constraints.release(lease)

    async def _acquire(self, call: NodeCall) -> Lease:
        # Also without amounts and limits: a limit that is introduced later counts what runs already.
        assert call.node.task is not None
        return await self._run.constraints.acquire(
            call.node.task.name, call.amounts, lambda reason: self._publish(TaskBlocked, call, reason=reason)
        )

    def _publish(self, kind: Any, call: NodeCall, **fields: Any) -> None:
        self._run.publish(kind, task=call.name, node_id=call.node_id, step=call.step, **fields)


def without_resources(call: NodeCall) -> tuple[list[Any], dict[str, Any]]:
    """The arguments with the name of each resource in its place: a connection is no part of a key."""

    def name(value: Any) -> Any:
        return f"resource {value._name}" if type(value) is InjectStandIn else value

    return [name(value) for value in call.args], {key: name(value) for key, value in call.kwargs.items()}


__all__ = ["NodeCall", "NodeProcessor", "without_resources"]
