"""``python -m cascade.workflow``: the command `cascade`."""

from __future__ import annotations

from cascade.workflow.cli import main

# Worker processes import this module again, under another name.
if __name__ == "__main__":
    main()
