"""`Fault`: why the command ends with another exit code than 0, and what is said about it."""

from __future__ import annotations

from typing import Final

FAILED: Final = 1
"""A task failed, or the run did in another way."""
BAD_INPUT: Final = 2
"""Nothing could be run: the file, the target, a parameter or the graph is wrong. Also click's code for bad usage."""
SIGNALLED: Final = 128
"""Added to the number of the signal that stopped the run, as shells do: Ctrl-C makes 130."""


class Fault(Exception):
    """The command cannot go on.

    Attributes:
        exit_code: What the shell gets.
        message: For people, on stderr; several lines if it holds a traceback.
        error: The exception behind it, if any.
        is_told: Whether people have been told already.
    """

    def __init__(
        self, exit_code: int, message: str, error: BaseException | None = None, *, is_told: bool = False
    ) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.message = message
        self.error = error
        self.is_told = is_told


def bad_input(message: str, error: BaseException | None = None) -> Fault:
    """What the user gave cannot be run."""
    return Fault(BAD_INPUT, f"cascade: {message}", error)


__all__ = ["BAD_INPUT", "FAILED", "SIGNALLED", "Fault", "bad_input"]
