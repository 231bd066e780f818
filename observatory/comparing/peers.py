"""Which peers there are: the modules of ``observatory.peers``."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from pathlib import Path
from typing import NamedTuple

from observatory import peers
from observatory.comparing.peer import Peer


class Declared(NamedTuple):
    """A peer and where it is declared.

    Attributes:
        name: The name of its module: what the command and the results call it.
        file: Its module.
        peer: What the module says.
    """

    name: str
    file: Path
    peer: Peer


@cache
def declared_peers() -> dict[str, Declared]:
    """Each peer by its name."""
    found = {}
    for info in pkgutil.iter_modules(peers.__path__):
        module = importlib.import_module(f"{peers.__name__}.{info.name}")
        found[info.name] = Declared(info.name, Path(str(module.__file__)), module.PEER)
    return found


__all__ = ["Declared", "declared_peers"]
