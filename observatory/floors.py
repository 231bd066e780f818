"""Floors: the least that the same work costs as one writes it by hand, measured in the process of what stands on them.

A thunk is filled by its ``__init__``. A lazy result is filled by who makes it, which is quicker in all versions of
Python so far; so it may cost less than its floor.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any


class Thunk:
    """The smallest lazy call: three slots."""

    __slots__ = ("args", "kwargs", "task")

    def __init__(self, task: Decorated, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.task = task
        self.args = args
        self.kwargs = kwargs


class Decorated:
    """The smallest decorator object."""

    def __init__(self, fn: Callable[..., Any]) -> None:
        self.fn = fn

    def __call__(self, *args: Any, **kwargs: Any) -> Thunk:
        return Thunk(self, args, kwargs)


def trampoline(call: Any) -> Any:
    """Make calls until the value is no call any more."""
    while type(call) is Thunk:
        call = call.task.fn(*call.args, **call.kwargs)
    return call


async def async_trampoline(call: Any) -> Any:
    """Await calls until the value is no call any more."""
    while type(call) is Thunk:
        call = await call.task.fn(*call.args, **call.kwargs)
    return call


def run_async(call: Any) -> Any:
    """Run the asynchronous trampoline in an event loop of its own."""
    return asyncio.run(async_trampoline(call))


__all__ = ["Decorated", "Thunk", "async_trampoline", "run_async", "trampoline"]
