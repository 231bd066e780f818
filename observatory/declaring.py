"""What is declared: benchmarks, the experiments that measure them, and suites of experiments.

A *benchmark* is a name with a unit. A *subject* is what is measured under that name: Cascade, the floor, the
interpreter, another engine. The subject is never part of the name: results lie in one file a subject, and the same
name in two files is one line of ``pyperf compare_to``.

An *experiment* measures some benchmarks of some subjects *in turns in one process*: it is an endless iterator of
rounds, and a round holds one value of each. That is what makes a ratio honest: a slow moment of the machine hits both
of its sides. It is run in several processes, because the layout of memory and the hashes of strings differ from one to
the next. Most experiments are made by `observatory.timing`; one with a measure of its own is a generator.

A *suite* is a module of ``observatory.benchmarks`` with a constant ``SUITE``. There is nothing else to register.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from observatory.claims import Claim
from observatory.keys import Key
from observatory.setting import Setting

Unit = Literal["second", "byte", "integer"]
Round: TypeAlias = Mapping[Key, float]
"""One value of each benchmark of each subject, in the benchmark's unit."""


class Benchmark(NamedTuple):
    """A name under which values are kept.

    Attributes:
        name: The same in the files of all subjects, such as ``"tco/simple_countdown"``.
        about: What one value is, in a line.
        unit: The unit of the values, as pyperf knows it.
        series: The benchmarks of one series are drawn as a curve over their sizes.
        size: Where in the series this one stands.
    """

    name: str
    about: str
    unit: Unit = "second"
    series: str | None = None
    size: int | None = None


@dataclass(frozen=True)
class Experiment:
    """Benchmarks that are measured in turns in one process.

    Attributes:
        benchmarks: What every round holds, at least for one subject.
        measure: Yields rounds for ever. It checks its answers before the first.
        rounds: How many rounds a process takes at most.
        processes: How many processes run it at most.
    """

    benchmarks: tuple[Benchmark, ...]
    measure: Callable[[Setting], Iterator[Round]]
    rounds: int = 7
    processes: int = 3

    @property
    def name(self) -> str:
        """The name of what it measures; of a series without the sizes."""
        return self.benchmarks[0].series or self.benchmarks[0].name


@dataclass(frozen=True)
class Suite:
    """Experiments that belong together, and what is claimed of their results.

    Attributes:
        name: What ``observatory run`` calls it.
        about: A line for the list of suites.
        experiments: What is measured. Two suites may share an experiment.
        claims: Figures of the report, most with a bar.
    """

    name: str
    about: str
    experiments: tuple[Experiment, ...]
    claims: tuple[Claim, ...] = ()

    @property
    def benchmarks(self) -> Iterator[Benchmark]:
        """All that is declared."""
        for experiment in self.experiments:
            yield from experiment.benchmarks


__all__ = ["Benchmark", "Experiment", "Round", "Suite", "Unit"]
