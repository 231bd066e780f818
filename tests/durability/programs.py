"""Tasks of durable runs in tests. They are found again by name, so they stand at the top level of a module."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from cascade import workflow as cs

CALLS: Counter[str] = Counter()
"""How often each task was called."""

BROKEN: set[str] = set()
"""Tasks that fail when they are called, after they were counted."""


class Broken(Exception):
    """What a broken task raises."""


def called(name: str) -> None:
    """Count a call, and fail if that is to be."""
    CALLS[name] += 1
    if name in BROKEN:
        raise Broken(name)


@dataclass
class Order:
    """A value of a class of one's own."""

    items: list[Any]
    note: str = ""
    tags: set[str] = field(default_factory=set)


@cs.task(mode="inline")
def count(n: int, total: int = 0) -> int:
    """A hot loop."""
    called(f"count {n}")
    return total if n == 0 else count(n - 1, total + n)


@cs.task(mode="thread")
def work(name: str, value: Any = None) -> Any:
    """A node in a thread."""
    called(name)
    return value


@cs.task(mode="inline")
def join(name: str, *parts: Any) -> list[Any]:
    """A node that takes what others give."""
    called(name)
    return list(parts)


@cs.task(mode="inline")
def order(items: list[Any]) -> Order:
    """A node that gives a dataclass."""
    called("order")
    return Order(items)


@cs.task(mode="inline")
def spoil(name: str, items: list[Any]) -> list[Any]:
    """A node that changes what it gets, and only then fails."""
    items.append(name)
    called(name)
    return items


@cs.task(mode="thread")
def inner(n: int) -> str:
    """A loop of its own inside a node."""
    called(f"inner {n}")
    return "inner done" if n == 0 else inner(n - 1)


@cs.task
async def item(n: int) -> int:
    """An item of a map."""
    await asyncio.sleep(0)
    called(f"item {n}")
    return n * n


@cs.task
async def item_loop(n: int) -> int:
    """An item that is a loop of two steps."""
    called(f"first {n}")
    return item(n)


@cs.task
def opaque() -> Any:
    """A node whose value cannot be stored."""
    called("opaque")
    return iter([1, 2])


@cs.task(mode="inline")
def takes(value: Any) -> Any:
    """Takes anything."""
    called("takes")
    return value


@cs.task(mode="inline")
def after_one(value: Any) -> Any:
    """A first step that can be stored, and a second that cannot."""
    called("after one")
    return takes(value=[1, {"when": object()}])


@cs.task(version=1)
def versioned(n: int) -> int:
    """A task whose version changes."""
    called("versioned")
    return n


@cs.task
def greet(name: str) -> str:
    """A step with parameters."""
    called("greet")
    return shout(cs.Param("words", default="hello"), name)


@cs.task
def shout(words: str, name: str) -> str:
    """The step after it."""
    called("shout")
    return f"{words}, {name}"
