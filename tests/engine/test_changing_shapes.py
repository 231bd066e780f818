"""What changes from step to step (literals, tasks, depth, who is lazy) is seen by the very next step.

A loop that repeats its shape reuses what was learnt of it. Each test makes a shape come back, then changes one thing.
"""

from __future__ import annotations

from typing import Any

from cascade import workflow as cs


@cs.task
def shift(n: int, by: int = 1) -> int:
    return n + by


@cs.task
def double(n: int) -> Any:
    return 2 * n


def test_a_literal_of_an_inner_call_changes_with_every_step() -> None:
    seen: list[int] = []

    @cs.task
    def loop(n: int, shifted: int) -> str:
        seen.append(shifted)
        if n == 0:
            return "done"
        s = shift(n)
        return loop(n - 1, s)

    cs.run(loop(50, -1))
    assert seen == [-1, *range(51, 1, -1)]


def test_a_literal_deep_inside_the_step_changes_with_every_step() -> None:
    seen: list[int] = []

    @cs.task
    def loop(n: int, value: int) -> str:
        seen.append(value)
        return "done" if n == 0 else loop(n - 1, double(shift(shift(n, by=n), by=1)))

    cs.run(loop(30, 0))
    assert seen == [0, *(2 * (2 * n + 1) for n in range(30, 0, -1))]


def test_a_literal_inside_a_container_of_an_inner_call_changes_with_every_step() -> None:
    seen: list[Any] = []

    @cs.task
    def pack(values: list[int], more: dict[str, int]) -> tuple[list[int], dict[str, int]]:
        return values, more

    @cs.task
    def loop(n: int, packed: Any) -> str:
        seen.append(packed)
        return "done" if n == 0 else loop(n - 1, pack([n, double(n)], {"n": n}))

    cs.run(loop(20, None))
    assert seen == [None, *(([n, 2 * n], {"n": n}) for n in range(20, 0, -1))]


def test_the_task_of_an_inner_call_alternates() -> None:
    seen: list[int] = []

    @cs.task
    def loop(n: int, value: int) -> str:
        seen.append(value)
        return "done" if n == 0 else loop(n - 1, double(n) if n % 2 else shift(n))

    cs.run(loop(20, 0))
    assert seen == [0, *(2 * n if n % 2 else n + 1 for n in range(20, 0, -1))]


def test_the_depth_of_the_graph_changes_with_every_step() -> None:
    """loop <- shift <- shift <- … <- 0, as many as the step's number."""
    seen: list[int] = []

    @cs.task
    def loop(n: int, value: int) -> str:
        seen.append(value)
        if n == 0:
            return "done"
        chain = 0
        for _ in range(n):
            chain = shift(chain)
        return loop(n - 1, chain)

    cs.run(loop(25, -1))
    assert seen == [-1, *range(25, 0, -1)]


def test_an_argument_is_a_literal_in_one_step_and_lazy_in_the_next() -> None:
    seen: list[int] = []

    @cs.task
    def loop(n: int, value: int) -> str:
        seen.append(value)
        return "done" if n == 0 else loop(n - 1, n if n % 2 else double(n))

    cs.run(loop(20, 0))
    assert seen == [0, *(n if n % 2 else 2 * n for n in range(20, 0, -1))]


def test_a_call_that_was_shared_is_two_calls_in_the_next_step() -> None:
    runs: list[int] = []

    @cs.task
    def effect(n: int) -> int:
        runs.append(n)
        return len(runs)

    @cs.task
    def loop(n: int, left: int, right: int) -> list[int]:
        if n == 0:
            return [left, right]
        if n % 2:
            shared = effect(n)
            return loop(n - 1, shared, shared)
        return loop(n - 1, effect(n), effect(n))

    cs.run(loop(6, 0, 0))
    assert runs == [6, 6, 5, 4, 4, 3, 2, 2, 1]


def test_options_come_and_go_between_steps() -> None:
    seen: list[int | None] = []

    @cs.task
    def loop(n: int, value: int | None = None) -> str:
        seen.append(value)
        return "done" if n == 0 else loop(n - 1, double(n).run_if(n % 3 != 0))

    cs.run(loop(9))
    assert seen == [None, *(None if n % 3 == 0 else 2 * n for n in range(9, 0, -1))]


def test_the_size_of_a_container_changes_with_every_step() -> None:
    seen: list[list[int]] = []

    @cs.task
    def loop(n: int, values: list[int]) -> str:
        seen.append(values)
        return "done" if n == 0 else loop(n - 1, [double(number) for number in range(n % 4)])

    cs.run(loop(10, []))
    assert seen == [[], *([2 * number for number in range(n % 4)] for n in range(10, 0, -1))]
