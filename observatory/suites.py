"""Which suites there are: the modules of ``observatory.benchmarks`` that have a constant ``SUITE``."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import Final

from observatory import benchmarks
from observatory.declaring import Experiment, Suite

FIRST: Final = ("tco",)
"""What every report begins with."""


@cache
def suites() -> dict[str, tuple[str, Suite]]:
    """Each suite by its name, with the name of its module."""
    found: dict[str, tuple[str, Suite]] = {}
    for info in pkgutil.iter_modules(benchmarks.__path__, f"{benchmarks.__name__}."):
        suite = getattr(importlib.import_module(info.name), "SUITE", None)
        if isinstance(suite, Suite):
            found[suite.name] = info.name, suite
    return {name: found[name] for name in sorted(found, key=lambda name: (name not in FIRST, name))}


def experiment(module: str, name: str) -> Experiment:
    """An experiment of the suite in a module."""
    suite: Suite = importlib.import_module(module).SUITE
    return next(experiment for experiment in suite.experiments if experiment.name == name)


__all__ = ["experiment", "suites"]
