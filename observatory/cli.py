"""The command ``observatory``."""

from __future__ import annotations

import click


@click.group()
def main() -> None:
    """Measures Cascade, and compares it with other engines."""
