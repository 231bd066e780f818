"""Which suites there are: the modules of ``observatory.benchmarks`` that have a constant ``SUITE``."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from observatory import benchmarks
from observatory.declaring import Experiment, Suite


@cache
def suites() -> dict[str, tuple[str, Suite]]:
    """Each suite by its name, with the name of its module."""
    found = {}
    for info in pkgutil.iter_modules(benchmarks.__path__, f"{benchmarks.__name__}."):
        suite = getattr(importlib.import_module(info.name), "SUITE", None)
        if isinstance(suite, Suite):
            found[suite.name] = info.name, suite
    return found


def experiment(module: str, name: str) -> Experiment:
    """An experiment of the suite in a module."""
    suite: Suite = importlib.import_module(module).SUITE
    return next(experiment for experiment in suite.experiments if experiment.name == name)


__all__ = ["experiment", "suites"]
