"""The smaller examples do what they say."""

from __future__ import annotations

import pytest

from cascade import workflow as cs
from tests.examples.support import example


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Stockholm Oslo Copenhagen", "2379000 people"),
        ("Oslo", "717000 people"),
        ("Atlantis", "I know none of these cities"),
    ],
)
def test_the_agent_finds_the_answer(question: str, answer: str) -> None:
    with example("agent") as agent:
        assert cs.run(agent.main, params={"question": question}).splitlines()[-1] == answer


def test_the_agent_starts_only_the_tools_that_it_asks_for() -> None:
    started: list[str] = []
    with example("agent") as agent, cs.Engine() as engine:
        engine.subscribe(cs.TaskExecutionStarted, lambda event: started.append(event.task))
        cs.run(agent.main, params={"question": "Oslo Helsinki"}, engine=engine)
    assert (started.count("look_up"), started.count("add")) == (2, 1)


@pytest.mark.slow
def test_the_weather_of_stations_that_fail_is_had_in_the_end_or_reported_as_missing() -> None:
    with example("weather") as weather:
        lines = cs.run(weather.main).splitlines()
        assert [line.split()[0] for line in lines] == ["Bergen", "Kiruna", "Malmö", "Uppsala", "mean", "no"]
        assert lines[-1] == "no answer: Tampere"
        assert weather.asked == {"Bergen": 2, "Kiruna": 3, "Malmö": 1, "Tampere": 4, "Uppsala": 1}
