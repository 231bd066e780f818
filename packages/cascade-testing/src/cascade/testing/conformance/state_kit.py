"""`StateKit`: what the parts of the conformance kit of state backends share: fixtures, names, holders."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest

from cascade.spec.identifiers import RunId
from cascade.spec.protocols import StateStore
from cascade.spec.state import EntryKey, Holder

T = TypeVar("T")

PATIENCE_S: Final = 30.0
"""Real seconds after which a call is taken to hang."""

RUN: Final = RunId("run 1")
OTHER: Final = RunId("run 2")
LOAD: Final = EntryKey("", "load")
PARSE: Final = EntryKey("", "parse")
INNER: Final = EntryKey("parse", "load")

NAMES: Final = ["", "/", "a/b", "ä€😀", 'it\'s "quoted"', "%_\\", "line\nbreak", "x" * 500]
"""Texts that are hard to use as a part of a path, a pattern or a query."""


def holder(name: str = "first") -> Holder:
    """Somebody who opens a run; each time with another token."""
    return Holder(uuid.uuid4().hex, "host", 4711, name, 1_700_000_000.0)


def alive(_holder: Holder) -> bool | None:
    """All processes are alive."""
    return True


def dead(_holder: Holder) -> bool | None:
    """All processes have ended."""
    return False


def unknown(_holder: Holder) -> bool | None:
    """All processes are on other machines."""
    return None


class StateKit:
    """The fixtures."""

    @pytest.fixture
    def make_store(self) -> Callable[[], StateStore]:
        """Makes a store object."""
        raise NotImplementedError(
            "give the test class a fixture 'make_store' that returns a function which makes a store of one place"
        )

    @pytest.fixture
    def store(self, make_store: Callable[[], StateStore]) -> StateStore:
        """A store in which there is nothing."""
        return make_store()

    @pytest.fixture
    def let_time_pass(self) -> Callable[[float], None]:
        """Lets so many seconds pass for the store; give one that moves a fake clock if the store takes a clock."""
        return time.sleep

    @pytest.fixture
    def size_bytes(self) -> Callable[[], int] | None:
        """Measures all that the store has written, where that can be done."""
        return None

    @pytest.fixture
    def files(self) -> Callable[[], Iterable[Path]] | None:
        """Lists the files that hold the store, if it is in files."""
        return None

    def _run(self, store: StateStore, program: Coroutine[Any, Any, T]) -> T:
        async def limited() -> T:
            async with asyncio.timeout(PATIENCE_S):
                try:
                    return await program
                finally:
                    await store.close()

        return asyncio.run(limited())


__all__ = ["INNER", "LOAD", "NAMES", "OTHER", "PARSE", "RUN", "StateKit", "alive", "dead", "holder", "unknown"]
