"""`absolute_place`: which file a path means, whatever the current folder is later."""

from __future__ import annotations

import os


def absolute_place(path: str | os.PathLike[str]) -> str:
    """The path made absolute, and ``~`` the home folder."""
    from pathlib import Path  # not above: nobody who imports Cascade and keeps nothing on disk should wait for it

    return str(Path(path).expanduser().absolute())


__all__ = ["absolute_place"]
