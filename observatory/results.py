"""`Results`: values by benchmark and subject, kept as files of pyperf, one a subject.

    results/2026-11-21T23-50-00Z-b3eb3d8/cascade.json
                                         floor.json
                                         dask.json

The name of a benchmark is the same in all of them, so ``pyperf compare_to floor.json cascade.json`` sets them against
each other, and ``pyperf stats cascade.json`` shows how the values lie. The values of one process are one pyperf *run*,
in the order of the rounds: values that were measured in turns stand at the same place in each file.

A file says itself whose it is (``subject`` in the metadata), so it may be renamed and moved. Other metadata are what
pyperf collects (date, Python, machine), the commit, and what a report needs to know of the benchmark.

pyperf takes values greater than 0 only. A zero, such as "no step was lost", is kept as `ZERO`, and read as 0 again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import pyperf

from observatory.declaring import Benchmark
from observatory.keys import Key

ZERO: Final = 1e-12

Metadata = Mapping[str, str | int | float]


class Process(NamedTuple):
    """What one process has measured of one benchmark and subject.

    Attributes:
        values: One a round.
        metadata: What pyperf collected there, and more.
    """

    values: Sequence[float]
    metadata: Metadata


class ResultsError(ValueError):
    """A file or folder holds no results."""


class Results:
    """Values that were measured."""

    def __init__(self) -> None:
        self.benchmarks: dict[str, Benchmark] = {}
        self._processes: dict[Key, list[Process]] = {}

    def add(self, benchmark: Benchmark, subject: str, values: Sequence[float], metadata: Metadata) -> None:
        """Keep what one process has measured, round by round.

        Args:
            benchmark: What was measured.
            subject: Of whom.
            values: In the unit of the benchmark, 0 or greater.
            metadata: About the process; see `observatory.machine.collect`.
        """
        self.benchmarks.setdefault(benchmark.name, benchmark)
        self._processes.setdefault(Key(benchmark.name, subject), []).append(Process(values, metadata))

    @property
    def values(self) -> dict[Key, list[float]]:
        """All values of each benchmark of each subject."""
        return {
            key: [value for process in processes for value in process.values]
            for key, processes in self._processes.items()
        }

    @property
    def subjects(self) -> list[str]:
        """Who was measured."""
        return list(dict.fromkeys(key.subject for key in self._processes))

    def metadata(self) -> Iterator[Metadata]:
        """The metadata of every process."""
        for processes in self._processes.values():
            for process in processes:
                yield process.metadata

    def write(self, folder: Path) -> list[Path]:
        """Write one file a subject; the files. The folder is made if need be."""
        folder.mkdir(parents=True, exist_ok=True)
        files = []
        for subject in self.subjects:
            suite = pyperf.BenchmarkSuite([self._for_pyperf(key) for key in self._processes if key.subject == subject])
            files.append(folder / f"{subject}.json")
            suite.dump(str(files[-1]), replace=True)
        return files

    def _for_pyperf(self, key: Key) -> Any:
        benchmark = self.benchmarks[key.benchmark]
        about: dict[str, Any] = {"name": benchmark.name, "unit": benchmark.unit, "about": benchmark.about}
        if benchmark.series is not None:
            about |= {"series": benchmark.series, "size": benchmark.size}
        return pyperf.Benchmark(
            [
                pyperf.Run(
                    [value or ZERO for value in process.values],
                    metadata={**process.metadata, **about, "subject": key.subject},
                    collect_metadata=False,
                )
                for process in self._processes[key]
            ]
        )

    @classmethod
    def read(cls, paths: Iterable[Path]) -> Results:
        """Read files, or all files of folders.

        A file that pyperf alone has written is taken as well: its name is the subject.

        Raises:
            ResultsError: Something cannot be read.
        """
        results = cls()
        for path in paths:
            files = sorted(path.glob("*.json")) if path.is_dir() else [path]
            if not files:
                raise ResultsError(f"{path}: no result files (*.json) here; `observatory run` writes them")
            for file in files:
                results._read(file)
        return results

    def _read(self, file: Path) -> None:
        try:
            suite = pyperf.BenchmarkSuite.load(str(file))
        except (OSError, ValueError, KeyError) as error:
            raise ResultsError(f"{file}: not a result file of pyperf: {error}") from error
        for loaded in suite:
            about = loaded.get_metadata()
            benchmark = Benchmark(
                loaded.get_name(), about.get("about", ""), loaded.get_unit(), about.get("series"), about.get("size")
            )
            for run in loaded.get_runs():
                if run.values:
                    values = [0 if value == ZERO else value for value in run.values]
                    self.add(benchmark, about.get("subject", file.stem), values, run.get_metadata())


__all__ = ["ZERO", "Metadata", "Results", "ResultsError"]
