"""Conformance kits: the promises of the Protocols as tests, for in-tree parts and for plug-ins alike.

Derive a class whose name begins with ``Test`` from a kit and give it the fixture that makes your object::

    from cascade.testing import StateBackendConformance

    class TestMyStateBackend(StateBackendConformance):
        @pytest.fixture
        def make_backend(self):
            return lambda: MyStateBackend(...)

Each test is one promise, which its docstring states. What a part need not be able to do is a class attribute of the
kit; tests that it rules out are skipped with the reason. The kits need pytest and hypothesis, and no plug-in of pytest.
"""

import pytest

# pytest rewrites the assertions of test modules by itself; these are modules of a library, of a namespace package even.
# To be said before they are imported.
pytest.register_assert_rewrite(
    "cascade.testing.conformance.cache",
    "cascade.testing.conformance.executor",
    "cascade.testing.conformance.serializer",
    "cascade.testing.conformance.solver",
    "cascade.testing.conformance.state",
    "cascade.testing.conformance.state_changes",
    "cascade.testing.conformance.state_leases",
    "cascade.testing.conformance.state_machine",
)

from cascade.testing.conformance.cache import CacheConformance  # noqa: E402
from cascade.testing.conformance.executor import ExecutorConformance  # noqa: E402
from cascade.testing.conformance.serializer import SerializerConformance  # noqa: E402
from cascade.testing.conformance.solver import SolverConformance  # noqa: E402
from cascade.testing.conformance.state import StateBackendConformance  # noqa: E402

__all__ = [
    "CacheConformance",
    "ExecutorConformance",
    "SerializerConformance",
    "SolverConformance",
    "StateBackendConformance",
]
