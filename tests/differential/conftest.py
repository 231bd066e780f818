"""The engines of the differential tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cascade import workflow as cs

from .engines import ENGINES


@pytest.fixture(scope="module", params=list(ENGINES))
def engine(request: pytest.FixtureRequest) -> Iterator[cs.Engine]:
    """An engine of each kind, used for many programs: what it keeps of one must not harm the next."""
    with ENGINES[request.param]() as made:
        yield made
