"""``cascade explain``: a short run, and what the engine made of its loops."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cascade.graph.build import build_graph
from cascade.runtime.engine import Engine
from cascade.runtime.strategies.jit.explain import describe_loop, describe_node
from cascade.spec.errors import TaskTimeoutError
from cascade.spec.events import RunFinished
from cascade.workflow.cli.evaluating import evaluate
from cascade.workflow.cli.faults import Fault, bad_input
from cascade.workflow.cli.stopping import Stopper
from cascade.workflow.cli.views import Silence


def explain(target: Any, params: Mapping[str, Any], seconds: float, engine: Engine) -> Iterator[str]:
    """Run a target for a while, and tell its first plan, the outcomes of the cache, and the compiled loops.

    Args:
        target: What is run.
        params: Values of its `Param`s.
        seconds: After this time the run is stopped.
        engine: Where it runs.

    Yields:
        Paragraphs.

    Raises:
        Fault: The run failed, or the engine compiles nothing.
    """
    cycles = engine.cycles
    if cycles is None:
        raise bad_input("this engine compiles nothing: it was made with jit=False, or CASCADE_JIT is 0")
    ended: list[RunFinished] = []
    unsubscribe = engine.subscribe(RunFinished, ended.append)
    try:
        evaluate(target, params, seconds, engine, Silence(), Stopper())
        ending = "until it ended"
    except Fault as fault:
        if not isinstance(fault.error, TaskTimeoutError):
            raise
        ending = f"until it was stopped after {seconds:g} s"
    finally:
        unsubscribe()
    graph, _, _ = build_graph(target)
    yield "\n".join(["first step:", *(f"  {describe_node(node, graph.nodes)}" for node in graph.nodes)])
    yield f"run: {ended[-1].steps:,} steps {ending}"
    counts = sorted(cycles.statistics.items())
    yield "\n".join(["cache of loops:", *(f"  {count:>12,}  {outcome}" for outcome, count in counts)])
    for loop in cycles.loops():
        yield describe_loop(loop)
    if not cycles.loops():
        yield "no loop was compiled: no shape of step came back, or none that can be compiled"


__all__ = ["explain"]
