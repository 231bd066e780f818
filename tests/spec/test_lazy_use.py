"""A lazy result that is used as if it were its value says so, whatever the use; identity is all that it has."""

from __future__ import annotations

import copy
import operator
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from cascade import workflow as cs


@cs.task
def fetch(*parts: Any) -> Any:
    return parts


@cs.resource
def connection() -> Any:
    yield 1


STAND_INS: dict[str, Any] = {
    "call": fetch(1),
    "call with options": fetch(1).with_retry(2),
    "map": fetch.map([1, 2]),
    "router": cs.Router("a", {"a": 1}),
    "item": fetch(1)["key"],
    "parameter": cs.Param("p"),
    "environment variable": cs.Env("E"),
    "resource": cs.Inject(connection),
}

USES: dict[str, Callable[[Any], Any]] = {
    "truth": bool,
    "not": operator.not_,
    "if": lambda lazy: 1 if lazy else 2,
    "and": lambda lazy: lazy and 1,
    "len": len,
    "iter": iter,
    "unpacking": lambda lazy: [*lazy],
    "in": lambda lazy: 1 in lazy,
    "reversed": reversed,
    "call": lambda lazy: lazy(),
    "less": lambda lazy: lazy < 1,
    "less or equal": lambda lazy: lazy <= 1,
    "greater": lambda lazy: lazy > 1,
    "greater or equal": lambda lazy: lazy >= 1,
    "reflected order": lambda lazy: lazy > 1,
    "sorted": lambda lazy: sorted([lazy, lazy]),
    "int": int,
    "float": float,
    "complex": complex,
    "bytes": bytes,
    "round": round,
    "index": lambda lazy: [1, 2][lazy],
    "range": range,
    "f-string": lambda lazy: f"{lazy}",
    "f-string with a format": lambda lazy: f"{lazy:>10}",
    "format": "{}".format,
    "negative": operator.neg,
    "absolute": abs,
    "invert": operator.invert,
    "plus": lambda lazy: lazy + 1,
    "reflected plus": lambda lazy: 1 + lazy,
    "plus itself": lambda lazy: lazy + lazy,
    "minus": lambda lazy: lazy - 1,
    "times": lambda lazy: 2 * lazy,
    "matrix product": lambda lazy: lazy @ lazy,
    "division": lambda lazy: lazy / 2,
    "floor division": lambda lazy: 2 // lazy,
    "remainder": lambda lazy: lazy % 2,
    "divmod": lambda lazy: divmod(lazy, 2),
    "power": lambda lazy: lazy**2,
    "shift": lambda lazy: lazy << 1,
    "and bits": lambda lazy: lazy & 1,
    "or bits": lambda lazy: 1 | lazy,
    "xor bits": lambda lazy: lazy ^ 1,
    "sum": lambda lazy: sum([lazy]),
    "setting an item": lambda lazy: operator.setitem(lazy, 0, 1),
    "deleting an item": lambda lazy: operator.delitem(lazy, 0),
    "attribute": lambda lazy: lazy.rows,
    "method": lambda lazy: lazy.strip(),
    "setting an attribute": lambda lazy: setattr(lazy, "rows", 1),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES.keys())
@pytest.mark.parametrize("lazy", STAND_INS.values(), ids=STAND_INS.keys())
def test_using_a_stand_in_as_its_value_is_an_error(lazy: Any, use: Callable[[Any], Any]) -> None:
    with pytest.raises((cs.LazyUseError, AttributeError)):
        use(lazy)


@pytest.mark.parametrize("use", [use for name, use in USES.items() if name != "setting an attribute"])
def test_the_error_names_the_call_and_says_what_to_do(use: Callable[[Any], Any]) -> None:
    with pytest.raises(cs.LazyUseError, match=r"<lazy fetch\(…1\)>.*(inside a task|Pass it to a task)"):
        use(fetch(1))


def test_the_error_is_what_a_caller_would_catch() -> None:
    with pytest.raises(TypeError):
        len(fetch())
    with pytest.raises(AttributeError):
        fetch().rows
    assert not hasattr(fetch(), "rows")
    assert getattr(fetch(), "rows", "default") == "default"


async def test_awaiting_a_stand_in_is_an_error() -> None:
    with pytest.raises(cs.LazyUseError, match=r"Await a run of it, as in 'await arun\(…\)'"):
        await fetch(1)
    with pytest.raises(TypeError):
        async for _ in fetch(1):
            pass


@pytest.mark.parametrize("lazy", STAND_INS.values(), ids=STAND_INS.keys())
def test_equality_and_hash_are_those_of_identity(lazy: Any) -> None:
    assert lazy == lazy
    assert fetch(1) != fetch(1)
    assert lazy != 1
    assert not lazy == 1  # noqa: SIM201
    assert len({lazy, lazy, fetch(1)}) == 2
    assert {lazy: "value"}[lazy] == "value"
    assert lazy in [lazy]
    assert lazy not in [fetch(1), 1]


@pytest.mark.parametrize("lazy", STAND_INS.values(), ids=STAND_INS.keys())
def test_a_stand_in_can_be_shown(lazy: Any) -> None:
    assert repr(lazy).startswith("<")
    assert str(lazy) == repr(lazy)


@pytest.mark.parametrize(
    ("lazy", "text"),
    [
        (fetch(), "<lazy fetch()>"),
        (fetch(1, 2), "<lazy fetch(…2)>"),
        (fetch.map([1]), "<lazy fetch.map(…1)>"),
        (cs.Router("a", {"a": 1, "b": 2}), "<router of 2 routes>"),
        (cs.Param("shards"), "<param shards>"),
        (cs.Inject(connection), "<resource connection>"),
    ],
)
def test_what_a_stand_in_shows(lazy: Any, text: str) -> None:
    assert repr(lazy) == text


def test_an_item_of_a_stand_in_is_one_too() -> None:
    assert cs.run(cs.task(lambda: {"a": [10, 20]})()["a"][1]) == 20


def test_a_lazy_result_is_small_and_takes_no_attributes() -> None:
    assert not hasattr(fetch(1), "__dict__")


def test_a_lazy_result_can_be_copied_and_pickled() -> None:
    target = fetch(1, [2]).with_retry(2)
    assert cs.run(copy.copy(target)) == (1, [2])
    assert cs.run(copy.deepcopy(target)) == (1, [2])
    assert cs.run(pickle.loads(pickle.dumps(target))) == (1, [2])
