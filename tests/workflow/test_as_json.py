"""`as_json`: whatever a value is, its line of JSON can be written and read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from cascade.workflow.cli.as_json import as_json


class Wordless(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


class Broken(list[int]):
    def __iter__(self) -> Iterator[int]:
        raise RuntimeError("no items")

    def __repr__(self) -> str:
        return "a broken list"


@dataclass
class Lazy:
    name: str = "x"

    @property
    def value(self) -> int:
        raise RuntimeError("no value")


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (10**4_000, 10**4_000),
        (1 << 100_000, hex(1 << 100_000)),
        ({-(1 << 100_000): [1 << 100_000]}, {hex(-(1 << 100_000)): [hex(1 << 100_000)]}),
        (Wordless("x"), "Wordless('x')"),
        ([1, Broken([2])], [1, "a broken list"]),
        (Lazy(), {"name": "x"}),
        ([float("nan"), 1.5], ["nan", 1.5]),
    ],
    ids=["long", "too long", "too long inside", "without words", "without items", "property", "not a number"],
)
def test_every_value_can_be_written(value: Any, written: Any) -> None:
    assert json.loads(json.dumps(as_json(value))) == written
