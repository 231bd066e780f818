"""The page loads nothing, and says all that was measured."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from observatory.claims import over_floor
from observatory.declaring import Benchmark, Experiment, Suite
from observatory.keys import CASCADE, FLOOR
from observatory.report.contents import Curve, sections
from observatory.report.drawing import bars, chart
from observatory.report.page import html, markdown
from observatory.results import Metadata, Results
from observatory.tables import benchmarks_table, number, quantity, short

LOOP = Benchmark("tco/loop", "a <loop> & its floor")
CLAIMS = (over_floor("loop / floor", "tco/loop", at_most=1.5),)
SUITE = Suite("tco", "loops", (Experiment((LOOP,), lambda _setting: iter(())),), CLAIMS)


@pytest.fixture
def results() -> Results:
    found = Results()
    about: Metadata = {"commit": "abc1234", "date": "2026-11-22 10:00:00.5", "load_avg_1min": 0.5}
    found.add(LOOP, CASCADE, [2e-6, 4e-6], about)
    found.add(LOOP, FLOOR, [1e-6, 2e-6], about)
    found.add(LOOP, "otherengine", [1e-3, 2e-3], about)
    for size, seconds in ((100, 1e-6), (1_000, 2e-6)):
        found.add(
            Benchmark(f"graphs/chain/{size}", "a chain", "second", "graphs/chain", size), CASCADE, [seconds], about
        )
    found.add(Benchmark("memory/rss/10", "memory", "byte", "memory/rss", 10), CASCADE, [2**20], about)
    return found


def test_values_of_nothing_are_shown_without_a_ratio(results: Results) -> None:
    losses = Benchmark("tco/losses", "steps lost", "integer")
    results.add(losses, CASCADE, [0, 1, 1], {})
    results.add(losses, "custom", [0, 0, 0], {})
    assert "<td" in html(results, [SUITE])
    drawn = {group.benchmark.name for section in sections(results, [SUITE]) for group in section.groups}
    assert drawn == {"tco/loop"}
    assert benchmarks_table(results).row_count == 5


class Page(HTMLParser):
    """Notes what a page would load, and checks that every element is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "link", "img", "iframe"):
            self.loads.append(tag)
        self.loads += [
            f"{name}={value}" for name, value in attrs if name in ("src", "href") and value and value[0] != "#"
        ]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_loads_nothing_and_is_well_formed(results: Results) -> None:
    text = html(results, [SUITE])
    page = Page()
    page.feed(text)
    assert page.loads == []
    assert page.open == []
    assert "url(" not in text
    assert "@import" not in text


def test_the_page_says_what_was_measured_and_how_to_do_it_again(results: Results) -> None:
    text = html(results, [SUITE])
    for words in ("loop / floor", "SHORT", "otherengine", "abc1234", "2026-11-22 10:00:00", "observatory run tco"):
        assert words in text
    assert "a &lt;loop&gt; &amp; its floor" in text, "names are escaped"
    assert "0 bars are held, 1 is not" in text
    assert re.search(r'<path d="M[\d.]+,[\d.]+ L[\d.]+,[\d.]+"', text), "the series is drawn"


def test_the_tables_hold_the_same_figures(results: Results) -> None:
    text = markdown(results, [SUITE])
    assert "| loop / floor | 2.00 x | at most 1.5 | SHORT | 2.00 … 2.00 | 2.00 |" in text
    assert "| tco/loop | otherengine | 1.50 ms | 1,000× floor |" in text  # noqa: RUF001
    assert "| graphs/chain | 100 | 1,000 |" in text
    assert "| cascade | 1.00 µs | 2.00 µs |" in text


def test_what_no_suite_declares_is_reported_too(results: Results) -> None:
    assert [section.name for section in sections(results, [SUITE])] == ["tco", "graphs", "memory"]


def test_bars_stand_on_a_scale_of_powers_of_ten(results: Results) -> None:
    (group,) = sections(results, [SUITE])[0].groups
    assert group.base == FLOOR
    assert [(bar.subject, bar.value) for bar in group.bars] == [
        (CASCADE, 3e-6),
        (FLOOR, 1.5e-6),
        ("otherengine", 1.5e-3),
    ]
    assert [bar.ratio for bar in group.bars] == pytest.approx([2, 1, 1000])
    drawn = bars([group])
    assert [tick.at for tick in drawn.ticks] == pytest.approx([0, 100 / 3, 200 / 3, 100])
    assert [bar.width for bar in drawn.groups[0].bars] == pytest.approx([30.103 / 3, 0, 100], abs=0.01)


def test_faster_than_the_base_is_drawn_to_the_left() -> None:
    results = Results()
    results.add(LOOP, CASCADE, [1e-7], {})
    results.add(LOOP, FLOOR, [1e-6], {})
    (group,) = sections(results, [SUITE])[0].groups
    fast, _ = bars([group]).groups[0].bars
    assert (fast.start, fast.width) == pytest.approx((0, 50))


def test_a_curve_goes_up_where_the_values_do(results: Results) -> None:
    (series,) = sections(results, [SUITE])[1].series
    assert series.curves == [Curve(CASCADE, [(100, 1e-6), (1_000, 2e-6)])]
    (line,) = chart(series).lines
    (left, low, _), (right, high, words) = line.points
    assert left < right
    assert low > high, "y grows downwards in SVG"
    assert words == "cascade, 1,000: 2.00 µs"


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (1.5, "second", "1.50 s"),
        (2.5e-7, "second", "250 ns"),
        (3 * 2**20, "byte", "3.00 MiB"),
        (0, "integer", "0"),
        (12_345.0, "integer", "12,345"),
    ],
)
def test_quantities_are_scaled_to_be_read(value: float, unit: str, words: str) -> None:
    assert quantity(value, unit) == words


def test_numbers_have_three_digits() -> None:
    assert [number(value) for value in (0.01234, 0.5, 1.234, 12.34, 123.4, 12345.6)] == [
        "0.0123",
        "0.50",
        "1.23",
        "12.3",
        "123",
        "12,346",
    ]
    assert short(2_345_678) == "2.35 M"
