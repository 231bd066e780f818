"""`call_key`: equal exactly for the same function, version and arguments."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cascade import workflow as cs
from cascade.adapters.caches.keys import call_key, file_name, name_in
from tests.adapters.records import Colour, Frozen, Level, Order, Point
from tests.support.running import make_module


def power(base: Any, exponent: int = 2, *rest: Any, key: str = "", **named: Any) -> Any:
    return base**exponent


power_task = cs.task(power)


def key(*args: Any, **kwargs: Any) -> str:
    return call_key(power_task, args, kwargs)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (key(3), key(base=3)),
        (key(3), key(3, 2)),
        (key(3, exponent=2), key(exponent=2, base=3)),
        (key(3, key=""), key(3)),
        (key([1, {"a": (2,)}]), key([1, {"a": (2,)}])),
        (key(np.arange(5_000)), key(np.arange(5_000))),
        (key(Point(1)), key(Point(1, 0.0))),
        (key(Order([1])), key(Order([1], Colour.RED))),
    ],
)
def test_the_same_call_has_one_key_however_it_is_written(left: str, right: str) -> None:
    assert left == right


class SameRepr:
    def __init__(self, x: int) -> None:
        self.x = x

    def __repr__(self) -> str:
        return "SameRepr()"

    def __cascade_hash__(self) -> int:
        return self.x


def middle_differs() -> np.ndarray[Any, Any]:
    array = np.arange(5_000)
    array[2_500] = -1
    return array


DIFFERENT: list[Any] = [
    1,
    1.0,
    True,
    "1",
    b"1",
    [1],
    (1,),
    {1},
    frozenset({1}),
    {1: 1},
    None,
    0.0,
    -0.0,
    np.int64(1),
    np.array([1]),
    np.arange(5_000),
    middle_differs(),
    np.arange(5_000.0),
    np.arange(5_000).reshape(2, -1),
    SameRepr(1),
    SameRepr(2),
    Level.LOW,
    Colour.RED,
    Point(1),
    Frozen("1"),
    {"a": 1, "b": 2},
    {"b": 2, "a": 1},
    10**5_000,
    {10**5_000: 1},
]


def test_arguments_that_a_function_can_tell_apart_have_different_keys() -> None:
    keys = [key(value) for value in DIFFERENT]
    assert len(set(keys)) == len(DIFFERENT)
    assert repr(np.arange(5_000)) == repr(middle_differs())


def test_who_takes_an_argument_counts() -> None:
    keys = [key(1, 2), key(2, 1), key(1, 2, 3), key(1, 2, 3, key="a"), key(1, 2, a=3), key(1, 2, b=3)]
    assert len(set(keys)) == len(keys)


def make_namesake(result: int) -> cs.Task[..., Any]:
    def inner(x: int) -> int:
        return result

    return cs.task(inner)


def test_two_functions_of_one_name_have_different_keys() -> None:
    first, second = make_namesake(1), make_namesake(2)
    assert call_key(first, (1,), {}) != call_key(second, (1,), {})
    assert call_key(first, (1,), {}) == call_key(first, (1,), {})


def test_a_function_that_was_replaced_by_a_namesake_has_another_key() -> None:
    source = "@cs.task\ndef f(x): ...\nfirst = f\n@cs.task\ndef f(x): ...\nsecond = f"
    module = make_module("module_with_namesakes", source)
    sys.modules[module.__name__] = module
    try:
        assert call_key(module.first, (1,), {}) != call_key(module.second, (1,), {})
    finally:
        del sys.modules[module.__name__]


class Model:
    def __init__(self, factor: int) -> None:
        self.factor = factor

    def predict(self, x: int) -> int:
        return self.factor * x

    @cs.task
    def as_task(self, x: int) -> int:
        return self.factor * x

    def __call__(self, x: int) -> int:
        return self.factor * x

    def __cascade_hash__(self) -> int:
        return self.factor


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (cs.task(functools.partial(power, 2)), cs.task(functools.partial(power, 3))),
        (cs.task(functools.partial(power, exponent=2)), cs.task(functools.partial(power, exponent=3))),
        (cs.task(Model(1).predict), cs.task(Model(2).predict)),
        (cs.task(Model(1)), cs.task(Model(2))),
        (cs.task("a".count), cs.task("b".count)),
        (cs.task(power), cs.task(version=1)(power)),
        (cs.task(version=1)(power), cs.task(version=2)(power)),
    ],
)
def test_what_the_name_of_a_function_does_not_say_is_in_the_key(left: Any, right: Any) -> None:
    assert call_key(left, ("a",), {}) != call_key(right, ("a",), {})


def test_equal_objects_behind_a_function_have_one_key() -> None:
    assert call_key(cs.task(Model(1).predict), (1,), {}) == call_key(cs.task(Model(1).predict), (1,), {})
    partial = functools.partial(power, 2)
    assert call_key(cs.task(partial), (1,), {}) == call_key(cs.task(functools.partial(power, 2)), (1,), {})


def test_a_method_of_another_object_has_another_key() -> None:
    lazy: Any = [Model(1).as_task(3), Model(2).as_task(3), Model(1).as_task(3)]
    keys = [call_key(call._task, call._args, call._kwargs) for call in lazy]
    assert keys[0] == keys[2] != keys[1]


def test_options_are_no_part_of_the_key() -> None:
    assert call_key(power_task.with_retry(3).named("other"), (1,), {}) == key(1)


@dataclass
class Holder:
    items: list[Any]


@pytest.mark.parametrize(
    ("args", "kwargs", "path"),
    [
        ((Holder([0, object()]),), {}, "args[0].items[1]"),
        ((1, 2, object()), {}, "rest[0]"),
        ((), {"base": {"a": object()}}, "base['a']"),
        ((1,), {"other": object()}, "named['other']"),
    ],
)
def test_what_has_no_stable_hash_is_refused_with_its_path(args: Any, kwargs: Any, path: str) -> None:
    with pytest.raises(cs.UnhashableValueError) as caught:
        call_key(power_task, args, kwargs)
    assert caught.value.path == path


def test_a_callable_without_a_stable_hash_is_refused() -> None:
    class Opaque:
        def __call__(self) -> None: ...

    with pytest.raises(cs.UnhashableValueError, match=r"the callable Opaque is a .*Opaque, which has no stable hash"):
        call_key(cs.task(Opaque()), (), {})


def test_a_builtin_without_a_signature_has_keys() -> None:
    assert call_key(cs.task(max), (1, 2), {}) != call_key(cs.task(max), (2, 1), {})


@pytest.mark.slow
def test_keys_are_equal_in_every_process() -> None:
    program = (
        "import json; from tests.adapters.test_cache_keys import key, Point, np, Model, call_key, cs\n"
        "print(json.dumps([key(1), key({'a': Point(1)}), key(np.arange(9)), key({3, 'b', (1,)}),"
        " call_key(cs.task(Model(1).predict), (1,), {})]))"
    )
    answers = {
        subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }
    here = [key(1), key({"a": Point(1)}), key(np.arange(9)), key({3, "b", (1,)})]
    here.append(call_key(cs.task(Model(1).predict), (1,), {}))
    assert [json.loads(answer) for answer in answers] == [here]


def test_a_key_begins_with_the_name_and_makes_a_file_name() -> None:
    assert name_in(key(1)) == "power"
    assert file_name(key(1)) == f"power-{key(1)[6:]}"
    assert file_name("a.<locals>.f/../:12") == "a._locals_.f_.._-12"
    assert file_name(f"..{'x' * 100}:12") == f"{'x' * 60}-12"
