"""The process that does one workload of one peer, in the environment of the peer.

    python -P worker.py PEER_FILE WORKLOAD SAMPLES BUDGET_S DIVISOR

It is run by its path, and makes ``observatory`` known as the folder in which it lies, without what lies beside that
folder: to install the observatory there would bring Cascade and its dependencies along. ``-P`` keeps this folder off
the path. For the same reason all that it imports uses the standard library only.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType


def know_the_observatory() -> None:
    """Let ``observatory.…`` be imported from the folder of this file."""
    package = ModuleType("observatory")
    package.__path__ = [str(Path(__file__).resolve().parents[1])]
    sys.modules["observatory"] = package


if __name__ == "__main__":
    know_the_observatory()
    from observatory.comparing.measuring import main

    main(*sys.argv[1:])
