"""`LiveView`: a run as it goes on, in a few lines at the bottom of a terminal.

The lines are redrawn a few times a second by a thread of rich, from what the events have said; they are erased in the
end and replaced by one line. What the program prints meanwhile appears above them.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final, TextIO

from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from cascade.spec.events import Event, LoopProgress, RunFinished, RunStarted, StaticAnalysisWarning
from cascade.workflow.cli.plain import STOPPING, summary
from cascade.workflow.cli.tally import TALLIED, Tally, duration_text, rate_text

FRAMES_PER_S: Final = 8
_BAR_WIDTH: Final = 28
_SYMBOLS: Final = {"Succeeded": ("✓", "green"), "Failed": ("✗", "red"), "Cancelled": ("■", "yellow")}


class LiveView:
    """Draws on a terminal.

    Args:
        title: What is run.
        console: The terminal.
    """

    kinds: tuple[type[Event], ...] = TALLIED
    tells_end = True

    def __init__(self, title: str, console: Console) -> None:
        self._title = title
        self._console = console
        self._tally = Tally()
        self._is_stopping = False
        self._began_at = time.monotonic()
        self._is_unicode = console.encoding.lower().startswith("utf")
        self._spinner = Spinner("dots" if self._is_unicode else "line", style="cyan")
        self._open = ExitStack()
        # The prints of the program are only drawn above the lines if they go to the same terminal.
        self._live = Live(
            console=console,
            get_renderable=self.draw,
            refresh_per_second=FRAMES_PER_S,
            transient=True,
            redirect_stdout=sys.stdout.isatty(),
        )

    def receive(self, event: Event) -> None:
        """Count the event; the next frame shows it."""
        self._tally.receive(event)
        match event:
            case RunStarted():
                self._began_at = time.monotonic()
                stderr = sys.stderr
                self._open.enter_context(self._live)
                self._open.enter_context(_logging_moved(stderr, sys.stderr))
            case RunFinished():
                self.close()
                symbol, style = _SYMBOLS[event.status]
                line = Text.assemble((f"{symbol} " if self._is_unicode else "", f"bold {style}"), (self._title, "bold"))
                self._console.print(line.append(f"  {summary(event, self._tally)}"), soft_wrap=True)
            case StaticAnalysisWarning():
                self._console.print(Text(f"warning {event.code}: {event.message}", style="yellow"), soft_wrap=True)

    def stopping(self) -> None:
        """The next frame says so: nothing may be written from within a signal handler."""
        self._is_stopping = True

    def close(self) -> None:
        """Erase the lines."""
        self._open.close()

    def draw(self) -> RenderableType:
        """The lines as they are now. Called by the thread that redraws them."""
        tally, progress = self._tally, self._tally.progress
        lines = Table.grid()
        head = Table.grid(padding=(0, 1))
        elapsed = duration_text(time.monotonic() - self._began_at)
        head.add_row(self._spinner, Text(self._title, style="bold"), Text(elapsed, style="dim"))
        lines.add_row(head)
        body = Table.grid(padding=(0, 1))
        body.add_column(width=7, style="dim")
        if progress is not None:
            if tally.is_loop:
                body.add_row("  steps", f"{progress.steps:,}  [dim]{rate_text(tally.steps_per_s)}[/]")
            body.add_row("  nodes", self._nodes(progress))
            body.add_row("  task", Text(progress.task, style="cyan"))
        if tally.troubles:
            words = Text(", ".join(tally.troubles), style="yellow")
            body.add_row("", words.append(f"  {tally.last_retry}" if tally.last_retry else "", style="dim"))
        if self._is_stopping:
            body.add_row("", Text(STOPPING, style="yellow"))
        lines.add_row(body)
        return lines

    def _nodes(self, progress: LoopProgress) -> RenderableType:
        running = f", [cyan]{progress.nodes_running:,} running[/]" if progress.nodes_running else ""
        if self._tally.is_loop:
            return Text.from_markup(f"{progress.nodes_done:,} done{running}")
        words = Text.from_markup(f"{progress.nodes_done:,} of {progress.nodes_total:,} done{running}")
        row = Table.grid(padding=(0, 1))
        row.add_row(ProgressBar(progress.nodes_total, progress.nodes_done, width=_BAR_WIDTH), words)
        return row


@contextmanager
def _logging_moved(before: TextIO, after: TextIO) -> Iterator[None]:
    """Let handlers of the root logger that write to stderr itself write above the lines instead of through them."""
    handlers = [
        handler
        for handler in logging.getLogger().handlers
        if isinstance(handler, logging.StreamHandler) and handler.stream is before
    ]
    for handler in handlers:
        handler.setStream(after)
    try:
        yield
    finally:
        for handler in handlers:
            handler.setStream(before)


__all__ = ["FRAMES_PER_S", "LiveView"]
