"""Everything that is declared runs, and what is claimed is measured."""

from __future__ import annotations

import importlib
import pkgutil
from collections import Counter

import pytest

from observatory import workloads
from observatory.keys import FLOOR, INTERPRETER
from observatory.running import Job, jobs, run
from observatory.setting import Setting
from observatory.suites import suites
from observatory.timing import Timed

EXPERIMENTS = {one.name: one for _, suite in suites().values() for one in suite.experiments}


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_an_experiment_produces_what_it_declares(name: str) -> None:
    """Every declared benchmark is run once, small; its answers are checked on the way."""
    what = EXPERIMENTS[name]
    outcome = run([Job("", what)], Setting("smoke"))
    assert outcome.failures == {}
    values = outcome.results.values
    assert {key.benchmark for key in values} == {benchmark.name for benchmark in what.benchmarks}
    assert all(len(found) == 1 for found in values.values())
    if isinstance(what, Timed):
        has_floor = what.workload.floor is not None or what.workload.floor_call is not None
        assert (FLOOR in outcome.results.subjects) == has_floor
        assert (INTERPRETER in outcome.results.subjects) == what.workload.interpreter


def test_every_name_is_declared_once() -> None:
    declared = Counter(benchmark.name for one in EXPERIMENTS.values() for benchmark in one.benchmarks)
    assert [name for name, count in declared.items() if count > 1] == []


def test_every_workload_belongs_to_a_suite() -> None:
    known = {id(one) for one in EXPERIMENTS.values()}
    for info in pkgutil.iter_modules(workloads.__path__, f"{workloads.__name__}."):
        found = getattr(importlib.import_module(info.name), "EXPERIMENT", None)
        assert found is None or id(found) in known, f"no suite has the experiment of {info.name}"


def test_claims_speak_of_benchmarks_that_their_suite_declares() -> None:
    for _, suite in suites().values():
        declared = {benchmark.name for benchmark in suite.benchmarks}
        for claim in suite.claims:
            assert {key.benchmark for key in claim.keys} <= declared, claim.text


def test_every_loop_of_the_first_suite_has_a_figure() -> None:
    suite = suites()["tco"][1]
    claimed = {key.benchmark for claim in suite.claims for key in claim.keys}
    assert {
        one.name for one in suite.experiments if isinstance(one, Timed) and one.benchmarks[0].series is None
    } <= claimed


def test_an_experiment_that_suites_share_is_measured_once() -> None:
    chosen = [suites()["tco"], suites()["graphs"]]
    names = [job.experiment.name for job in jobs(chosen, "fast")]
    assert len(names) == len(set(names))
    assert "graphs/chain" in names
