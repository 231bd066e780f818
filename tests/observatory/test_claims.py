"""Figures are computed from values that were measured in turns, and held against their bars."""

from __future__ import annotations

import pytest

from observatory.claims import Claim, cost, extra_us, over_floor, rate, ratio, worst
from observatory.keys import FLOOR, Key
from observatory.slopes import exponent, half_interval, slope_of

OWN, OTHER = Key("x"), Key("x", FLOOR)


def test_a_ratio_is_taken_round_by_round() -> None:
    """A slow moment that hits both sides changes nothing: the ratio of the medians would be 2.5."""
    values = {OWN: [2.0, 20.0, 5.0], OTHER: [1.0, 10.0, 2.0]}
    figure = over_floor("x", "x").figure(values)
    assert figure is not None
    assert (figure.value, figure.low, figure.high) == (2.0, 2.0, 2.5)
    assert figure.best == 2.0


def test_values_that_were_not_measured_in_turns_are_compared_by_their_medians() -> None:
    figure = ratio("x", OWN, OTHER).figure({OWN: [2.0, 4.0, 6.0], OTHER: [2.0, 2.0]})
    assert figure is not None
    assert figure.value == 2.0


def test_a_figure_needs_all_its_values() -> None:
    assert over_floor("x", "x").figure({OWN: [1.0]}) is None
    assert over_floor("x", "x").figure({OWN: [1.0], OTHER: []}) is None


@pytest.mark.parametrize(("own", "verdict"), [(1.4, "pass"), (1.5, "pass"), (1.6, "SHORT")])
def test_a_bar_is_held_up_to_its_own_value(own: float, verdict: str) -> None:
    figure = over_floor("x", "x", at_most=1.5).figure({OWN: [own], OTHER: [1.0]})
    assert figure is not None
    assert (figure.bar, figure.verdict) == ("at most 1.5", verdict)


@pytest.mark.parametrize(
    ("claim", "value", "unit"),
    [
        (rate("steps", OWN), 200_000, "/s"),
        (extra_us("more", "x"), 3, "us"),
        (cost("a step", OWN, "ms"), 0.005, "ms"),
    ],
)
def test_figures_have_their_units(claim: Claim, value: float, unit: str) -> None:
    figure = claim.figure({OWN: [5e-6], OTHER: [2e-6]})
    assert figure is not None
    assert figure.value == pytest.approx(value)
    assert figure.unit == unit


def test_one_bad_round_is_too_many_where_the_worst_counts() -> None:
    figure = worst(cost("x", OWN, "steps", at_most=1)).figure({OWN: [0, 1, 2, 1, 0]})
    assert figure is not None
    assert (figure.value, figure.verdict) == (2.0, "SHORT")


@pytest.mark.parametrize(("floor_s", "verdict"), [(4e-7, "SHORT"), (6e-7, "")])
def test_a_rate_is_only_asked_of_a_machine_that_can(floor_s: float, verdict: str) -> None:
    claim = rate("r", OWN, at_least=100_000, only_if=rate("floor", OTHER, at_least=2_000_000))
    figure = claim.figure({OWN: [2e-5], OTHER: [floor_s]})
    assert figure is not None
    assert figure.verdict == verdict


def test_a_slope_has_an_interval_over_processes() -> None:
    """Three processes whose curves rise by 1, 2 and 3 a step: 2, give or take 4.303 · 1 / √3."""
    values = {Key("m/10"): [10.0, 20.0, 30.0], Key("m/20"): [20.0, 40.0, 60.0]}
    figure = slope_of("m", list(values), (10, 20), "B/step", at_most=4.4).figure(values)
    assert figure is not None
    assert figure.value == pytest.approx(2.0)
    assert figure.high - figure.value == pytest.approx(4.303 / 3**0.5)
    assert figure.verdict == "SHORT", "the mean is below the bar, but the upper end of the interval is not"


def test_one_value_has_no_interval() -> None:
    assert half_interval([3.0]) == 0.0


@pytest.mark.parametrize(("per_node", "found"), [([1.0, 1.0, 1.0], 1.0), ([1.0, 10.0, 100.0], 2.0)])
def test_the_exponent_of_a_cost_that_stays_is_one(per_node: list[float], found: float) -> None:
    sizes = (10, 100, 1_000)
    values = {Key(f"g/{size}"): [value] for size, value in zip(sizes, per_node, strict=True)}
    figure = exponent("g", "g", sizes).figure(values)
    assert figure is not None
    assert figure.value == pytest.approx(found)
