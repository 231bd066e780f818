"""Who this process is, and whether another is alive: so that a run whose process was killed can be continued at once.

Within this process, a run is held as long as somebody works on it: if the store could not be told that it is free (the
disk is full), it is free all the same.

A process is known by its machine (as it was booted last), its number, and the moment at which it was started: a number
alone is used again. Where this cannot be found out (processes of another machine or container, systems without
``/proc``), only the end of the lease tells.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Final

from cascade.spec.state import Holder

_held: Final[set[str]] = set()
"""The tokens of this process that are in use."""


def new_holder(now: float) -> Holder:
    """This process as the holder of a run, until `release`.

    Args:
        now: The time, in seconds since the Unix epoch.
    """
    token = os.urandom(16).hex()
    _held.add(token)
    return Holder(token, socket.gethostname(), os.getpid(), _this_process(), now)


def release(holder: Holder) -> None:
    """This process no longer works on the run, whatever the store says."""
    _held.discard(holder.token)


def is_alive(holder: Holder) -> bool | None:
    """Whether the process of a holder is alive; ``None`` if that cannot be told from here."""
    if holder.pid == os.getpid() and holder.process == _this_process():  # two may have started in the same moment
        return holder.token in _held
    machine, _, started = holder.process.rpartition(" ")
    if not machine or machine != _machine() or started == "?":
        return None
    return _started(holder.pid) == started


def _this_process() -> str:
    return f"{_machine()} {_started(os.getpid()) or '?'}"


def _machine() -> str:
    """The machine since it was booted, and the namespace of its processes; empty if that is not known."""
    try:
        booted = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{booted} {os.readlink('/proc/self/ns/pid')}"  # noqa: PTH115 (Path would follow it)
    except OSError:
        return ""


def _started(pid: int) -> str | None:
    """When a process was started, in ticks since the machine was booted; ``None`` if there is no such process."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(") ")[2].split()
    except OSError:
        return None
    # The third field of the file is the first here; the 22nd is the start. A zombie has ended.
    return None if fields[0] in "ZX" else fields[19]


__all__ = ["is_alive", "new_holder", "release"]
