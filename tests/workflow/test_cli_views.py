"""How a run is shown while it goes on, from events as the engine would send them."""

from __future__ import annotations

import io
import logging
import sys
from typing import Any

import pytest
from rich.console import Console

from cascade import workflow as cs
from cascade.spec.identifiers import NodeId, RunId
from cascade.workflow.cli.live import LiveView
from cascade.workflow.cli.plain import PlainView
from cascade.workflow.cli.tally import Tally, duration_text, rate_text

RUN = RunId("run")


def started() -> cs.RunStarted:
    return cs.RunStarted(run_id=RUN, timestamp=0.0, target="walk")


def progress(at: float, steps: int, **changes: Any) -> cs.LoopProgress:
    values: dict[str, Any] = {"steps_per_s": 0.0, "task": "walk", "nodes_done": 0, "nodes_running": 0, "nodes_total": 0}
    return cs.LoopProgress(run_id=RUN, timestamp=at, steps=steps, **values | changes)


def finished(status: Any = "Succeeded", steps: int = 1) -> cs.RunFinished:
    return cs.RunFinished(run_id=RUN, timestamp=100.0, status=status, duration_s=100.0, steps=steps)


def retrying(at: float) -> cs.TaskRetrying:
    return cs.TaskRetrying(
        run_id=RUN,
        timestamp=at,
        task="fetch",
        node_id=NodeId("fetch-0"),
        step=1,
        attempt=1,
        max_attempts=3,
        delay_s=0.5,
        error=OSError("[down]"),
    )


def skipped() -> cs.TaskSkipped:
    return cs.TaskSkipped(
        run_id=RUN, timestamp=1.0, task="x", node_id=NodeId("x-0"), step=1, reason="UpstreamSkipped_Data"
    )


# --- Counting ---------------------------------------------------------------------------------------------------------


def test_the_rate_is_that_of_the_last_seconds() -> None:
    tally = Tally()
    tally.receive(started())
    for tenth in range(101):
        tally.receive(progress(tenth / 10, steps=1 + 10 * tenth if tenth < 50 else 501 + 100 * (tenth - 50)))
    assert tally.steps_per_s == pytest.approx(1_000)


def test_the_rate_of_a_slow_loop_is_that_of_the_whole_run() -> None:
    tally = Tally()
    tally.receive(started())
    for tenth in range(101):
        tally.receive(progress(tenth / 10, steps=1 + tenth // 20))
    assert tally.steps_per_s == pytest.approx(0.5)


def test_before_the_first_report_there_is_no_rate() -> None:
    tally = Tally()
    assert tally.steps_per_s == 0
    tally.receive(started())
    tally.receive(progress(0.0, steps=1))
    assert tally.steps_per_s == 0


def test_troubles_are_counted_in_words() -> None:
    tally = Tally()
    assert tally.troubles == []
    tally.receive(retrying(1.0))
    assert tally.troubles == ["1 retry"]
    tally.receive(retrying(2.0))
    tally.receive(skipped())
    assert tally.troubles == ["2 retries", "1 skipped"]
    assert tally.last_retry == "fetch: OSError: [down]"


@pytest.mark.parametrize(
    ("rate", "text"),
    [(1_234_567.8, "1,234,568 steps/s"), (12.34, "12.3 steps/s"), (0.5, "2.0 s per step"), (0.0, "0.0 steps/s")],
)
def test_rates_in_words(rate: float, text: str) -> None:
    assert rate_text(rate) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.123, "0.12 s"), (59.94, "59.9 s"), (61, "1:01 min"), (3_599.6, "1:00:00"), (90_000, "25:00:00")],
)
def test_durations_in_words(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


# --- Lines ------------------------------------------------------------------------------------------------------------


def plain_lines(*events: cs.Event) -> list[str]:
    lines: list[str] = []
    view = PlainView("flow.py", lines.append)
    for event in events:
        view.receive(event)
    view.close()
    return lines


def test_a_short_run_is_one_line() -> None:
    assert plain_lines(started(), progress(0.5, 10), finished(steps=20)) == [
        "cascade: flow.py: done, 20 steps in 1:40 min"
    ]


def test_the_pauses_between_lines_grow_up_to_a_minute() -> None:
    """An hour, two reports a second."""
    events = (progress(half / 2, steps=half) for half in range(7_200))
    lines = plain_lines(started(), *events)
    assert [line.split(": ")[2].split(",")[0] for line in lines[:6]] == [
        "1.0 s",
        "3.0 s",
        "7.0 s",
        "15.0 s",
        "31.0 s",
        "1:03 min",
    ]
    assert len(lines) < 70


def test_a_loop_is_shown_by_steps_and_a_graph_by_nodes() -> None:
    loop, graph = (
        plain_lines(started(), progress(2.0, steps, nodes_done=7, nodes_total=9, nodes_running=2))[0]
        for steps in (9, 1)
    )
    assert loop == "cascade: flow.py: 2.0 s, step 9 (4.0 steps/s), 7 nodes done, 2 running, in walk"
    assert graph == "cascade: flow.py: 2.0 s, 7 of 9 nodes done, 2 running, in walk"


def test_retries_are_told_with_the_last_reason() -> None:
    (line,) = plain_lines(started(), retrying(0.5), progress(1.0, 1))
    assert line.endswith("1 retry, last retry: fetch: OSError: [down]")


def test_warnings_about_the_source_are_told_at_once() -> None:
    warning = cs.StaticAnalysisWarning(run_id=RUN, timestamp=0.0, code="CS-W001", task="fib", message="fib is deep")
    assert plain_lines(started(), warning) == ["cascade: flow.py: warning CS-W001: fib is deep"]


@pytest.mark.parametrize(("status", "word"), [("Failed", "failed"), ("Cancelled", "stopped")])
def test_the_last_line_says_how_it_ended(status: str, word: str) -> None:
    assert plain_lines(started(), finished(status)) == [f"cascade: flow.py: {word}, 1:40 min"]


# --- A terminal -------------------------------------------------------------------------------------------------------


class Terminal:
    """A view on a terminal in memory; what is drawn is asked for, so no thread has to be waited for."""

    def __init__(self, encoding: str = "utf-8") -> None:
        self.bytes = io.BytesIO()
        file = io.TextIOWrapper(self.bytes, encoding=encoding, write_through=True)
        self.console = Console(file=file, force_terminal=True, width=80, color_system=None, _environ={})
        self.view = LiveView("flow.py", self.console)

    def lines(self) -> list[str]:
        """The lines as they would be drawn now; they are not redrawn from here on."""
        self.view.close()
        with self.console.capture() as captured:
            self.console.print(self.view.draw())
        return [line.rstrip() for line in captured.get().splitlines()]

    def written(self) -> str:
        return self.bytes.getvalue().decode()


def test_the_lines_show_steps_rate_nodes_and_task() -> None:
    terminal = Terminal()
    for event in (started(), progress(2.0, 2_001, nodes_done=4_000, nodes_running=3, nodes_total=4_005)):
        terminal.view.receive(event)
    head, *body = terminal.lines()
    assert "flow.py" in head
    assert body == ["  steps 2,001  1,000 steps/s", "  nodes 4,000 done, 3 running", "  task  walk"]


def test_a_graph_without_a_loop_has_a_bar() -> None:
    terminal = Terminal()
    terminal.view.receive(progress(2.0, 1, nodes_done=5, nodes_total=10))
    (line,) = (line for line in terminal.lines() if "nodes" in line)
    assert "━" in line
    assert line.endswith("5 of 10 done")


def test_words_in_brackets_are_no_markup() -> None:
    terminal = Terminal()
    terminal.view.receive(retrying(1.0))
    assert terminal.lines()[-1].strip() == "1 retry  fetch: OSError: [down]"


def test_a_run_that_is_asked_to_stop_says_so() -> None:
    terminal = Terminal()
    terminal.view.stopping()
    assert "stopping" in terminal.lines()[-1]


@pytest.mark.parametrize(
    ("status", "line"),
    [
        ("Succeeded", "✓ flow.py  done, 7 steps in 1:40 min"),
        ("Failed", "✗ flow.py  failed, 7 steps in 1:40 min"),
        ("Cancelled", "■ flow.py  stopped, 7 steps in 1:40 min"),
    ],
)
def test_one_line_is_left_in_the_end_and_the_cursor_is_visible(status: str, line: str) -> None:
    terminal = Terminal()
    terminal.view.receive(started())
    terminal.view.receive(finished(status, steps=7))
    assert terminal.written().rstrip("\n").endswith(line)
    assert terminal.written().rfind("\x1b[?25h") > terminal.written().rfind("\x1b[?25l")
    assert sys.stderr is not terminal.console.file


def test_a_terminal_without_such_letters_gets_plain_ones() -> None:
    terminal = Terminal("ascii")
    for event in (started(), progress(1.0, 1, nodes_done=1, nodes_total=2)):
        terminal.view.receive(event)
    "\n".join(terminal.lines()).encode("ascii")
    terminal.view.receive(finished())
    assert "flow.py  done" in terminal.written()


def test_logging_is_written_above_the_lines_and_put_back_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    handler = logging.StreamHandler()  # writes to stderr itself, as basicConfig makes it
    before = handler.stream
    logging.getLogger().addHandler(handler)
    try:
        terminal = Terminal()
        terminal.view.receive(started())
        assert handler.stream is not before
        terminal.view.receive(finished())
        assert handler.stream is before
    finally:
        logging.getLogger().removeHandler(handler)
