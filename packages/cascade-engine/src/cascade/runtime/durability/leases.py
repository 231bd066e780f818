"""Who this process is, and whether another is alive: so that a run whose process was killed can be continued at once.

A process is known by its machine (as it was booted last), its number, and the moment at which it was started: a number
alone is used again. Where this cannot be found out (processes of another machine or container, systems without
``/proc``), only the end of the lease tells.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

from cascade.spec.state import Holder


def new_holder(now: float) -> Holder:
    """This process as the holder of a run.

    Args:
        now: The time, in seconds since the Unix epoch.
    """
    pid = os.getpid()
    process = f"{_machine()} {_started(pid) or '?'}"
    return Holder(os.urandom(16).hex(), socket.gethostname(), pid, process, now)


def is_alive(holder: Holder) -> bool | None:
    """Whether the process of a holder is alive; ``None`` if that cannot be told from here."""
    machine, _, started = holder.process.rpartition(" ")
    if not machine or machine != _machine() or started == "?":
        return None
    return _started(holder.pid) == started


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


__all__ = ["is_alive", "new_holder"]
