"""The limits of type checkers: right programs that one of them, or both, cannot follow, and what to write instead.

The program runs as its assertions say. The comments above a line hold the error that a checker gives although the line
is right; when a checker learns to follow it, the test fails and the limit can be struck off. What a checker merely does
not see (it says nothing, and would not say anything about a wrong argument either) is in the comments only.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, TypeVar, assert_type, overload

from cascade import workflow as cs

T = TypeVar("T")

# --- A sync task whose return type is a bare TypeVar -----------------------------------------------------------------
# mypy takes the TypeVar for a coroutine, because ``task`` looks for async functions first. Name the mode: then mypy
# knows that the function is sync. (TypeVars inside another type, such as list[T] or tuple[A, B], are no trouble.)


@cs.task
def first(values: Sequence[T]) -> T:
    return values[0]


@cs.task(mode="inline")
def first_inline(values: Sequence[T]) -> T:
    return values[0]


# mypy says [var-annotated] Need type annotation for "first_of_all"
# mypy says [arg-type] incompatible type "list[int]"; expected "Sequence[Coroutine[Any, Any, Never]]"
first_of_all = first([1, 2])
assert cs.run(first_of_all) == 1

first_again = assert_type(first_inline([1, 2]), int)
assert cs.run(first_again) == 1

# --- Overloaded functions --------------------------------------------------------------------------------------------
# A ParamSpec holds one signature. Both checkers take the first overload; make a task of each case.


@overload
def parse(raw: str) -> int: ...
@overload
def parse(raw: bytes) -> float: ...
def parse(raw: str | bytes) -> int | float:
    return int(raw) if isinstance(raw, str) else float(raw)


parse_task = cs.task(parse)
assert cs.run(assert_type(parse_task("1"), int)) == 1

# mypy says [arg-type] incompatible type "bytes"; expected "str"
# pyright says [reportArgumentType] cannot be assigned to parameter "raw" of type "str"
parsed_bytes = parse_task(b"1")
assert cs.run(parsed_bytes) == 1.0

# --- Static methods through an instance, class methods through the class ---------------------------------------------
# Checkers do not tell a descriptor whether @staticmethod or @classmethod stood above it. So a static method is called
# through its class, and a class method through an instance; or make them plain functions.


class Account:
    @staticmethod
    @cs.task
    def parse(raw: str) -> int:
        return int(raw)

    @cs.task
    @classmethod
    def currency(cls, digits: int) -> str:
        return f"{cls.__name__}{digits}"


# mypy says [call-arg] Too many arguments for "__call__" of "Task"
parsed = Account().parse("1")
assert cs.run(parsed) == 1
assert cs.run(Account.parse("1")) == 1

# mypy says [call-arg] Missing positional argument "digits" in call to "__call__" of "Task"
# mypy says [arg-type] incompatible type "int"; expected "type[Account]"
# pyright says [reportCallIssue] Argument missing for parameter "digits"
currency = Account.currency(2)
assert cs.run(currency) == "Account2"
assert cs.run(Account().currency(2)) == "Account2"

# --- Routes of several types -----------------------------------------------------------------------------------------
# mypy joins the values of a dict display to their nearest common base, here ``object``, even where a union is asked
# for. Annotate the dict.


@cs.task
def one() -> int:
    return 1


@cs.task
def show(value: int | str) -> str:
    return str(value)


# mypy says [arg-type] incompatible type "object"; expected "int | str"
shown = show(cs.Router("one", {"one": one(), "two": "two"}))
assert cs.run(shown) == "1"

routes: dict[str, int | str] = {"one": one(), "two": "two"}
assert cs.run(show(cs.Router("one", routes))) == "1"

# --- Modifiers on a call ---------------------------------------------------------------------------------------------
# A call is typed as its value, which has no modifiers. Put them on the task.

# mypy says [attr-defined] "int" has no attribute "with_retry"
# pyright says [reportAttributeAccessIssue] Cannot access attribute "with_retry" for class "int"
retried = one().with_retry(2)
assert cs.run(retried) == 1
assert cs.run(one.with_retry(2)()) == 1

# --- The arguments of a map -------------------------------------------------------------
# The arguments of ``map`` are not checked against the task's parameters: no type makes "n: Iterable[int]" of
# "n: int". A wrong name is found when the graph is built, a wrong item when the task runs.


@cs.task
def double(n: int) -> int:
    return 2 * n


assert cs.run(double.map(n=range(3))) == [0, 2, 4]
not_checked: list[int] = double.map(wrong_name=["not", "a", "number"])

# --- Partials and lambdas --------------------------------------------------------------------------------------------
# mypy knows the result of a functools.partial but not its parameters, so a call of it is not checked. Pyright's strict
# mode wants to know the type of a lambda's parameters, which only a cast or an annotated variable can tell it.


def add(a: int, b: int) -> int:
    return a + b


add_one = cs.task(functools.partial(add, 1))
assert cs.run(assert_type(add_one(2), int)) == 3

# --- Injected by name ------------------------------------------------------------------------------------------------
# ``Inject("name")`` is Any, because only the engine knows the resource; ``Inject(the_resource)`` has its type.

by_name: Any = cs.Inject("database")
