"""Profiles of Hypothesis, which must be known before the tests are collected.

``pytest --hypothesis-profile=deep tests/differential`` searches far longer than CI does, with other examples each time;
``quick`` shows a failing example as it was found.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile(
    "deep",
    max_examples=5_000,
    deadline=None,
    derandomize=False,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
settings.register_profile("quick")
