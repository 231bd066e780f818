"""``observatory report``: makes a page of results."""

from __future__ import annotations

from pathlib import Path

import click

from observatory.machine import results_parent
from observatory.report.page import html, markdown
from observatory.results import Results, ResultsError
from observatory.suites import suites


@click.command()
@click.argument("results", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--html", "page", type=click.Path(dir_okay=False, path_type=Path), help="Write a page.")
@click.option("--markdown", "tables", type=click.Path(dir_okay=False, path_type=Path), help="Write the tables.")
def report(results: tuple[Path, ...], page: Path | None, tables: Path | None) -> None:
    """Make a report of RESULTS: result files, or folders of them; by default the newest folder.

    The page loads nothing, so it can be sent to anybody. Without --html and --markdown, the tables are printed.
    """
    try:
        found = Results.read(results or [newest()])
    except ResultsError as error:
        raise click.ClickException(str(error)) from error
    declared = [suite for _, suite in suites().values()]
    if page is not None:
        page.write_text(html(found, declared), encoding="utf-8")
        click.echo(f"written: {page}")
    if tables is not None:
        tables.write_text(markdown(found, declared), encoding="utf-8")
        click.echo(f"written: {tables}")
    if page is None and tables is None:
        click.echo(markdown(found, declared))


def newest() -> Path:
    """The folder of the last run.

    Raises:
        ResultsError: There is none.
    """
    folders = sorted(results_parent().glob("*/"))
    if not folders:
        raise ResultsError(f"{results_parent()}: nothing has been measured yet; use `observatory run`")
    return folders[-1]


__all__ = ["report"]
