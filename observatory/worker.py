"""The process that measures: ``python -m observatory.worker FILE``.

The file says what is to be measured, and takes the answer. There is one experiment a process. Order and answer are
JSON, so that a process of another Python could do it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from contextlib import closing
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from observatory.declaring import Experiment, Round
from observatory.keys import Key
from observatory.machine import collect
from observatory.parts import Parts
from observatory.setting import Setting
from observatory.suites import experiment


class Measured(NamedTuple):
    """What a process has measured.

    Attributes:
        values: Those of each benchmark of each subject, round by round.
        metadata: About the process.
    """

    values: dict[Key, list[float]]
    metadata: dict[str, Any]


def measure(what: Experiment, setting: Setting, rounds: int) -> Measured:
    """Take some rounds of an experiment in this process."""
    with closing(what.measure(setting)) as endless:  # type: ignore[type-var]
        return Measured(_by_key(islice(endless, rounds)), collect())


def write_order(file: Path, module: str, name: str, setting: Setting, rounds: int) -> None:
    """Say what is to be measured."""
    order = {"module": module, "experiment": name, "setting": asdict(setting), "rounds": rounds}
    file.write_text(json.dumps(order), encoding="utf-8")


def read_answer(file: Path) -> Measured:
    """Take what was measured."""
    answer = json.loads(file.read_text(encoding="utf-8"))
    return Measured({Key(*key): values for *key, values in answer["values"]}, answer["metadata"])


def _by_key(rounds: Iterable[Round]) -> dict[Key, list[float]]:
    values: dict[Key, list[float]] = {}
    for taken in rounds:
        for key, value in taken.items():
            values.setdefault(key, []).append(value)
    return values


def main(file: Path) -> None:
    """Follow an order."""
    order = json.loads(file.read_text(encoding="utf-8"))
    setting = Setting(order["setting"]["effort"], Parts(**order["setting"]["parts"]))
    found = measure(experiment(order["module"], order["experiment"]), setting, order["rounds"])
    answer = {"values": [[*key, values] for key, values in found.values.items()], "metadata": found.metadata}
    file.write_text(json.dumps(answer), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
