"""The command ``cascade``: runs and draws the programs in a file."""

from cascade.workflow.cli.entry import main

__all__ = ["main"]
