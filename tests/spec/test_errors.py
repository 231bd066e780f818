"""Errors travel: from a worker process, through a log, into a debugger of tomorrow."""

from __future__ import annotations

import inspect
import pickle

import pytest

from cascade.spec import errors
from cascade.spec.identifiers import RunId
from cascade.spec.state import Holder

WITH_ARGUMENTS: list[errors.CascadeError] = [
    errors.CycleError(["a", "b", "a"]),
    errors.InternalError("something does not hold"),
    errors.RunHeldError(RunId("run 1"), Holder("token", "host", 4711, "process", 1_700_000_000.0)),
    errors.StaticCheckError(["one fault", "another"]),
    errors.TaskVersionError({"flow:train": ("1", "2")}),
    errors.UnhashableValueError("args[0]", object()),
    errors.UnstorableValueError("value.when", "cannot be stored", "the result of task 'load'"),
]
CLASSES = [found for _, found in inspect.getmembers(errors, inspect.isclass) if issubclass(found, errors.CascadeError)]


@pytest.mark.parametrize("kind", CLASSES)
def test_an_error_that_was_pickled_says_the_same(kind: type[errors.CascadeError]) -> None:
    error = next((one for one in WITH_ARGUMENTS if type(one) is kind), None) or kind("what is wrong")
    error.add_note("Cascade: in task 'load', step 1")
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), vars(copy)) == (kind, str(error), vars(error))
