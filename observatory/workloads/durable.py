"""What the workloads of durable runs share: the loop, how it is kept, and the bare loop of SQLite under it.

Each take has a database of its own in a new temporary folder, on whichever side it is: making, closing and deleting it
are in the time of both. The folder is where the system puts temporary files (``TMPDIR``): on a RAM disk a flush costs
nothing.

Whoever brings a state store (``--state``) has it measured as the subject `CUSTOM`, with a new run in it for each take.
What belongs to SQLite alone, such as its flushes and the size of its files, is not measured of another store.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Literal
from uuid import uuid4

from cascade import workflow as cs
from observatory.declaring import Round
from observatory.keys import CUSTOM, FLOOR, Key
from observatory.setting import Effort, Setting
from observatory.timing import CHECKED_STEPS, Work, check, take_turns
from observatory.workloads.common import done, inline

TEXT: Final = "a state of twenty letters"


@inline
def durable_countdown(n: int, _note: str = "") -> str:
    """A loop with a counter and a short text."""
    return "done" if n <= 0 else durable_countdown(n - 1, TEXT)


def url(folder: str | Path, options: str = "") -> str:
    """The store in a folder."""
    return f"sqlite:///{Path(folder) / 'runs.db'}{options}"


def new_run_id() -> str:
    """A name that no other run of the store has."""
    return f"observatory-{uuid4().hex}"


def has_own_store(subject: str, setting: Setting) -> bool:
    """Whether the engine of a subject keeps its runs in a store that the user gave."""
    return subject == CUSTOM and setting.parts.state is not None


def kept(engine: cs.Engine, durability: str, options: str = "") -> Work:
    """The loop, kept in a new SQLite file."""

    def work(steps: int) -> str:
        with tempfile.TemporaryDirectory() as folder:
            run_id, state = new_run_id(), url(folder, options)
            return cs.run(durable_countdown(steps), engine=engine, run_id=run_id, state=state, durability=durability)

    return work


def kept_in_own_store(engine: cs.Engine, durability: str) -> Work:
    """The loop, kept in the engine's store."""
    return lambda steps: cs.run(durable_countdown(steps), engine=engine, run_id=new_run_id(), durability=durability)


def in_memory(engine: cs.Engine) -> Work:
    """The loop, not kept."""
    return lambda steps: cs.run(durable_countdown(steps), engine=engine)


def bare_commits(synchronous: Literal["NORMAL", "FULL"]) -> Work:
    """A loop of SQLite that updates one row a step and commits, in WAL mode, all else as SQLite has it."""

    def work(steps: int) -> str:
        with tempfile.TemporaryDirectory() as folder:
            connection = sqlite3.connect(Path(folder) / "bare.db")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"PRAGMA synchronous = {synchronous}")
            connection.execute("CREATE TABLE state (id INTEGER PRIMARY KEY, step INTEGER, data TEXT)")
            connection.execute("INSERT INTO state VALUES (1, 0, '')")
            connection.commit()
            for step in range(1, steps + 1):
                connection.execute("UPDATE state SET step = ?, data = ? WHERE id = 1", (step, TEXT))
                connection.commit()
            (stored,) = connection.execute("SELECT step FROM state").fetchone()
            connection.close()
            return "done" if stored == steps else f"step {stored}"

    return work


def measure(
    setting: Setting,
    name: str,
    durability: str,
    sizes: Mapping[Effort, int],
    floor: Work | None = None,
    options: str = "",
) -> Iterator[Round]:
    """The loop at one level and its floor in turns.

    Args:
        setting: How much is measured, and whose store.
        name: The benchmark.
        durability: The level.
        sizes: Steps in a take. They are fixed: few enough steps would fit into a fraction of an interval.
        floor: What it is held against; by default the same loop in memory.
        options: Of the SQLite file. A store of the user's own has none, so it is not measured with any.
    """
    with ExitStack() as open_:
        works: dict[str, Work] = {}
        for subject, engine in setting.engines().items():
            open_.enter_context(engine)
            if not has_own_store(subject, setting):
                works[subject] = kept(engine, durability, options)
            elif not options:
                works[subject] = kept_in_own_store(engine, durability)
        works[FLOOR] = floor or in_memory(open_.enter_context(cs.Engine(jit=True)))
        check(name, works, done, CHECKED_STEPS)
        steps = sizes[setting.effort]
        yield from take_turns({Key(name, subject): (work, steps) for subject, work in works.items()})


__all__ = ["bare_commits", "durable_countdown", "has_own_store", "kept", "measure", "new_run_id", "url"]
