"""How many random programs are tried, and how a failure is found again.

By default about 500 a property, shared among the engines, and always the same ones. The profile ``deep``
(``--hypothesis-profile=deep``, see the ``conftest.py`` of the repository) tries many more, other ones each time; a
failure prints the line that reproduces it.
"""

from __future__ import annotations

from typing import Final

from hypothesis import HealthCheck, Phase, settings

from .engines import ENGINES

EXAMPLES_A_PROPERTY: Final = 500

_everyday: Final = settings(
    max_examples=EXAMPLES_A_PROPERTY // len(ENGINES),
    deadline=None,
    derandomize=True,
    print_blob=True,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)

random_programs: Final = settings.get_profile("deep") if settings.get_current_profile_name() == "deep" else _everyday
"""To be applied to each test of random programs."""

__all__ = ["EXAMPLES_A_PROPERTY", "random_programs"]
