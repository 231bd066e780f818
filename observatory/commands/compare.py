"""``observatory compare``: measures Cascade and other engines side by side, prints the ratios, and keeps the values."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click
from rich.console import Console

from observatory.comparing.claims import SUITE
from observatory.comparing.environments import CACHE_VARIABLE, Environments, cache_folder
from observatory.comparing.peers import Declared, declared_peers
from observatory.comparing.running import Comparison, install
from observatory.comparing.running import compare as run_comparison
from observatory.comparing.tables import remarks, tables
from observatory.comparing.workloads import WORKLOADS, Workload
from observatory.keys import CASCADE
from observatory.machine import results_folder
from observatory.setting import Effort
from observatory.tables import claims_table


@click.command()
@click.option("--peers", metavar="NAME,…", help="Compare with these only.  [default: all]")
@click.option("--workloads", metavar="NAME,…", help="Measure these only.  [default: all]")
@click.option("--fast", is_flag=True, help="One process each and smaller sizes: for a look, not for figures to quote.")
@click.option("--smoke", is_flag=True, help="Do everything once on tiny sizes; the values mean nothing.")
@click.option("--no-install", is_flag=True, help="Leave out peers that are not installed.")
@click.option("--install-only", is_flag=True, help="Install the peers, and measure nothing.")
@click.option(
    "--cache",
    type=click.Path(file_okay=False, path_type=Path),
    envvar=CACHE_VARIABLE,
    show_envvar=True,
    help="The folder for the environments of the peers.  [default: ~/.cache/cascade-observatory]",
)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder for the result files.  [default: a new one for each comparison]",
)
@click.option("--list", "is_list", is_flag=True, help="Say which peers and workloads there are.")
def compare(
    peers: str | None,
    workloads: str | None,
    fast: bool,
    smoke: bool,
    no_install: bool,
    install_only: bool,
    cache: Path | None,
    output: Path | None,
    is_list: bool,
) -> None:
    """Measure Cascade and other engines at the same workloads.

    Each engine is installed into an environment of its own, once. One that cannot be installed, and what one cannot do,
    is a line of the report. The machine should be quiet; all of it takes about half an hour, with --fast some minutes.
    """
    known = declared_peers()
    if is_list:
        _list(known)
        return
    names = _chosen(peers, list(known), "peer")
    chosen = [known[name] for name in dict.fromkeys([CASCADE, *names])]
    labels = {workload.label: workload for workload in WORKLOADS.values()}
    to_do = [labels[label] for label in _chosen(workloads, list(labels), "workload")]
    environments = Environments(cache or cache_folder(), may_install=not no_install)
    console = Console(stderr=True)
    if install_only:
        _, missing = install(chosen, environments, lambda line: console.print(line, markup=False, highlight=False))
        for name, reason in missing.items():
            click.echo(f"{known[name].peer.title}: {reason}")
        raise SystemExit(1 if missing else 0)
    effort: Effort = "smoke" if smoke else "fast" if fast else "full"
    with console.status("") as status:

        def announce(line: str) -> None:
            if console.is_terminal:
                status.update(line)
            elif line.startswith("installing"):
                click.echo(line, err=True)

        comparison = run_comparison(chosen, to_do, environments, effort, announce)
    show(comparison, chosen, to_do)
    for file in comparison.results.write(output or results_folder()):
        click.echo(f"written: {file}")


def show(comparison: Comparison, chosen: list[Declared], workloads: list[Workload]) -> None:
    """Print what came out."""
    console = Console()
    if not console.is_terminal:
        console.width = 120
    for line in remarks(comparison, chosen):
        console.print(line, markup=False, highlight=False)
    console.print()
    for table in tables(comparison, chosen, workloads):
        console.print(table)
    values = comparison.results.values
    if any(claim.figure(values) for claim in SUITE.claims):
        console.print(claims_table("What is claimed", SUITE.claims, comparison.results))


def _chosen(given: str | None, known: list[str], what: str) -> list[str]:
    """The names in an option, or all."""
    if given is None:
        return known
    names = [name.strip() for name in given.split(",") if name.strip()]
    for name in names:
        if name not in known:
            raise click.UsageError(f"there is no {what} {name!r}; there are {', '.join(known)}")
    return names


def _list(known: Mapping[str, Declared]) -> None:
    for name, declared in known.items():
        click.echo(
            f"{name:<16} {declared.peer.title}: {', '.join(declared.peer.requirements) or 'our own environment'}"
        )
    for workload in WORKLOADS.values():
        click.echo(f"{workload.label:<24} {workload.about}")


__all__ = ["compare"]
