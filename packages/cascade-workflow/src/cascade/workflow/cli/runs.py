"""``cascade runs``: look at kept runs, continue, cancel and delete them."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import click
from rich.console import Console
from rich.table import Table

from cascade.runtime.durability.managing import RunView, cancel_run, prune_runs, view_run, views
from cascade.runtime.durability.resumption import Resumption
from cascade.runtime.engine import Engine
from cascade.spec.errors import CascadeError, StateStoreError
from cascade.spec.plugin_url import PluginUrl
from cascade.spec.plugins import STATE_BACKENDS
from cascade.spec.policies import NOTHING
from cascade.spec.protocols import StateStore
from cascade.workflow.cli.executing import engine_of, execute
from cascade.workflow.cli.faults import bad_input
from cascade.workflow.cli.program import loaded
from cascade.workflow.cli.target import Place

T = TypeVar("T")

STATE: Final = click.option("--state", metavar="URL", required=True, help="Where runs are kept: sqlite:///runs.db.")
DURABILITY: Final = click.option(
    "--durability",
    metavar="LEVEL",
    default="step",
    show_default=True,
    help='What may be lost when the process dies: "step", "interval" or "interval(MS)".',
)
ACCEPT_VERSIONS: Final = click.option(
    "--accept-version",
    "accept_versions",
    is_flag=True,
    help="Continue a kept run although its tasks have other versions now.",
)
_JSON: Final = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def runs() -> None:
    """List, show, continue, cancel or delete kept runs."""


@runs.command("ls")
@STATE
@_JSON
def ls(state: str, as_json: bool) -> None:
    """List the runs, the one that was changed last coming first."""
    found = _with_store(state, views)
    if as_json:
        click.echo(json.dumps([_as_json(view) for view in found], indent=2))
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("RUN", "STATUS"):
        table.add_column(heading, no_wrap=True)
    table.add_column("STEP", justify="right", no_wrap=True)
    for heading in ("UPDATED", "HELD BY"):
        table.add_column(heading, no_wrap=True)
    for view in found:
        table.add_row(view.run_id, view.status, f"{view.step:,}", _ago(view.updated_at), view.held_by or "-")
    console = Console(highlight=False)
    if found:
        console.print(table)
    console.print(f"{len(found)} runs")


@runs.command("show")
@click.argument("run_id", metavar="RUN")
@STATE
@_JSON
def show(run_id: str, state: str, as_json: bool) -> None:
    """Show where RUN stands: its step, the call that it makes, and what of the step has ended."""
    view = _with_store(state, lambda store: view_run(store, run_id))
    if as_json:
        click.echo(json.dumps(_as_json(view), indent=2))
        return
    lines = {
        "run": view.run_id,
        "status": view.status,
        "step": f"{view.step:,}",
        "created": _moment(view.created_at),
        "updated": f"{_moment(view.updated_at)} ({_ago(view.updated_at)})",
        "held by": view.held_by or "nobody",
        "call": view.call,
        "ended": ", ".join(view.ended),
        "error": view.error,
        "value": view.value,
    }
    for name, text in lines.items():
        if text:
            click.echo(f"{name + ':':<9} " + text.replace("\n", "\n" + " " * 10))


@runs.command("resume")
@click.argument("run_id", metavar="RUN")
@STATE
@click.option(
    "--program",
    "file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The Python file of the run's tasks; without it, their modules are imported by name.",
)
@DURABILITY
@ACCEPT_VERSIONS
@click.option("--quiet", "-q", is_flag=True, help="Print nothing but the result.")
@click.option("--json", "as_json", is_flag=True, help="Print events and result as lines of JSON.")
@click.pass_context
def resume(
    ctx: click.Context,
    run_id: str,
    state: str,
    file: Path | None,
    durability: str,
    accept_versions: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Continue RUN with its last step and print its value; of a run that has ended, its value is printed."""

    def prepare(stack: ExitStack) -> tuple[Engine, Any, Mapping[str, Any]]:
        try:
            _expect_file(state)
        except CascadeError as error:
            raise bad_input(str(error), error) from None
        module = None if file is None else stack.enter_context(loaded(file))
        if module is None or file is None:
            sys.path.insert(0, str(Path.cwd()))  # as for "python -m"
            stack.callback(sys.path.remove, sys.path[0])
            engine = stack.enter_context(Engine())
        else:
            engine = stack.enter_context(engine_of(Place(file, None), module, None, None))
        resumption = Resumption(accept_versions=accept_versions, main=module, imports=True)
        options = {"run_id": run_id, "state": state, "durability": durability, "resumption": resumption}
        return engine, NOTHING, options

    execute(ctx, run_id, prepare, {}, None, quiet=quiet, as_json=as_json)


@runs.command("cancel")
@click.argument("run_id", metavar="RUN")
@STATE
def cancel(run_id: str, state: str) -> None:
    """Stop RUN, wherever it runs; it can be continued."""
    was_held = _with_store(state, lambda store: cancel_run(store, run_id))
    click.echo(f"{run_id} is asked to stop" if was_held else f"{run_id} is cancelled; nobody was running it")


@runs.command("prune")
@STATE
@click.option(
    "--older-than",
    "days",
    metavar="DAYS",
    type=click.FloatRange(min=0),
    default=0.0,
    show_default=True,
    help="Only runs that were not changed for so many days.",
)
@click.option("--all", "everything", is_flag=True, help="Also runs that could be continued, if nobody holds them.")
def prune(state: str, days: float, everything: bool) -> None:
    """Delete runs that have succeeded."""
    count = _with_store(state, lambda store: prune_runs(store, days * 86_400, resumable=everything))
    click.echo(f"{count} runs deleted")


def _expect_file(state: str) -> None:
    """Refuse a database that is not there: a look must not make one, and a mistyped path is no store without runs."""
    if state.startswith("sqlite://"):
        path = PluginUrl(state).path()
        if not Path(path).exists():
            raise StateStoreError(f"there is no file {path!r}; it is made by the first run that is kept in it")


def _with_store(state: str, use: Callable[[StateStore], Coroutine[Any, Any, T]]) -> T:
    async def run() -> T:
        _expect_file(state)
        store = STATE_BACKENDS.make(state)
        try:
            return await use(store)
        finally:
            await store.close()

    try:
        return asyncio.run(run())
    except CascadeError as error:
        raise bad_input(str(error), error) from None


def _as_json(view: RunView) -> dict[str, Any]:
    return dict(view._asdict())


def _moment(timestamp: float) -> str:
    return datetime.fromtimestamp(timestamp, UTC).isoformat(sep=" ", timespec="seconds")


def _ago(timestamp: float) -> str:
    seconds = max(0.0, time.time() - timestamp)
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit} ago"
    return f"{seconds:.0f} s ago"


__all__ = ["ACCEPT_VERSIONS", "DURABILITY", "STATE", "runs"]
