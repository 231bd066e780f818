"""Start-up: import, first run, installed size. Run it with ``observatory run startup``."""

from __future__ import annotations

from typing import Final

from observatory.claims import cost
from observatory.declaring import Suite
from observatory.keys import Key
from observatory.workloads import start_up

SUITE: Final = Suite(
    "startup",
    "what it takes until the first result",
    (start_up.EXPERIMENT,),
    (
        cost("import cascade.workflow", Key(start_up.IMPORT), "ms", at_most=100),
        cost("the first run after it", Key(start_up.FIRST_RUN), "ms"),
        cost("installed size", Key(start_up.SIZE), "MiB"),
    ),
)
