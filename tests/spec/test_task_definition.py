"""What can be a task, what it is called, and which calls fit it."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from cascade import workflow as cs


@cs.task
def add(a: int, b: int = 10, *rest: int, scale: int = 1, **more: int) -> int:
    """Adds."""
    return (a + b + sum(rest) + sum(more.values())) * scale


@cs.task
async def add_async(a: int, b: int = 10) -> int:
    await asyncio.sleep(0)
    return a + b


class Account:
    rate = 3

    def __init__(self, balance: int) -> None:
        self.balance = balance

    @cs.task
    def after(self, amount: int) -> int:
        return self.balance + amount

    @cs.task
    async def after_async(self, amount: int) -> int:
        return self.balance + amount

    @cs.task
    @staticmethod
    def task_of_static(n: int) -> int:
        return 2 * n

    @staticmethod
    @cs.task
    def static_of_task(n: int) -> int:
        return 3 * n

    @cs.task
    @classmethod
    def task_of_class(cls, n: int) -> int:
        return cls.rate * n

    @classmethod
    @cs.task
    def class_of_task(cls, n: int) -> int:
        return cls.rate * n


class Savings(Account):
    rate = 5


class Multiplier:
    def __init__(self, by: int) -> None:
        self.by = by

    def __call__(self, n: int) -> int:
        return self.by * n


class AsyncMultiplier(Multiplier):
    async def __call__(self, n: int) -> int:  # type: ignore[override]
        return self.by * n


def test_functions_and_async_functions() -> None:
    assert cs.run([add(1), add(1, 2), add_async(1), add_async(1, b=2)]) == [11, 3, 11, 3]


def test_a_task_looks_like_its_function() -> None:
    assert (add.name, add.qualname, add.module, add.__doc__) == ("add", "add", __name__, "Adds.")
    assert list(inspect.signature(add).parameters) == ["a", "b", "rest", "scale", "more"]
    assert repr(add) == "<task add>"


def test_a_method_of_an_instance_stays_with_it_when_another_class_holds_it() -> None:
    class Counter:
        def __init__(self, first: int) -> None:
            self.first = first

        @cs.task
        def after(self, n: int) -> int:
            return self.first + n

    class Holder:
        after = Counter(10).after

    holder: Any = Holder()
    assert cs.run(holder.after(5)) == 15


def test_methods_get_their_instance() -> None:
    rich, poor = Account(1_000), Account(1)
    assert cs.run([rich.after(5), poor.after(5), rich.after_async(7)]) == [1_005, 6, 1_007]
    assert cs.run(Account.after(rich, 1)) == 1_001


def test_static_methods_work_in_both_orders_of_the_decorators() -> None:
    owner: Any
    for owner in (Account, Savings, Account(0)):
        assert cs.run([owner.task_of_static(2), owner.static_of_task(2)]) == [4, 6]


def test_class_methods_work_in_both_orders_of_the_decorators() -> None:
    owner: Any
    for owner, rate in ((Account, 3), (Savings, 5), (Account(0), 3), (Savings(0), 5)):
        assert cs.run([owner.task_of_class(2), owner.class_of_task(2)]) == [2 * rate, 2 * rate]


def test_a_method_keeps_its_modifiers() -> None:
    calls: list[int] = []

    class Flaky:
        @cs.task
        def attempt(self) -> str:
            calls.append(1)
            if len(calls) < 3:
                raise ConnectionError
            return "done"

    assert cs.run(Flaky().attempt.with_retry(3)()) == "done"


def test_partials_with_arguments_of_both_kinds() -> None:
    assert cs.run(cs.task(functools.partial(add.fn, 1))(2)) == 3
    assert cs.run(cs.task(functools.partial(add.fn, b=5))(2)) == 7
    assert cs.run(cs.task(functools.partial(functools.partial(add_async.fn, 1), b=2))()) == 3


def test_callable_objects_sync_and_async() -> None:
    assert cs.run(cs.task(Multiplier(3))(4)) == 12
    assert cs.run(cs.task(AsyncMultiplier(3))(4)) == 12
    assert cs.run(cs.task(functools.partial(AsyncMultiplier(3), 5))()) == 15


def test_builtins_and_classes_without_a_signature() -> None:
    with pytest.raises(ValueError, match="signature"):
        inspect.signature(max)
    assert cs.run(cs.task(max)(3, 7)) == 7
    assert cs.run(cs.task(dict)(a=1)) == {"a": 1}  # type: ignore[call-arg]
    assert cs.run(cs.task("a,b".split)(",")) == ["a", "b"]
    assert cs.task(max).name == "max"


def test_lambdas_and_functions_made_in_a_loop_keep_apart() -> None:
    tasks = [cs.task(lambda x, n=n: n * x) for n in range(3)]
    assert cs.run([task(10) for task in tasks]) == [0, 10, 20]
    assert cs.task(lambda: 1).name == "<lambda>"


def test_a_name_may_be_given() -> None:
    assert cs.task(name="the sum")(add.fn).name == "the sum"


def test_wraps_keeps_the_signature_that_is_checked() -> None:
    @functools.wraps(add.fn)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return add.fn(*args, **kwargs)

    with pytest.raises(cs.ArgumentMismatchError):
        cs.run(cs.task(wrapper)())


def generate() -> Iterator[int]:
    yield 1


async def generate_async() -> AsyncIterator[int]:
    yield 1


class Generator:
    def __call__(self) -> Iterator[int]:
        yield 1


@pytest.mark.parametrize(
    "function",
    [generate, generate_async, functools.partial(generate), Generator()],
    ids=lambda function: repr(function)[:20],
)
def test_a_generator_is_refused(function: Any) -> None:
    with pytest.raises(cs.TaskDefinitionError, match=r"is a generator function.*return a list, or map a task"):
        cs.task(function)


@pytest.mark.parametrize("thing", [3, "text", None, object()])
def test_what_cannot_be_called_is_refused(thing: Any) -> None:
    with pytest.raises(cs.TaskDefinitionError, match="a task is made of a function"):
        cs.task(name="x")(thing)


def test_a_task_of_a_task_is_refused() -> None:
    with pytest.raises(cs.TaskDefinitionError, match="<task add> is a task already"):
        cs.task(add)


def test_modes_that_do_not_exist_or_fit_are_refused() -> None:
    with pytest.raises(cs.TaskDefinitionError, match="auto, inline, thread, process, not 'gpu'"):
        cs.task(mode="gpu")(add.fn)  # type: ignore[call-overload]
    with pytest.raises(cs.TaskDefinitionError, match="'add_async' is async"):
        cs.task(mode="thread")(add_async.fn)


# Without their types: these calls are wrong, and a type checker says so.
ADD: Any = add
ADD_ASYNC: Any = add_async
ACCOUNT: Any = Account(1)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ADD(), r"'add': missing a required argument: 'a' in the call add\(\)"),
        (lambda: ADD_ASYNC(1, 2, 3), r"'add_async': too many positional arguments in the call add_async\(…, …, …\)"),
        (lambda: ADD_ASYNC(1, c=2), r"'add_async': .*unexpected keyword argument 'c' in the call add_async\(…, c=…\)"),
        (lambda: ADD(1, a=2), r"'add': multiple values for argument 'a' in the call add\(…, a=…\)"),
        (lambda: ACCOUNT.after(), r"'after': missing a required argument: 'amount'"),
    ],
)
def test_a_call_that_does_not_fit_names_task_parameter_and_call(call: Any, words: str) -> None:
    with pytest.raises(cs.ArgumentMismatchError, match=words) as caught:
        cs.run(call())
    assert isinstance(caught.value, TypeError)


def test_a_call_that_does_not_fit_is_found_before_anything_runs() -> None:
    started: list[int] = []
    note = cs.task(started.append)
    with pytest.raises(cs.ArgumentMismatchError):
        cs.run([note(1), add_async(note(2), 3, 4)])  # type: ignore[call-arg, arg-type]
    assert started == []


def test_a_call_that_does_not_fit_is_found_every_time() -> None:
    for _ in range(3):
        with pytest.raises(cs.ArgumentMismatchError):
            cs.run(add_async())  # type: ignore[call-arg]
        assert cs.run(add_async(1)) == 11


def test_the_signature_is_reflected_once(monkeypatch: pytest.MonkeyPatch) -> None:
    @cs.task
    def loop(n: int, *, k: int = 1) -> str:
        return "done" if n == 0 else loop(n - 1, k=n)

    def forbidden(*_args: Any, **_kwargs: Any) -> Any:
        raise AssertionError("a function was reflected while a graph was built or run")

    monkeypatch.setattr(inspect, "signature", forbidden)
    assert cs.run([loop(50), Account(1).after(1), add(1, 2)]) == ["done", 2, 3]


def test_variable_arguments_arrive_in_their_places() -> None:
    assert cs.run(add(1, 2, 3, 4, scale=2, x=10)) == 40


def test_keyword_arguments_named_like_those_of_the_engine_reach_the_task() -> None:
    @cs.task
    def show(**names: Any) -> Any:
        return names

    names = {"self": 1, "task": 2, "args": 3, "kwargs": 4, "name": 5, "fn": 6}
    assert cs.run(show(**names)) == names
