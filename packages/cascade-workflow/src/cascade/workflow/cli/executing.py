"""What the subcommands that run something have in common: the program, its engine, a view, and how it ends."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import Any

import click
from rich.console import Console

from cascade.runtime.engine import Engine
from cascade.spec.errors import CapacityError, CascadeError, ResourceNotFoundError
from cascade.workflow.cli.evaluating import evaluate
from cascade.workflow.cli.faults import SIGNALLED, Fault, bad_input
from cascade.workflow.cli.json_lines import JsonLines, stdout_reserved
from cascade.workflow.cli.live import LiveView
from cascade.workflow.cli.plain import PlainView
from cascade.workflow.cli.program import loaded
from cascade.workflow.cli.results import print_result
from cascade.workflow.cli.stopping import SIGPIPE, Stopper
from cascade.workflow.cli.target import ENGINE_NAME, Place, find_engine, find_target
from cascade.workflow.cli.views import Silence, View

Prepare = Callable[[ExitStack], tuple[Engine, Any, Mapping[str, Any]]]


def execute(
    ctx: click.Context,
    title: str,
    prepare: Prepare,
    params: Mapping[str, Any],
    timeout_s: float | None,
    *,
    quiet: bool,
    as_json: bool,
) -> None:
    """Run something, show it, print its value, and end with the exit code that this deserves.

    Args:
        ctx: The subcommand.
        title: What is run, for people.
        prepare: Gives the engine, the target, and more options of the run; what they need is left open on the stack.
        params: Values of the target's `Param`s.
        timeout_s: Seconds that the run may take.
        quiet: Whether only the value is printed.
        as_json: Whether events and value are printed as lines of JSON.
    """
    with ExitStack() as stack:
        lines: JsonLines | None = None
        stopper = Stopper()
        if as_json:
            lines = JsonLines(stack.enter_context(stdout_reserved()), lambda: stopper.stop(SIGPIPE))
        view = _choose_view(title, quiet, lines)
        show = print_result if lines is None else lines.result
        try:
            with interrupts_as_faults(), ExitStack() as program_stack:
                engine, target, options = prepare(program_stack)
                show(evaluate(target, params, timeout_s, engine, view, stopper, **options))
        except Fault as fault:
            if not fault.is_told:
                click.echo(fault.message, err=True)
            if lines is not None:
                lines.fault(fault)
            ctx.exit(fault.exit_code)


@contextmanager
def program(place: Place) -> Iterator[tuple[ModuleType, Any]]:
    """The module and the target in it, as long as the program is in use."""
    with loaded(place.file) as module:
        yield module, find_target(module, place)


@contextmanager
def engine_of(place: Place, module: ModuleType, executor: str | None, solver: str | None) -> Iterator[Engine]:
    """The program's own engine, or one of the parts that were chosen; if that turns out to be the fault, it is said."""
    own = find_engine(module)
    if own is not None:
        if executor or solver:
            option = "--executor" if executor else "--solver"
            raise bad_input(
                f"{place.file.name} has an {ENGINE_NAME!r} of its own, which {option} cannot change; choose there"
            )
        yield own
        return
    try:
        engine = Engine(solver, executor)
    except CascadeError as error:
        raise bad_input(str(error), error) from None
    try:
        with engine:
            yield engine
    except Fault as fault:
        if isinstance(fault.error, (CapacityError, ResourceNotFoundError)):
            fault.message += f". In {place.file.name}, call it {ENGINE_NAME!r}, and it is used here"
        raise


@contextmanager
def interrupts_as_faults() -> Iterator[None]:
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


__all__ = ["Prepare", "engine_of", "execute", "interrupts_as_faults", "program"]
