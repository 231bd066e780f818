"""What it takes until the first result: importing the facade, the first run, and the size of what is installed.

The portions of the namespace are laid into one folder, as an installation of the wheels does: in an editable
installation every import looks through five folders, which users never have. The modules are compiled beforehand, as
installers do. Measured, each in a new process: the import of the facade, which is the time of the process less that of
a Python that does nothing; and the first run of one task after that. The size is that of all files, compiled ones
included.
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

IMPORT: Final = "startup/import"
FIRST_RUN: Final = "startup/first_run"
SIZE: Final = "startup/installed_size"

FIRST_RUN_PROGRAM: Final = """\
from time import perf_counter
from cascade import workflow as cs
@cs.task
def one():
    return 1
began = perf_counter()
assert cs.run(one()) == 1
print(perf_counter() - began)
"""


def lay_out(folder: Path) -> None:
    """Copy all portions of the namespace into one folder."""
    for portion in cascade.__path__:
        shutil.copytree(portion, folder / "cascade", dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    compileall.compile_dir(folder, quiet=1)


def measure(_setting: Setting) -> Iterator[Round]:
    """Some processes, one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        lay_out(Path(folder))
        environment = os.environ | {"PYTHONPATH": folder}

        def python(program: str) -> str:
            # "-S" leaves out the start-up code of whatever else is installed.
            command = [sys.executable, "-S", "-c", program]
            return subprocess.run(command, check=True, env=environment, capture_output=True, text=True).stdout

        def seconds(program: str) -> float:
            began = perf_counter()
            python(program)
            return perf_counter() - began

        size_bytes = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())
        while True:
            yield {
                Key(IMPORT): seconds("import cascade.workflow") - seconds("pass"),
                Key(FIRST_RUN): float(python(FIRST_RUN_PROGRAM)),
                Key(SIZE): size_bytes,
            }


EXPERIMENT = Experiment(
    (
        Benchmark(IMPORT, "importing cascade.workflow"),
        Benchmark(FIRST_RUN, "the first run of one task, after the import"),
        Benchmark(SIZE, "all files of the installation, compiled ones included", "byte"),
    ),
    measure,
    rounds=5,
    processes=1,
)
