"""`evaluate`: runs a target for the command, shows it, and sorts what may go wrong into exit codes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from cascade.runtime.engine import Engine, new_run_id
from cascade.spec.errors import CascadeError, ParameterError
from cascade.spec.events import Event, RunStarted
from cascade.workflow.cli.faults import BAD_INPUT, FAILED, SIGNALLED, Fault, bad_input
from cascade.workflow.cli.stopping import SIGPIPE, Stopper
from cascade.workflow.cli.tracebacks import describe_error
from cascade.workflow.cli.views import View


def evaluate(
    target: Any,
    params: Mapping[str, Any],
    timeout_s: float | None,
    engine: Engine,
    view: View,
    stopper: Stopper,
    *,
    run_id: str | None = None,
    **options: Any,
) -> Any:
    """Run a target and wait for its value.

    Args:
        target: What is run.
        params: Values of its `Param`s.
        timeout_s: Seconds that the run may take.
        engine: Where it runs.
        view: Shows it.
        stopper: Stops it.
        run_id: Its id, by default a new one.
        **options: More options of `Engine.run`.

    Raises:
        Fault: It has no value.
    """
    known_id = new_run_id() if run_id is None else run_id
    has_started = False

    def pass_on(event: Event) -> None:
        if event.run_id == known_id:  # a task may begin a run of its own
            view.receive(event)

    def note_start(event: RunStarted) -> None:
        nonlocal has_started
        has_started = has_started or event.run_id == known_id

    async def run() -> Any:
        stopper.arm()
        return await engine.run(target, params, timeout_s=timeout_s, run_id=known_id, **options)

    with ExitStack() as cleanup:
        for kind in view.kinds:
            cleanup.callback(engine.subscribe(kind, pass_on))
        cleanup.callback(engine.subscribe(RunStarted, note_start))
        cleanup.callback(view.close)
        cleanup.enter_context(stopper.listening(view.stopping))
        try:
            with asyncio.Runner() as runner:
                return runner.run(run())
        except BaseException as error:
            if stopper.signal is not None:
                is_told = (has_started and view.tells_end) or stopper.signal == SIGPIPE
                raise _stopped(error, stopper.signal, is_told=is_told) from None
            raise _fault(error, has_started) from None


def _stopped(error: BaseException, number: int, *, is_told: bool) -> Fault:
    if isinstance(error, asyncio.CancelledError):
        return Fault(SIGNALLED + number, "cascade: stopped", is_told=is_told)
    # While it was stopping, something failed.
    return Fault(SIGNALLED + number, f"{describe_error(error)}\ncascade: stopped", error)


def _fault(error: BaseException, has_started: bool) -> Fault:
    if isinstance(error, ParameterError) or (isinstance(error, CascadeError) and not has_started):
        return bad_input(str(error), error)
    if isinstance(error, SystemExit):
        message = f"{describe_error(error)}\ncascade: a task tried to end the process; let it raise another exception"
        return Fault(FAILED, message, error)
    return Fault(FAILED if has_started else BAD_INPUT, describe_error(error), error)


__all__ = ["evaluate"]
