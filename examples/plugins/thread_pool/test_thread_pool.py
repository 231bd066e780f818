"""The executor keeps the promises of executors, and is found by its scheme."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from cascade_thread_pool import ThreadPool

from cascade import workflow as cs
from cascade.testing import ExecutorConformance


class TestThreadPool(ExecutorConformance):
    @pytest.fixture
    def executor(self) -> Iterator[ThreadPool]:
        executor = ThreadPool()
        yield executor
        executor.close()


@cs.task
def name_thread() -> str:
    return threading.current_thread().name


def test_an_engine_finds_it_by_its_scheme() -> None:
    with cs.Engine(executor="threads://?workers=2") as engine:
        assert engine.executor.concurrency == 2
        assert cs.run(name_thread(), engine=engine).startswith("ThreadPoolExecutor")
