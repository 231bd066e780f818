"""`Constraint`: a limit on tasks that can be set, changed and lifted while runs go on."""

from __future__ import annotations

import fnmatch
import math
import re
from dataclasses import dataclass
from typing import Final

from cascade.spec.errors import ConstraintError

_SECONDS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_RATE: Final = re.compile(r"\s*([0-9]*\.?[0-9]+)\s*/\s*([smhd])\s*\Z")

GLOBAL_SCOPE: Final = "global"
_TASK_PREFIX: Final = "task:"


@dataclass(frozen=True, slots=True)
class Constraint:
    """A limit on the tasks in a scope.

    Attributes:
        scope: ``"global"``, or ``"task:<glob>"`` over the names of tasks.
        paused: No task of the scope starts.
        concurrency: At most so many of the scope's tasks run at once.
        rate_per_s: At most so many start a second, evenly spaced in the long run; may be below one.
        ttl_s: The limit ends by itself after so many seconds.
    """

    scope: str = GLOBAL_SCOPE
    paused: bool = False
    concurrency: int | None = None
    rate_per_s: float | None = None
    ttl_s: float | None = None

    def __post_init__(self) -> None:
        if self.scope != GLOBAL_SCOPE and not (
            self.scope.startswith(_TASK_PREFIX) and len(self.scope) > len(_TASK_PREFIX)
        ):
            raise ConstraintError(f"a scope is 'global' or 'task:<glob>' such as 'task:fetch*', not {self.scope!r}")
        if self.concurrency is not None and (
            isinstance(self.concurrency, bool) or not isinstance(self.concurrency, int) or self.concurrency < 1
        ):
            raise ConstraintError(
                f"a concurrency limit is a whole number of at least 1, not {self.concurrency!r}; use pause() for none"
            )
        if self.rate_per_s is not None and not 0 < self.rate_per_s < math.inf:
            raise ConstraintError(f"a rate must be greater than 0, not {self.rate_per_s!r}; use pause() for none")
        if self.ttl_s is not None and not 0 < self.ttl_s < math.inf:
            raise ConstraintError(f"ttl_s must be greater than 0 seconds, not {self.ttl_s!r}")

    def covers(self, task_name: str) -> bool:
        """Whether a task of this name is in the scope."""
        return self.scope == GLOBAL_SCOPE or fnmatch.fnmatchcase(task_name, self.scope[len(_TASK_PREFIX) :])


def parse_rate(rate: str | float) -> float:
    """A rate as starts per second.

    Args:
        rate: Starts per second (``0.5``), or a count per ``s``, ``m``, ``h`` or ``d`` (``"30/m"``).

    Raises:
        ConstraintError: It is neither.

    Example:
        >>> parse_rate("30/m")
        0.5
    """
    if isinstance(rate, str):
        found = _RATE.match(rate)
        if found is None:
            raise ConstraintError(f"a rate is a number per second or a text such as '30/m', not {rate!r}")
        return float(found[1]) / _SECONDS[found[2]]
    if isinstance(rate, bool) or not isinstance(rate, (int, float)):
        raise ConstraintError(f"a rate is a number per second or a text such as '30/m', not {rate!r}")
    return float(rate)


__all__ = ["GLOBAL_SCOPE", "Constraint", "parse_rate"]
