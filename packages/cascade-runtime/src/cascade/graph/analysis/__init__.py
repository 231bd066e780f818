"""Static analysis: what the source of tasks says about the calls that they may make.

Three users: `cycle_id` (as ``task._tco_cycle_id``) is a hint for the cache of compiled loops, `possible_calls` is drawn
by ``cascade graph``, and `warnings_of` finds recursion that is not in tail position (``CS-W001``). Nothing is read
before somebody asks, and nothing is ever run. The analysis follows values along the paths of a function (`statements`),
through names, containers, conditional expressions, modifiers and the program's own functions (`expressions`, `calls`).

It is a help, not a proof: a call by a name that only exists at run time is not seen, and calls on paths that are never
taken are. Source that cannot be read has no calls.
"""

from cascade.graph.analysis.callees import NEXT_STEP, Position, PossibleCall, possible_calls
from cascade.graph.analysis.cycles import cycle_id, reachable
from cascade.graph.analysis.flows import Flows, possible_flows
from cascade.graph.analysis.recursion import NOT_IN_TAIL_POSITION, SourceWarning, warnings_of

__all__ = [
    "NEXT_STEP",
    "NOT_IN_TAIL_POSITION",
    "Flows",
    "Position",
    "PossibleCall",
    "SourceWarning",
    "cycle_id",
    "possible_calls",
    "possible_flows",
    "reachable",
    "warnings_of",
]
