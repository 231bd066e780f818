"""Importing the facade in a new process, without the start of Python.

The portions of the namespace are laid into one folder, as an installation of the wheels does: in an editable
installation every import looks through five folders, which users never have. The modules are compiled beforehand, as
installers do.
"""

from __future__ import annotations

import compileall
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Final

import cascade
from observatory.declaring import Benchmark, Experiment, Round
from observatory.keys import Key
from observatory.setting import Setting

NAME: Final = "startup/import"


def lay_out(folder: Path) -> None:
    """Copy all portions of the namespace into one folder."""
    for portion in cascade.__path__:
        shutil.copytree(portion, folder / "cascade", dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))


def measure(_setting: Setting) -> Iterator[Round]:
    """With and without the import, in turns."""
    with tempfile.TemporaryDirectory() as folder:
        lay_out(Path(folder))
        compileall.compile_dir(folder, quiet=1)
        environment = os.environ | {"PYTHONPATH": folder}
        # "-S" leaves out the start-up code of whatever else is installed.
        command = [sys.executable, "-S", "-c"]

        def seconds(program: str) -> float:
            began = perf_counter()
            subprocess.run([*command, program], check=True, env=environment)
            return perf_counter() - began

        while True:
            yield {Key(NAME): seconds("import cascade.workflow") - seconds("pass")}


EXPERIMENT = Experiment((Benchmark(NAME, "importing cascade.workflow"),), measure, rounds=5, processes=1)
