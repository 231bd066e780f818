"""A kept run goes on where it stood: with its last step, without its finished nodes. An ended one gives its value."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cascade import workflow as cs
from cascade.testing import Fault, Faults, FaultyStateStore

from . import programs
from .programs import (
    BROKEN,
    CALLS,
    Broken,
    Order,
    count,
    greet,
    inner,
    item,
    item_loop,
    join,
    order,
    spoil,
    takes,
    work,
)

LEVELS = pytest.mark.parametrize("level", ["step", "interval(1000)"])


@pytest.fixture(autouse=True)
def nothing_is_broken() -> Iterator[None]:
    CALLS.clear()
    BROKEN.clear()
    yield
    BROKEN.clear()


@pytest.fixture(params=["sqlite", "memory"])
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    return cs.InMemoryStateStore() if request.param == "memory" else f"sqlite:///{tmp_path / 'runs.db'}"


def run(target: Any, state: Any, level: str = "step", **options: Any) -> Any:
    return cs.run(target, run_id="r1", state=state, durability=level, **options)


def fails(target: Any, state: Any, *broken: str, level: str = "step") -> None:
    """A run that fails because some tasks are broken, which then are repaired."""
    BROKEN.update(broken)
    with pytest.raises(Broken):
        run(target, state, level)
    BROKEN.clear()


@LEVELS
def test_a_failed_loop_goes_on_with_its_last_step(state: Any, level: str) -> None:
    fails(count(50), state, "count 20", level=level)
    assert run(count(50), state, level) == sum(range(51))
    assert CALLS["count 20"] == 2
    assert [n for n in range(21, 51) if CALLS[f"count {n}"] != 1] == []


@LEVELS
def test_an_ended_run_gives_its_value_and_runs_nothing(state: Any, level: str) -> None:
    assert run(count(5), state, level) == 15
    CALLS.clear()
    assert run(count(5), state, level) == 15
    assert not CALLS


@LEVELS
def test_finished_nodes_are_not_run_again(state: Any, level: str) -> None:
    r"""
    a - b -+
           join
    c -----+
    """

    def target() -> Any:
        return join("join", work("b", work("a", [1, 2])), work("c", {"x": 1.5}))

    fails(target(), state, "join", level=level)
    assert run(target(), state, level) == [[1, 2], {"x": 1.5}]
    assert CALLS == {"a": 1, "b": 1, "c": 1, "join": 2}


def test_values_of_ones_own_classes_come_back_as_they_were(state: Any) -> None:
    fails(takes(spoil("spoil", [order([1, "x"])])), state, "spoil")
    value = run(takes(spoil("spoil", [order([1, "x"])])), state)
    assert value == [Order([1, "x"]), "spoil"]
    assert CALLS["order"] == 1


def test_what_a_failing_node_has_changed_is_not_kept(state: Any) -> None:
    fails(spoil("spoil", work("a", [1])), state, "spoil")
    assert run(spoil("spoil", work("a", [1])), state) == [1, "spoil"]
    assert CALLS["a"] == 1


@LEVELS
def test_a_loop_inside_a_node_goes_on_with_its_own_step(state: Any, level: str) -> None:
    fails(join("join", inner(5), work("a")), state, "inner 2", level=level)
    assert run(join("join", inner(5), work("a")), state, level) == ["inner done", None]
    assert [CALLS[f"inner {n}"] for n in range(6)] == [1, 1, 2, 1, 1, 1]
    assert CALLS["a"] == 1


@LEVELS
def test_items_of_a_map_that_ended_are_not_run_again(state: Any, level: str) -> None:
    fails(takes(item.map(range(10), max_in_flight=1)), state, "item 6", level=level)
    assert run(takes(item.map(range(10), max_in_flight=1)), state, level) == [n * n for n in range(10)]
    assert [CALLS[f"item {n}"] for n in range(10)] == [1] * 6 + [2] + [1] * 3


def test_items_that_are_loops_go_on_with_their_own_step(state: Any) -> None:
    fails(takes(item_loop.map(range(4), max_in_flight=1)), state, "item 2")
    assert run(takes(item_loop.map(range(4), max_in_flight=1)), state) == [0, 1, 4, 9]
    assert [CALLS[f"first {n}"] for n in range(4)] == [1, 1, 1, 1]
    assert [CALLS[f"item {n}"] for n in range(4)] == [1, 1, 2, 1]


def test_the_map_itself_is_not_run_again(state: Any) -> None:
    fails(join("join", item.map(range(3))), state, "join")
    assert run(join("join", item.map(range(3))), state) == [[0, 1, 4]]
    assert [CALLS[f"item {n}"] for n in range(3)] == [1, 1, 1]


def test_skipped_nodes_and_routes_come_back(state: Any) -> None:
    def target() -> Any:
        chosen = cs.Router(work("key", "left"), {"left": work("left", 1), "right": work("right", 2)})
        skipped = work.run_if(work("condition", False), otherwise="no")("never")
        return join("join", chosen, skipped)

    fails(target(), state, "join")
    assert run(target(), state) == [1, "no"]
    assert CALLS == {"key": 1, "left": 1, "condition": 1, "join": 2}


def test_what_is_shared_is_run_once_after_an_interruption_too(state: Any) -> None:
    def target() -> Any:
        shared = work("shared", [1])
        return join("join", spoil("spoil", shared), shared, [shared])

    fails(target(), state, "shared")
    assert run(target(), state) == [[1, "spoil"], [1, "spoil"], [[1, "spoil"]]]
    assert CALLS["shared"] == 2


def test_policies_are_kept(state: Any) -> None:
    target = join("join", work.with_retry(3, retry_on=Broken)("a"), work.after(work("b"))("c").named("last"))
    fails(target, state, "a")
    assert CALLS["a"] == 3
    fails(cs.literal(None), state, "a")  # the stored call counts, not the target
    assert CALLS["a"] == 6


def test_a_cancelled_run_goes_on(state: Any) -> None:
    async def cancel_soon() -> None:
        running = asyncio.create_task(cs.arun(programs_forever(), run_id="r1", state=state))
        while CALLS["slow"] < 3:  # noqa: ASYNC110 (the run is the clock)
            await asyncio.sleep(0.001)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(cancel_soon())
    stood = CALLS["slow"]
    BROKEN.add("slow")
    with pytest.raises(Broken) as caught:
        run(cs.literal(None), state)
    assert f"step {stood}" in caught.value.__notes__[0] or f"step {stood + 1}" in caught.value.__notes__[0]


@cs.task
async def slow_step(n: int) -> int:
    programs.called("slow")
    await asyncio.sleep(0.001)
    return slow_step(n + 1)


def programs_forever() -> Any:
    return slow_step(1)


# --- Parameters -------------------------------------------------------------------------------------------------------


def test_a_run_keeps_the_parameters_with_which_it_began(state: Any) -> None:
    BROKEN.add("greet")
    with pytest.raises(Broken):
        run(greet(cs.Param("name")), state, params={"name": "Ada", "words": "good day"}, allow_unused_params=True)
    BROKEN.clear()
    assert run(greet(cs.Param("name")), state, params={"name": "Bob"}) == "good day, Ada"


def test_what_stands_in_the_environment_is_not_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = f"sqlite:///{tmp_path / 'runs.db'}"
    monkeypatch.setenv("PASSWORD", "very secret")
    fails(takes(cs.Env("PASSWORD")), state, "takes")
    monkeypatch.setenv("PASSWORD", "changed")
    assert all(b"very secret" not in file.read_bytes() for file in tmp_path.iterdir())
    assert run(takes(cs.Env("PASSWORD")), state) == "changed"


# --- What cannot be stored --------------------------------------------------------------------------------------------


def test_a_target_that_cannot_be_stored_is_refused_before_anything_runs(state: Any) -> None:
    with pytest.raises(cs.UnstorableValueError, match=r"step 1 of run 'r1' cannot be stored: args\[0\]\[1\]\['when'\]"):
        run(takes([1, {"when": object()}]), state)
    assert not CALLS
    assert run(takes(1), state) == 1, "nothing is left of the refused run"


def test_a_step_that_cannot_be_stored_is_refused_before_it_has_effects(state: Any) -> None:
    with pytest.raises(cs.UnstorableValueError, match=r"step 2 of run 'r1' cannot be stored: value\[1\]\['when'\]"):
        run(programs.after_one(1), state)
    assert CALLS == {"after one": 1}


def test_a_task_inside_a_function_is_refused_unless_the_target_brings_it(state: Any) -> None:
    @cs.task
    def local(n: int) -> int:
        programs.called("local")
        return n if n == 0 else local(n - 1)

    @cs.task
    def other(n: int) -> int:
        return local(n)

    assert cs.run(local(3), run_id="r2", state=state) == 0
    with pytest.raises(cs.UnstorableValueError, match=r"define the task at the top level of a module"):
        run(other(3), state)


def test_a_result_that_cannot_be_stored_is_reported_and_computed_again(state: Any) -> None:
    events: list[cs.ResultNotStored] = []
    BROKEN.add("join")
    with cs.Engine() as engine:
        engine.subscribe(cs.ResultNotStored, events.append)
        for _ in range(2):
            with pytest.raises(Broken):
                run(join("join", programs.opaque(), work("a", 1)), state, engine=engine)
    assert CALLS == {"opaque": 2, "a": 1, "join": 2}
    assert {event.task for event in events} == {"opaque"}
    assert "is a builtins.list_iterator, which cannot be stored" in events[0].reason


def test_a_value_that_cannot_be_stored_is_returned_once(state: Any) -> None:
    assert list(run(programs.opaque(), state)) == [1, 2]
    with pytest.raises(cs.StoredValueError, match="has ended, but its value could not be stored: value is a builtins"):
        run(programs.opaque(), state)
    assert CALLS["opaque"] == 1


# --- Programs that have changed ---------------------------------------------------------------------------------------


@pytest.fixture
def changed(state: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A run that stands at a call of version 1 of a task that has version 2 now."""
    fails(join("join", programs.versioned(4)), state, "versioned")
    newer: Any = cs.task(version=2)(programs.versioned.fn)
    monkeypatch.setattr(programs, "versioned", newer)
    return state


def test_another_version_is_refused_with_the_choices(changed: Any) -> None:
    with pytest.raises(cs.TaskVersionError) as caught:
        run(cs.literal(None), changed)
    said = str(caught.value)
    assert "programs:versioned was stored with version '1' and has version '2' now" in said
    assert "migrate=" in said
    assert "--accept-version" in said
    assert caught.value.changed == {"tests.durability.programs:versioned": ("1", "2")}


def test_a_run_that_was_refused_is_free_even_if_the_store_could_not_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = cs.InMemoryStateStore()
    fails(count(5), kept, "count 3")
    monkeypatch.setattr(programs, "count", cs.task(version=2)(count.fn))
    with pytest.raises(cs.StateStoreError, match="the state store failed"):
        run(count(5), FaultyStateStore(kept, Faults(plan={("commit", 1): Fault.ERROR})))
    assert run(count(5), kept, accept_versions=True) == 15


def test_another_version_can_be_accepted(changed: Any) -> None:
    assert run(cs.literal(None), changed, accept_versions=True) == [4]


def test_another_version_can_be_migrated(changed: Any) -> None:
    def migrate(call: cs.ChangedCall) -> Any:
        assert (call.version, call.args, call.kwargs) == ("1", (4,), {})
        return call.task(call.args[0] * 10)

    assert run(cs.literal(None), changed, migrate=migrate) == [40]


def test_a_task_that_no_longer_exists_is_named(state: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fails(join("join", programs.versioned(4)), state, "versioned")
    monkeypatch.delattr(programs, "versioned")
    with pytest.raises(
        cs.TaskNotFoundError, match=r"task 'versioned' of module 'tests.durability.programs', and there"
    ):
        run(cs.literal(None), state)


# --- Speed ------------------------------------------------------------------------------------------------------------


@LEVELS
def test_durable_loops_are_compiled(state: Any, level: str) -> None:
    with cs.Engine(jit=True) as engine:
        assert run(count(2_000), state, level, engine=engine) == sum(range(2_001))
        cycles = engine._strategy.cycles
        assert cycles is not None
        # Not all: after a step that takes long, as any may on a busy machine, some are interpreted.
        assert cycles.statistics["steps"] > 1_000


def test_a_loop_keeps_one_step_only(tmp_path: Path) -> None:
    sizes = []
    for n in (1_000, 30_000):
        file = tmp_path / f"{n}.db"
        assert cs.run(count(n), run_id="r1", state=f"sqlite:///{file}", durability="interval") == n * (n + 1) // 2
        sizes.append(sum(part.stat().st_size for part in tmp_path.glob(f"{n}.db*")))
    assert sizes[1] <= 1.1 * sizes[0]
