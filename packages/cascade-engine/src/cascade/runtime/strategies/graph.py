"""`GraphExecutionStrategy`: evaluates targets as graphs, step by step, with what it learnt of earlier ones."""

from __future__ import annotations

from cascade.graph.registry import NodeRegistry
from cascade.runtime.run_context import RunContext
from cascade.runtime.strategies.interpreter import Interpreter
from cascade.runtime.strategies.plans import PlanCache
from cascade.spec.protocols import Solver


class GraphExecutionStrategy:
    """What all runs of an engine share about structure: interned nodes and plans.

    Args:
        solver: Plans graphs.

    Attributes:
        registry: Interns the nodes.
        plans: Keeps the plans.
    """

    def __init__(self, solver: Solver) -> None:
        self.registry = NodeRegistry()
        self.plans = PlanCache(solver)

    def begin(self, run: RunContext) -> Interpreter:
        """The evaluation of one run's target; to be used in the event loop that is running now."""
        return Interpreter(run, self.registry, self.plans)


__all__ = ["GraphExecutionStrategy"]
