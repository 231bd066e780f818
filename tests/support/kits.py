"""Runs a conformance kit by hand, without pytest: to see that a broken part fails what it should fail."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest


def failed_promises(kit: type, fixtures: Mapping[str, Callable[[], Any]]) -> set[str]:
    """Run every test of a kit, each on fresh objects; the names of those that fail.

    Args:
        kit: The kit or a class derived from it.
        fixtures: For each fixture that a test can ask for, what makes its value.
    """
    return {name for name, test in promises(kit) if any(_fails(call) for call in _calls(kit, test, fixtures))}


def promises(kit: type) -> Iterator[tuple[str, Any]]:
    """The tests of a kit."""
    for name in dir(kit):
        if name.startswith("test_"):
            yield name, getattr(kit, name)


def _calls(kit: type, test: Any, fixtures: Mapping[str, Callable[[], Any]]) -> Iterator[Callable[[], Any]]:
    """One call for each set of parameters."""
    parameters = [mark for mark in getattr(test, "pytestmark", []) if mark.name == "parametrize"]
    given = [{mark.args[0]: value} for mark in parameters for value in mark.args[1]] or [{}]
    # Hypothesis shows pytest a signature without what it fills itself.
    names = [name for name in inspect.signature(test).parameters if name != "self"]
    for arguments in given:
        values = arguments | {name: fixtures[name]() for name in names if name not in arguments}
        yield lambda values=values: test(kit(), **values)  # type: ignore[misc]


def _fails(call: Callable[[], Any]) -> bool:
    try:
        call()
    except pytest.skip.Exception:
        return False
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
        return True
    return False
