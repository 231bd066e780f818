"""`TypeRegistry`: which classes the annotations of a task bring in, and which are refused."""

from __future__ import annotations

import enum
import functools
import typing
from collections.abc import Callable
from typing import Annotated, Any, Literal, NewType, Optional, TypedDict, TypeVar

import pytest

from cascade import workflow as cs
from cascade.adapters.serializers.data import DataSerializer
from cascade.adapters.serializers.types import TypeRegistry
from cascade.spec.errors import CorruptDataError, UnstorableValueError
from tests.adapters import records
from tests.adapters.records import Access, Box, Colour, Derived, Frozen, Level, Order, Point, Settings, Tree

Alias = NewType("Alias", Frozen)
B = TypeVar("B", bound=Order)


def found(fn: Callable[..., Any]) -> set[str]:
    registry = TypeRegistry()
    registry.register_annotations(cs.Task(fn))
    return {name.rpartition(":")[2] for name in registry._classes}


def plain(x: Point, n: int) -> Colour: ...  # type: ignore[empty-body]
def generic(x: list[dict[str, tuple[Point, ...]]]) -> set[Colour]: ...  # type: ignore[empty-body]
def union(x: Point | None, y: Optional[Colour]) -> typing.Union[Level, None]: ...  # noqa: UP007, UP045
def annotated(x: Annotated[Point, "unit"], y: Literal[Colour.RED, 3]) -> None: ...
def nested(x: Tree) -> Order: ...  # type: ignore[empty-body]
def generic_class(x: Box[Point]) -> Box[list[Frozen]]: ...  # type: ignore[empty-body]
def new_type(x: Alias, y: B) -> B: ...  # type: ignore[empty-body]
def function(x: Callable[[Point], Colour]) -> None: ...
def typed_dict(x: Settings) -> None: ...
def starred(*args: Point, **kwargs: Colour) -> None: ...
def unknown(x: NoSuchName, y: Point) -> Colour: ...  # type: ignore[empty-body,name-defined] # noqa: F821


async def asynchronous(x: Point) -> Colour: ...  # type: ignore[empty-body]


class Callee:
    def __call__(self, x: Point) -> Colour: ...  # type: ignore[empty-body]

    def method(self, x: Point) -> Colour: ...  # type: ignore[empty-body]


@pytest.mark.parametrize(
    ("fn", "names"),
    [
        (plain, "Point Colour"),
        (generic, "Point Colour"),
        (union, "Point Colour Level"),
        (annotated, "Point Colour"),
        (nested, "Tree Point Order Colour"),
        (generic_class, "Box Point Frozen Level"),
        (new_type, "Frozen Level Order Colour"),
        (function, "Point Colour"),
        (typed_dict, "Access Tree Point"),
        (starred, "Point Colour"),
        (unknown, "Point Colour"),
        (asynchronous, "Point Colour"),
        (functools.partial(plain, n=1), "Point Colour"),
        (Callee(), "Point Colour"),
        (Callee.method, "Point Colour"),
        (len, ""),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_annotations_bring_in_the_classes_that_they_name(fn: Callable[..., Any], names: str) -> None:
    assert found(fn) == set(names.split())


def test_a_recursive_typed_dict_ends() -> None:
    def task(x: Looped) -> None: ...

    assert found(task) == {"Point"}


class Looped(TypedDict):
    inner: Looped
    point: Point


def test_registering_a_class_brings_in_its_fields() -> None:
    registry = TypeRegistry()
    assert registry.register(Tree) is Tree
    assert registry.find("tests.adapters.records:Point") is Point
    assert registry.find("tests.adapters.records:Colour") is None


class Failure(Exception):
    pass


@pytest.mark.parametrize("cls", [int, list, object, Failure, Settings, Callee])
def test_what_is_no_record_cannot_be_registered(cls: type) -> None:
    with pytest.raises(UnstorableValueError, match=r"cannot be registered: only dataclasses, named tuples, enums and"):
        TypeRegistry().register(cls)


def test_a_class_made_inside_a_function_is_refused_when_a_value_is_stored() -> None:
    class Local(enum.Enum):
        A = 1

    serializer = DataSerializer()
    serializer.registry.register(Local)
    with pytest.raises(
        UnstorableValueError, match=r"value\['x'\] is a .*<locals>.Local, and this name does not lead back"
    ):
        serializer.dumps({"x": Local.A})


def test_a_class_whose_place_was_taken_by_another_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    serializer = DataSerializer()
    old = records.Replaced
    serializer.registry.register(old)
    monkeypatch.setattr(records, "Replaced", Point)
    with pytest.raises(UnstorableValueError, match="this name does not lead back to the class"):
        serializer.dumps(old(1))


def test_registries_are_apart() -> None:
    writer, reader = DataSerializer(), DataSerializer()
    writer.registry.register(Access)
    data = writer.dumps(Access.READ)
    with pytest.raises(CorruptDataError, match=r"the class 'tests.adapters.records:Access' is not registered here"):
        reader.loads(data)
    reader.registry.register(Access)
    assert reader.loads(data) is Access.READ


def test_a_derived_dataclass_is_a_class_of_its_own() -> None:
    serializer = DataSerializer()
    serializer.registry.register(Derived)
    with pytest.raises(UnstorableValueError, match="Further, which is not registered"):
        serializer.dumps(Further(1))


class Further(Derived):
    pass


def test_pydantic_models_come_back_without_being_validated_again() -> None:
    pytest.importorskip("pydantic")
    from tests.adapters import models

    serializer = DataSerializer()
    serializer.registry.register_annotations(cs.Task(models.take))
    model = models.make()
    came_back = serializer.loads(serializer.dumps(model))
    assert came_back == model
    assert type(came_back.inner) is models.Inner
    assert came_back.model_fields_set == model.model_fields_set
    assert came_back._secret == "kept"
    assert came_back.counted == 1
    with pytest.raises(UnstorableValueError, match=r"value\.anything\[0\] is a builtins\.object"):
        serializer.dumps(model.model_copy(update={"anything": [object()]}))
