"""The command line: its options, and what each subcommand does."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import click

from cascade.graph.build import build_graph
from cascade.graph.render import render_dot, render_mermaid
from cascade.graph.serialize import graph_to_dict
from cascade.graph.static_analysis import possible_flows
from cascade.runtime.durability.resumption import Resumption
from cascade.runtime.engine import Engine
from cascade.spec.errors import CascadeError
from cascade.workflow.cli.cache import cache
from cascade.workflow.cli.executing import engine_of, execute, interrupts_as_faults, program
from cascade.workflow.cli.explain import explain as explain_run
from cascade.workflow.cli.faults import Fault, bad_input
from cascade.workflow.cli.json_lines import stdout_reserved
from cascade.workflow.cli.parameters import help_row, parameters_of, parse_assignments
from cascade.workflow.cli.runs import ACCEPT_VERSIONS, DURABILITY, runs
from cascade.workflow.cli.target import Place, parse_place

_PLACE: Final = "FILE[:TARGET]"


class _Cascade(click.Group):
    """Says what is wrong in words, whichever subcommand finds it."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except Fault as fault:
            if not fault.is_told:
                click.echo(fault.message, err=True)
            ctx.exit(fault.exit_code)


@click.group(cls=_Cascade, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="cascade-workflow", prog_name="cascade", message="%(prog)s %(version)s")
def cascade() -> None:
    """Run and draw task graphs and loops of task graphs."""


cascade.add_command(cache)
cascade.add_command(runs)


class _RunCommand(click.Command):
    """A command whose help is not given at once: it reads the program first, to list its parameters."""

    _help = click.Option(
        ["-h", "--help", "wants_help"], is_flag=True, help="Show this message and the parameters of the program."
    )

    def get_help_option(self, _ctx: click.Context) -> click.Option:
        return self._help


@cascade.command(cls=_RunCommand)
@click.argument("place", metavar=_PLACE, required=False)
@click.option("--param", "-p", "assignments", metavar="NAME=VALUE", multiple=True, help="Give a parameter; repeatable.")
@click.option("--quiet", "-q", is_flag=True, help="Print nothing but the result.")
@click.option("--json", "as_json", is_flag=True, help="Print events and result as lines of JSON.")
@click.option(
    "--timeout",
    "timeout_s",
    metavar="SECONDS",
    type=click.FloatRange(min=0, min_open=True),
    help="Stop the run when it takes longer.",
)
@click.option("--executor", metavar="URL", help="Run functions there, for example local://?threads=8.")
@click.option("--solver", metavar="URL", help="Let this solver order the nodes.")
@click.option("--run-id", metavar="ID", help="Begin the kept run of this id, or continue it.")
@click.option("--state", metavar="URL", help="Where the run is kept, for example sqlite:///runs.db.")
@DURABILITY
@ACCEPT_VERSIONS
@click.pass_context
def run(
    ctx: click.Context,
    place: str | None,
    assignments: tuple[str, ...],
    quiet: bool,
    as_json: bool,
    timeout_s: float | None,
    executor: str | None,
    solver: str | None,
    run_id: str | None,
    state: str | None,
    durability: str,
    accept_versions: bool,
    wants_help: bool,
) -> None:
    """Run TARGET of the Python file FILE and print its value.

    TARGET is a lazy result, a container of lazy results, a task, or a function that returns one of them. Without it,
    "main" is run, or else the only thing at the top level of the file that can be run.
    """
    if wants_help:
        _show_help(ctx, place)
        return
    if place is None:
        raise click.MissingParameter(ctx=ctx, param_type="argument", param_hint=f"'{_PLACE}'")
    params = parse_assignments(assignments)
    where = parse_place(place)
    if (state is None) != (run_id is None):
        raise click.UsageError("--run-id and --state go together: which run is kept, and where", ctx)

    def prepare(stack: ExitStack) -> tuple[Engine, Any, Mapping[str, Any]]:
        module, target = stack.enter_context(program(where))
        engine = stack.enter_context(engine_of(where, module, executor, solver))
        kept: dict[str, Any] = {}
        if state is not None:
            kept = {
                "run_id": run_id,
                "state": state,
                "durability": durability,
                "resumption": Resumption(accept_versions=accept_versions, main=module),
            }
        return engine, target, kept

    execute(ctx, str(where), prepare, params, timeout_s, quiet=quiet, as_json=as_json)


@cascade.command()
@click.argument("place", metavar=_PLACE)
@click.option(
    "--format",
    "language",
    type=click.Choice(["mermaid", "dot", "json"]),
    default="mermaid",
    show_default=True,
    help="Mermaid, Graphviz, or all of the structure.",
)
@click.option("--output", "-o", type=click.Path(path_type=Path), help="Write to this file instead of stdout.")
@click.pass_context
def graph(ctx: click.Context, place: str, language: str, output: Path | None) -> None:
    """Draw the graph of TARGET, without running it.

    Dashed arrows lead to what its tasks may go on with when they return, as far as their source tells.
    """
    with stdout_reserved() as stdout:  # what the file prints while it is loaded is no drawing
        try:
            with interrupts_as_faults(), program(parse_place(place)) as (_, target):
                text = _draw(target, language)
                if output is None:
                    stdout.write(text)
                else:
                    _write(output, text)
        except Fault as fault:
            click.echo(fault.message, err=True)
            ctx.exit(fault.exit_code)


@cascade.command()
@click.argument("place", metavar=_PLACE)
@click.option("--param", "-p", "assignments", metavar="NAME=VALUE", multiple=True, help="Give a parameter; repeatable.")
@click.option(
    "--seconds",
    metavar="SECONDS",
    type=click.FloatRange(min=0, min_open=True),
    default=2,
    show_default=True,
    help="Stop the run after this time.",
)
@click.pass_context
def explain(ctx: click.Context, place: str, assignments: tuple[str, ...], seconds: float) -> None:
    """Run TARGET for a short while, and show how its loops were compiled.

    Shown are the plan of the first step, the outcomes of the cache of compiled loops, and of each loop its shapes, its
    plans and its source.
    """
    where = parse_place(place)
    params = parse_assignments(assignments)
    with stdout_reserved() as stdout:  # what the program prints is no explanation
        try:
            with (
                interrupts_as_faults(),
                program(where) as (module, target),
                engine_of(where, module, None, None) as engine,
            ):
                for paragraph in explain_run(target, params, seconds, engine):
                    stdout.write(paragraph + "\n\n")
        except Fault as fault:
            if not fault.is_told:
                click.echo(fault.message, err=True)
            ctx.exit(fault.exit_code)


def _show_help(ctx: click.Context, text: str | None) -> None:
    formatter = ctx.make_formatter()
    ctx.command.format_help(ctx, formatter)
    fault: Fault | None = None
    if text is not None:
        place = parse_place(text)
        try:
            with interrupts_as_faults(), program(place) as (_, target):
                _format_parameters(formatter, place, target)
        except Fault as found:
            fault = found
    click.echo(formatter.getvalue().rstrip())
    if fault is not None:
        click.echo(f"\n{fault.message}", err=True)
        ctx.exit(fault.exit_code)


def _format_parameters(formatter: click.HelpFormatter, place: Place, target: Any) -> None:
    try:
        specs = parameters_of(target)
    except CascadeError as error:
        raise bad_input(str(error), error) from None
    titles = {"param": f"Parameters of {place} (--param NAME=VALUE)", "env": "Environment variables that it reads"}
    for source, title in titles.items():
        rows = [help_row(spec) for spec in specs if spec.source == source]
        if rows:
            with formatter.section(title):
                formatter.write_dl(rows)
    if not specs:
        formatter.write_paragraph()
        formatter.write_text(f"{place} has no parameters.")


def _draw(target: Any, language: str) -> str:
    try:
        graph, data, _ = build_graph(target)
    except CascadeError as error:
        raise bad_input(str(error), error) from None
    flows = possible_flows(graph)
    if language == "json":
        return json.dumps(graph_to_dict(graph, flows), indent=2) + "\n"
    render = render_mermaid if language == "mermaid" else render_dot
    return render(graph, data, flows) + "\n"


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise bad_input(f"{str(file)!r} cannot be written: {error.strerror}", error) from None


__all__ = ["cascade"]
