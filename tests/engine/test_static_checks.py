"""Everything that can be known to be wrong is said before anything runs, in one report."""

from __future__ import annotations

from typing import Any

import pytest

from cascade import workflow as cs

ran: list[str] = []


@cs.task(mode="inline")
def same(value: Any) -> Any:
    ran.append("same")
    return value


@cs.task
def other(value: Any) -> Any:
    ran.append("other")
    return value


def cyclic() -> Any:
    """``same([other(...)])`` where the list is changed to hold the call itself."""
    items: list[Any] = []
    call = same(items)
    items.append(other(call))
    return call


def test_a_cycle_names_its_tasks() -> None:
    with pytest.raises(cs.CycleError) as caught:
        cs.run(cyclic())
    assert {"same", "other"} <= set(caught.value.cycle)
    assert caught.value.cycle[0] == caught.value.cycle[-1]


def test_faults_of_every_kind_come_in_one_report() -> None:
    ran.clear()
    target = [
        cyclic(),
        same(cs.Inject("database")),
        other.with_constraints(gpu=9)(1),
        same.with_timeout(1)(1),
        same(cs.Param("n", type=int)),
    ]
    engine = cs.Engine(system_resources={"gpu": 1})
    with pytest.raises(cs.StaticCheckError) as caught:
        cs.run(target, params={"m": 1}, engine=engine)
    report = "\n".join(caught.value.faults)
    assert len(caught.value.faults) == 6
    assert "wait for each other" in report
    assert "resource 'database' is not registered" in report
    assert "asks for gpu=9" in report
    assert "timeout could not be kept" in report
    assert "parameter 'n' is missing" in report
    assert "parameter 'm' is not known" in report
    assert not ran


def test_the_calls_of_a_cycle_are_checked_too() -> None:
    items: list[Any] = []
    call = same.with_timeout(1)(items)
    items.append(other.with_constraints(gpu=1)(call))
    with pytest.raises(cs.StaticCheckError) as caught:
        cs.run(call)
    report = "\n".join(caught.value.faults)
    assert "wait for each other" in report
    assert "timeout could not be kept" in report
    assert "asks for gpu=1" in report
