"""``observatory run``: measures suites, prints what came out, and keeps it."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from observatory.declaring import Suite
from observatory.machine import results_folder
from observatory.parts import PartError, Parts
from observatory.running import Job, Outcome, jobs
from observatory.running import run as run_jobs
from observatory.setting import Effort, Setting
from observatory.suites import suites
from observatory.tables import benchmarks_table, claims_table


@click.command()
@click.argument("suite", nargs=-1)
@click.option("--fast", is_flag=True, help="Fewer processes, rounds and steps: for a look, not for figures to quote.")
@click.option("--smoke", is_flag=True, help="Run everything once on tiny sizes; the values mean nothing.")
@click.option("--solver", metavar="MODULE:CLASS", help="Measure a solver of your own beside Cascade's.")
@click.option("--executor", metavar="MODULE:CLASS", help="Measure an executor of your own beside Cascade's.")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder for the result files.  [default: a new one for each run]",
)
@click.option("--only", metavar="GLOB", help="Only the experiments whose name fits, such as 'tco/*countdown'.")
@click.option("--list", "is_list", is_flag=True, help="Say which suites there are.")
def run(
    suite: tuple[str, ...],
    fast: bool,
    smoke: bool,
    solver: str | None,
    executor: str | None,
    output: Path | None,
    only: str | None,
    is_list: bool,
) -> None:
    """Measure SUITEs: all of them, or those that are named.

    The machine should be quiet. What is set against each other is measured in turns in one process.
    """
    known = suites()
    if is_list:
        for _, one in known.values():
            click.echo(f"{one.name:<12} {one.about}")
        return
    for name in suite:
        if name not in known:
            raise click.UsageError(f"there is no suite {name!r}; there are {', '.join(sorted(known))}")
    parts = Parts(solver, executor)
    try:
        parts.engine().close()
    except PartError as error:
        raise click.UsageError(str(error)) from error
    effort: Effort = "smoke" if smoke else "fast" if fast else "full"
    chosen = [known[name] for name in suite or known]
    work = [job for job in jobs(chosen, effort) if only is None or fnmatch(job.experiment.name, only)]
    if not work:
        raise click.UsageError(f"no experiment of these suites fits {only!r}")
    outcome = measure(work, Setting(effort, parts))
    show(outcome, [] if smoke else [one for _, one in chosen])
    for file in outcome.results.write(output or results_folder()):
        click.echo(f"written: {_short(file)}")
    if outcome.failures:
        raise SystemExit(1)


def measure(work: list[Job], setting: Setting) -> Outcome:
    """Do the work, with a bar that says how far it is."""
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=len(work), completed=-1)

        def announce(name: str) -> None:
            progress.update(task, advance=1, description=name)

        return run_jobs(work, setting, announce)


def show(outcome: Outcome, chosen: list[Suite]) -> None:
    """Print what came out."""
    console = Console()
    if not console.is_terminal:
        console.width = 160
    console.print(benchmarks_table(outcome.results))
    for suite in chosen:
        if suite.claims:
            console.print(claims_table(suite.about, suite.claims, outcome.results))
    for name, words in outcome.failures.items():
        console.print(f"{name} gave no values:", style="bold red")
        console.print(words, markup=False, highlight=False)


def _short(file: Path) -> Path:
    here = Path.cwd()
    return file.relative_to(here) if file.is_relative_to(here) else file


__all__ = ["run"]
