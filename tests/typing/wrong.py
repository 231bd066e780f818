"""Wrong programs: every faulty line, and the error that each type checker must give for it.

The comments above a line say what is expected of it: the checker, the code of the error, and a part of its text (which
may be left out). Every other line must give no error. The module is read by type checkers only and is never run.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

from cascade import workflow as cs

T = TypeVar("T")


@cs.task
def add(a: int, b: int = 1) -> int:
    return a + b


@cs.task
def text(number: int, *, width: int = 0) -> str:
    return str(number).rjust(width)


@cs.task
async def later(url: str) -> bytes:
    return url.encode()


@cs.task
def total(numbers: list[int]) -> int:
    return sum(numbers)


@cs.task
def both(a: T, b: T) -> list[T]:
    return [a, b]


# --- Arguments -------------------------------------------------------------------------------------------------------

# mypy says [arg-type] Argument 1 to "__call__" of "Task" has incompatible type "str"; expected "int"
# pyright says [reportArgumentType] "Literal['three']" is not assignable to "int"
add("three")

# mypy says [arg-type] Argument "b" to "__call__" of "Task" has incompatible type "str"; expected "int"
# pyright says [reportArgumentType] parameter "b" of type "int"
add(1, b="two")

# mypy says [call-arg] Missing positional argument "a" in call to "__call__" of "Task"
# pyright says [reportCallIssue] Argument missing for parameter "a"
add()

# mypy says [call-arg] Too many arguments for "__call__" of "Task"
# pyright says [reportCallIssue] Expected 2 positional arguments
add(1, 2, 3)

# mypy says [call-arg] Unexpected keyword argument "c" for "__call__" of "Task"
# pyright says [reportCallIssue] No parameter named "c"
add(1, c=2)

# mypy says [call-arg] Too many positional arguments for "__call__" of "Task"
# pyright says [reportCallIssue] Expected 1 positional argument
text(1, 2)

# mypy says [arg-type] incompatible type "int"; expected "str"
# pyright says [reportArgumentType] "Literal[1]" is not assignable to "str"
later(1)

# --- Results that are passed on --------------------------------------------------------------------------------------

# mypy says [arg-type] incompatible type "str"; expected "int"
# pyright says [reportArgumentType] "str" is not assignable to "int"
add(text(1))

# mypy says [arg-type] incompatible type "bytes"; expected "int"
# pyright says [reportArgumentType] "bytes" is not assignable to "int"
text(later("a"))

# mypy says [list-item] List item 1 has incompatible type "str"; expected "int"
# pyright says [reportArgumentType] "str" is not assignable to "int"
total([add(1), text(2)])

# mypy says [arg-type] incompatible type "list[str]"; expected "list[int]"
# pyright says [reportArgumentType] "list[str]" is not assignable to "list[int]"
total(text.map(number=[1, 2]))

# mypy says [index] Value of type "int" is not indexable
# pyright says [reportIndexIssue] not defined on type "int"
text(add(1)["key"])

# --- Results that are used as another type ---------------------------------------------------------------------------

# mypy says [assignment] expression has type "int", variable has type "str"
# pyright says [reportAssignmentType] "int" is not assignable to "str"
number: str = cs.run(add(1))

# mypy says [assignment] expression has type "bytes", variable has type "str"
# pyright says [reportAssignmentType] "bytes" is not assignable to "str"
page: str = cs.start(later("a")).result()

# mypy says [attr-defined] "int" has no attribute "upper"
# pyright says [reportAttributeAccessIssue] Cannot access attribute "upper" for class "int"
cs.run((text(1), add(1)))[1].upper()

# A call is typed as its value, so nothing has to be awaited, and nothing of a lazy result can be seen.
# mypy says [attr-defined] "int" has no attribute "with_retry"
# pyright says [reportAttributeAccessIssue] Cannot access attribute "with_retry" for class "int"
add(1).with_retry(3)


async def awaiting() -> None:
    # mypy says [misc] Incompatible types in "await" (actual type "bytes", expected type "Awaitable[Any]")
    # pyright says [reportGeneralTypeIssues] "bytes" is not awaitable
    await later("a")

    # mypy says [arg-type] Argument 1 to "arun" has incompatible type "int"; expected "str"
    # pyright says [reportAssignmentType] "int" is not assignable to "str"
    value: str = await cs.arun(add(1))

    # mypy says [unused-coroutine] Value of type "Coroutine[Any, Any, str]" must be used
    # pyright says [reportUnusedCoroutine] Result of async function call is not used
    cs.arun(value)


# --- Bodies of tasks -------------------------------------------------------------------------------------------------


@cs.task
def countdown(n: int) -> str:
    # mypy says [return-value] Incompatible return value type (got "int", expected "str")
    # pyright says [reportReturnType] "int" is not assignable to return type "str"
    return add(n)


@cs.task
def endless(n: int) -> str:
    # mypy says [call-arg] Missing positional argument "n" in call to "__call__" of "Task"
    # pyright says [reportCallIssue] Argument missing for parameter "n"
    return endless()


# --- Modifiers -------------------------------------------------------------------------------------------------------

# mypy says [arg-type] incompatible type "str"; expected "int"
# pyright says [reportArgumentType] "Literal['three']" is not assignable to "int"
add.with_retry(3)("three")

# mypy says [arg-type] Argument 1 to "with_retry" of "Modifiable" has incompatible type "str"; expected "int"
# pyright says [reportArgumentType] parameter "max_attempts" of type "int"
add.with_retry("3")(1)

# mypy says [call-arg] Unexpected keyword argument "delay" for "with_retry" of "Modifiable"
# pyright says [reportCallIssue] No parameter named "delay"
add.with_retry(3, delay=1)(1)

# mypy says [arg-type] Argument "retry_on" to "with_retry" of "Modifiable" has incompatible type "OSError"
# pyright says [reportArgumentType] parameter "retry_on"
add.with_retry(retry_on=OSError())(1)

# mypy says [arg-type] Argument 1 to "with_timeout" of "Modifiable" has incompatible type "str"; expected "float"
# pyright says [reportArgumentType] parameter "timeout_s" of type "float"
add.with_timeout("1 s")(1)

# mypy says [arg-type] Argument "gpu" to "with_constraints" of "Modifiable" has incompatible type "str"
# pyright says [reportArgumentType] parameter "gpu" of type "float"
add.with_constraints(gpu=text(1))(1)

# mypy says [arg-type] Argument 1 to "with_cache" of "Modifiable" has incompatible type "bytes"
# pyright says [reportArgumentType] parameter "cache" of type "CachePolicy | str"
add.with_cache(b"memory")(1)

# mypy says [attr-defined] "Task[[int, int], int]" has no attribute "retry"
# pyright says [reportAttributeAccessIssue] Cannot access attribute "retry"
add.retry(3)(1)

# --- Maps ------------------------------------------------------------------------------------------------------------

# mypy says [arg-type] incompatible type "list[int]"; expected "int"
# pyright says [reportArgumentType] "list[int]" is not assignable to "int"
text(add.map(a=[1, 2]))

# mypy says [call-overload] No overload variant of "map" of "Task" matches argument types "list[int]", "str"
# pyright says [reportCallIssue] No overloads for "map"
# pyright says [reportArgumentType] "Literal['ignore']" is not assignable to type "Literal['continue']"
add.map([1], on_error="ignore")

# mypy says [arg-type] incompatible type "list[int | Failure]"; expected "list[int]"
# pyright says [reportArgumentType] "list[int | Failure]" is not assignable to "list[int]"
total(add.map([1], on_error="continue"))

# --- Routers ---------------------------------------------------------------------------------------------------------

# mypy says [arg-type] incompatible type "str"; expected "int"
# pyright says [reportArgumentType] "str" is not assignable to "int"
add(cs.Router(text(1), {"1": text(1), "2": text(2)}))

# mypy says [arg-type] incompatible type "int | None"; expected "int"
# pyright says [reportArgumentType] "None" is not assignable to "int"
add(cs.Router(text(1), {"1": add(1)}, default=None))

# mypy says [call-overload] No overload variant of "Router" matches argument types "str", "list[int]"
# pyright says [reportArgumentType] "list[int]" is not assignable to "Mapping[Any, V@Router]"
cs.Router(text(1), [add(1)])

# --- Parameters and environment --------------------------------------------------------------------------------------

# mypy says [arg-type] incompatible type "str"; expected "int"
# pyright says [reportArgumentType] "str" is not assignable to "int"
add(cs.Param("a"))

# mypy says [arg-type] incompatible type "float"; expected "int"
# pyright says [reportArgumentType] "float" is not assignable to "int"
add(cs.Env("A", type=float))

# mypy says [call-overload] No overload variant of "Param" matches argument types "str", "type[int]"
# pyright says [reportCallIssue] No overloads for "Param"
cs.Param("a", int)


@cs.task
def shards(
    # mypy says [assignment] Incompatible default for parameter "count" (default has type "int | str"
    # pyright says [reportArgumentType] "int | str" cannot be assigned to parameter of type "int"
    count: int = cs.Param("count", type=int, default="three"),
    # mypy says [assignment] Incompatible default for parameter "size" (default has type "str"
    # pyright says [reportArgumentType] "str" cannot be assigned to parameter of type "int"
    size: int = cs.Env("SIZE", default="large"),
) -> int:
    return count * size


# --- Resources -------------------------------------------------------------------------------------------------------


@cs.resource
def database() -> Generator[dict[str, int], None, None]:
    yield {}


@cs.task
# mypy says [arg-type] Argument 1 to "Inject" has incompatible type "Resource[dict[str, int]]"
# pyright says [reportArgumentType] "dict[str, int]" cannot be assigned to parameter of type "list[int]"
def query(rows: list[int] = cs.Inject(database)) -> int:
    return len(rows)


# mypy says [arg-type] Argument 1 to "Inject" has incompatible type "Resource[dict[str, int]]"
# pyright says [reportArgumentType] "dict[str, int]" is not assignable to "list[int]"
total(cs.Inject(database))

# mypy says [call-overload] No overload variant of "Inject" matches argument type "int"
# pyright says [reportCallIssue] No overloads for "Inject"
# pyright says [reportArgumentType] "Literal[3]" is not assignable to "str"
cs.Inject(3)


# mypy says [arg-type] Argument 1 to "resource" has incompatible type "Callable[[], int]"
# pyright says [reportCallIssue] No overloads for "resource"
# pyright says [reportArgumentType] Function return type "int" is incompatible with type "AsyncIterator[T@resource]"
@cs.resource
def constant() -> int:
    return 3


# mypy says [call-overload] No overload variant of "resource" matches argument type "str"
# mypy says [untyped-decorator] Untyped decorator makes function "unknown_scope" untyped
# pyright says [reportArgumentType] "Literal['process']" is not assignable to type
@cs.resource(scope="process")
def unknown_scope() -> Generator[int, None, None]:
    yield 3


# --- Declarations ----------------------------------------------------------------------------------------------------


# mypy says [call-overload] No overload variant of "task" matches argument type "str"
# mypy says [untyped-decorator] Untyped decorator makes function "unknown_mode" untyped
# pyright says [reportCallIssue] No overloads for "task"
# pyright says [reportArgumentType]
@cs.task(mode="background")
def unknown_mode(a: int) -> int:
    return a


# mypy says [call-overload] No overload variant of "task" matches argument type "int"
# pyright says [reportCallIssue] No overloads for "task"
# pyright says [reportArgumentType]
cs.task(3)


@cs.task(mode="thread")
async def async_in_a_thread(url: str) -> bytes:
    return url.encode()


# mypy says [arg-type] incompatible type "Coroutine[Any, Any, bytes]"; expected "int"
# pyright says [reportArgumentType] "CoroutineType[Any, Any, bytes]" is not assignable to "int"
add(async_in_a_thread("a"))


def apply(task: cs.Task[[int], str]) -> str:
    return task(1)


# mypy says [arg-type] Argument 1 to "apply" has incompatible type "Task[[int, int], int]"; expected "Task[[int], str]"
# pyright says [reportArgumentType] "int" is not assignable to "str"
apply(add)


class Account:
    @cs.task
    def rounded(self, digits: int) -> float:
        return round(1.0, digits)


# mypy says [call-arg] Missing positional argument "digits" in call to "__call__" of "Task"
# pyright says [reportCallIssue] Argument missing for parameter "digits"
Account().rounded()

# mypy says [arg-type] incompatible type "str"; expected "int"
# pyright says [reportArgumentType] "Literal['two']" is not assignable to "int"
Account().rounded.with_retry(2)("two")

# --- Running ---------------------------------------------------------------------------------------------------------

# mypy says [arg-type] Argument "engine" to "run" has incompatible type "str"; expected "Engine | None"
# pyright says [reportArgumentType] parameter "engine" of type "Engine | None"
cs.run(add(1), engine="local")

# mypy says [arg-type] Argument 2 to "run" has incompatible type "list[int]"; expected "Mapping[str, Any] | None"
# pyright says [reportArgumentType] parameter "params"
cs.run(add(1), [1])

# mypy says [call-arg] Unexpected keyword argument "timeout" for "run"
# pyright says [reportCallIssue] No parameter named "timeout"
cs.run(add(1), timeout=3)

# mypy says [arg-type] Argument 1 to "Engine" has incompatible type "bytes"; expected "Solver | str | None"
# pyright says [reportArgumentType] parameter "solver" of type "Solver | str | None"
cs.Engine(b"native")

# mypy says [dict-item] Dict entry 0 has incompatible type "str": "str"; expected "str": "float"
# pyright says [reportArgumentType] "dict[str, str]" is not assignable to "Mapping[str, float]"
cs.Engine(system_resources={"gpu": "two"})

# mypy says [list-item] List item 0 has incompatible type "str"; expected "Resource[Any]"
# pyright says [reportArgumentType] "Literal['database']" is not assignable to "Resource[Any]"
cs.run(add(1), resources=["database"])

# mypy says [arg-type] Argument "events" to "start" has incompatible type "type[int]"; expected "type[Event]"
# pyright says [reportArgumentType] parameter "events" of type "type[Event]"
handle = cs.start(add(1), events=int)
