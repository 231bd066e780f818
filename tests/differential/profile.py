"""How many random programs are tried, and how a failure is found again.

By default about 500 a property, shared among the engines, and always the same ones, so a failure comes back by itself.
Profiles, chosen by ``--hypothesis-profile`` and registered in the ``conftest.py`` of the repository:

- ``deep`` tries many more, other ones each time; a failure prints the line that reproduces it.
- ``quick`` shows the first program that fails without making it smaller, which can take minutes.
"""

from __future__ import annotations

from typing import Final

from hypothesis import HealthCheck, Phase, settings

from .engines import ENGINES

EXAMPLES_A_PROPERTY: Final = 500

_search: Final = [Phase.explicit, Phase.reuse, Phase.generate]
_profile: Final = settings.get_current_profile_name()


def examples(count: int) -> settings:
    """The settings of a test that tries so many programs by default."""
    if _profile == "deep":
        return settings.get_profile("deep")
    return settings(
        max_examples=count,
        deadline=None,
        derandomize=True,
        print_blob=True,
        phases=_search if _profile == "quick" else [*_search, Phase.shrink],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )


on_each_engine: Final = examples(EXAMPLES_A_PROPERTY // len(ENGINES))
"""To be applied to a property that is tried on every engine."""

__all__ = ["EXAMPLES_A_PROPERTY", "examples", "on_each_engine"]
