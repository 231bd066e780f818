"""How the value of a run is printed."""

from __future__ import annotations

import io
import sys
from typing import Any, Final

from rich.console import Console
from rich.highlighter import ReprHighlighter
from rich.pretty import pretty_repr

_WIDTH_OF_FILES: Final = 100


def print_result(value: Any) -> None:
    """Print a value on stdout: nothing for ``None``, a text as it is, everything else as Python writes it, in lines."""
    stdout = sys.stdout
    if isinstance(stdout, io.TextIOWrapper):
        stdout.reconfigure(errors="backslashreplace")  # a value is never lost because the terminal has no such letter
    if value is None:
        return
    if isinstance(value, str):
        print(value)
    elif stdout.isatty():
        console = Console(file=stdout)
        console.print(ReprHighlighter()(pretty_repr(value, max_width=console.width)), soft_wrap=True)
    else:
        print(pretty_repr(value, max_width=_WIDTH_OF_FILES))
    stdout.flush()


__all__ = ["print_result"]
