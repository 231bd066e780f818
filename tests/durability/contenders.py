"""Programs of several processes that want the same run."""

from __future__ import annotations

import time
from pathlib import Path

from cascade import workflow as cs


@cs.task
def hold(folder: str) -> str:
    """Hold the run until there is a file."""
    note(folder, "begin")
    while not Path(folder, "stop").exists():
        time.sleep(0.01)
    note(folder, "end")
    return "value"


@cs.task(mode="thread")
def node(folder: str, n: int) -> int:
    """A node that ends."""
    note(folder, f"node{n}")
    return n


@cs.task(mode="thread")
def wait(folder: str) -> str:
    """A node that ends when there is a file."""
    note(folder, "wait")
    while not Path(folder, "go").exists():
        time.sleep(0.01)
    return "waited"


@cs.task
def both(nodes: list[int], waited: str) -> list[int | str]:
    """All values."""
    return [*nodes, waited]


def note(folder: str, word: str) -> None:
    """Write a word down."""
    with Path(folder, "log").open("a") as log:
        log.write(f"{word}\n")


def race(folder: str) -> None:
    """Ask for a run at the same moment as others."""
    print("ready", flush=True)
    while not Path(folder, "go").exists():
        time.sleep(0.001)
    try:
        print("ended:", cs.run(hold(folder), run_id="r1", state=f"sqlite:///{folder}/runs.db"))
    except cs.RunHeldError as error:
        print("held:", error)


def stand(folder: str) -> None:
    """Run a step whose last node waits."""
    target = both([node(folder, n) for n in range(3)], wait(folder))
    print("ended:", cs.run(target, run_id="r1", state=f"sqlite:///{folder}/runs.db"))
