"""The command ``observatory``."""

from __future__ import annotations

import click

from observatory.commands.gates import gates
from observatory.commands.report import report
from observatory.commands.run import run


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Measures Cascade, and compares it with other engines."""


main.add_command(run)
main.add_command(gates)
main.add_command(report)
