"""Gates: limits on what does not depend on the machine, so that CI can hold them.

Counted are function calls and allocations a step, compilations and what came of compiled loops, misses of a cache, and
the exponent of the function calls over the size of a graph. No gate looks at a clock.
"""
