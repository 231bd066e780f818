"""The command line: its options, and what each subcommand does."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import click
from rich.console import Console

from cascade.graph.build import build_graph
from cascade.graph.render import render_dot, render_mermaid
from cascade.graph.serialize import graph_to_dict
from cascade.graph.static_analysis import possible_flows
from cascade.runtime.engine import Engine
from cascade.spec.errors import CapacityError, CascadeError, ResourceNotFoundError
from cascade.workflow.cli.cache import cache
from cascade.workflow.cli.evaluating import evaluate
from cascade.workflow.cli.explain import explain as explain_run
from cascade.workflow.cli.faults import SIGNALLED, Fault, bad_input
from cascade.workflow.cli.json_lines import JsonLines, stdout_reserved
from cascade.workflow.cli.live import LiveView
from cascade.workflow.cli.parameters import help_row, parameters_of, parse_assignments
from cascade.workflow.cli.plain import PlainView
from cascade.workflow.cli.program import loaded
from cascade.workflow.cli.results import print_result
from cascade.workflow.cli.stopping import SIGPIPE, Stopper
from cascade.workflow.cli.target import ENGINE_NAME, Place, find_engine, find_target, parse_place
from cascade.workflow.cli.views import Silence, View

_PLACE: Final = "FILE[:TARGET]"


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="cascade-workflow", prog_name="cascade", message="%(prog)s %(version)s")
def cascade() -> None:
    """Run and draw task graphs and loops of task graphs."""


cascade.add_command(cache)


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
@click.pass_context
def run(
    ctx: click.Context,
    place: str | None,
    assignments: tuple[str, ...],
    quiet: bool,
    as_json: bool,
    timeout_s: float | None,
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
    with ExitStack() as stack:
        lines: JsonLines | None = None
        stopper = Stopper()
        if as_json:
            lines = JsonLines(stack.enter_context(stdout_reserved()), lambda: stopper.stop(SIGPIPE))
        view = _choose_view(str(where), quiet, lines)
        show = print_result if lines is None else lines.result
        try:
            with _interrupts_as_faults(), _program(where) as (module, target), _engine(where, module) as engine:
                show(evaluate(target, params, timeout_s, engine, view, stopper))
        except Fault as fault:
            if not fault.is_told:
                click.echo(fault.message, err=True)
            if lines is not None:
                lines.fault(fault)
            ctx.exit(fault.exit_code)


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
            with _interrupts_as_faults(), _program(parse_place(place)) as (_, target):
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
            with _interrupts_as_faults(), _program(where) as (module, target), _engine(where, module) as engine:
                for paragraph in explain_run(target, params, seconds, engine):
                    stdout.write(paragraph + "\n\n")
        except Fault as fault:
            if not fault.is_told:
                click.echo(fault.message, err=True)
            ctx.exit(fault.exit_code)


@contextmanager
def _program(place: Place) -> Iterator[tuple[ModuleType, Any]]:
    """The module and the target in it, as long as the program is in use."""
    with loaded(place.file) as module:
        yield module, find_target(module, place)


@contextmanager
def _engine(place: Place, module: ModuleType) -> Iterator[Engine]:
    """The program's own engine, or a plain one; if that turns out to be the fault, it is said."""
    own = find_engine(module)
    if own is not None:
        yield own
        return
    try:
        with Engine() as engine:
            yield engine
    except Fault as fault:
        if isinstance(fault.error, (CapacityError, ResourceNotFoundError)):
            fault.message += f". In {place.file.name}, call it {ENGINE_NAME!r}, and it is used here"
        raise


@contextmanager
def _interrupts_as_faults() -> Iterator[None]:
    """Ctrl-C while the file is loaded; during the run itself `Stopper` has it."""
    try:
        yield
    except KeyboardInterrupt as error:
        raise Fault(SIGNALLED + signal.SIGINT, "cascade: stopped", error) from None


def _choose_view(title: str, quiet: bool, lines: JsonLines | None) -> View:
    if quiet:
        return Silence()
    if lines is not None:
        return lines
    console = Console(stderr=True)
    if sys.stderr.isatty() and not console.is_dumb_terminal:
        return LiveView(title, console)
    return PlainView(title, lambda line: click.echo(line, err=True))


def _show_help(ctx: click.Context, text: str | None) -> None:
    formatter = ctx.make_formatter()
    ctx.command.format_help(ctx, formatter)
    fault: Fault | None = None
    if text is not None:
        place = parse_place(text)
        try:
            with _interrupts_as_faults(), _program(place) as (_, target):
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
