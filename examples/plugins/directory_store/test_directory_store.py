"""The store keeps the promises of state backends, and is found by its scheme."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from cascade_directory_store import DirectoryStore

from cascade import workflow as cs
from cascade.spec.plugins import STATE_BACKENDS
from cascade.testing import FakeClock, StateBackendConformance


class TestDirectoryStore(StateBackendConformance):
    @pytest.fixture
    def clock(self) -> FakeClock:
        return FakeClock(1_700_000_000)

    @pytest.fixture
    def let_time_pass(self, clock: FakeClock) -> Callable[[float], None]:
        return clock.advance

    @pytest.fixture
    def make_store(self, clock: FakeClock, tmp_path: Path) -> Callable[[], DirectoryStore]:
        return lambda: DirectoryStore(tmp_path / "runs", clock.timestamp)

    @pytest.fixture
    def files(self, tmp_path: Path) -> Callable[[], Iterable[Path]]:
        return (tmp_path / "runs").iterdir

    @pytest.fixture
    def size_bytes(self, tmp_path: Path) -> Callable[[], int]:
        return lambda: sum(file.stat().st_size for file in (tmp_path / "runs").iterdir())


def test_it_is_found_by_its_scheme(tmp_path: Path) -> None:
    assert isinstance(STATE_BACKENDS.make(f"directory:///{tmp_path}/runs"), DirectoryStore)


calls: list[int] = []


@cs.task
def count_down(n: int) -> str:
    calls.append(n)
    if n == 3 and calls.count(3) == 1:
        raise ConnectionError("down")
    return "done" if n == 0 else count_down(n - 1)


def test_a_run_goes_on_from_the_step_that_failed(tmp_path: Path) -> None:
    state = f"directory:///{tmp_path}/runs"
    calls.clear()
    with pytest.raises(ConnectionError):
        cs.run(count_down(5), state=state, run_id="count")
    assert cs.run(count_down(5), state=state, run_id="count") == "done"
    assert calls == [5, 4, 3, 3, 2, 1, 0]
