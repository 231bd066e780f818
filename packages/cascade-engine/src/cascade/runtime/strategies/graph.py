"""`GraphExecutionStrategy`: evaluates targets as graphs, step by step, with what it learnt of earlier ones."""

from __future__ import annotations

from cascade.graph.registry import NodeRegistry
from cascade.runtime.run_context import RunContext
from cascade.runtime.strategies.interpreter import Interpreter
from cascade.runtime.strategies.jit.cycle_cache import CycleCache
from cascade.runtime.strategies.plans import PlanCache
from cascade.spec.protocols import Executor, InlineExecutor, Solver


class GraphExecutionStrategy:
    """What all runs of an engine share about structure: interned nodes, plans, compiled loops.

    Args:
        solver: Plans graphs.
        executor: Loops are only compiled if it lets the engine make short calls itself (`InlineExecutor`).
        jit: Whether loops are compiled at all.

    Attributes:
        registry: Interns the nodes.
        plans: Keeps the plans.
        inline_executor: The executor, if it lets the engine make short calls itself.
        cycles: Keeps the compiled loops; ``None`` if there are none.
    """

    def __init__(self, solver: Solver, executor: Executor, jit: bool) -> None:
        self.registry = NodeRegistry()
        self.plans = PlanCache(solver)
        self.cycles: CycleCache | None = None
        self.inline_executor = executor if isinstance(executor, InlineExecutor) else None
        if jit and self.inline_executor is not None:
            self.cycles = CycleCache(self.inline_executor)

    def begin(self, run: RunContext) -> Interpreter:
        """The evaluation of one run's target; to be used in the event loop that is running now."""
        return Interpreter(run, self.registry, self.plans, self.cycles)


__all__ = ["GraphExecutionStrategy"]
