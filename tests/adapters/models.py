"""Pydantic models that can be found by their names. To be imported only if pydantic is there."""

# mypy: ignore-errors

from __future__ import annotations

import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, field_validator

from tests.adapters.records import Colour


class Inner(BaseModel):
    when: datetime.datetime
    colour: Colour = Colour.RED


class Model(BaseModel):
    model_config = ConfigDict(extra="allow")

    inner: Inner
    counted: int = Field(alias="countedAs")
    anything: Any = None
    _secret: str = PrivateAttr("")

    @field_validator("counted")
    @classmethod
    def count(cls, value: int) -> int:
        return value + 1


def make() -> Model:
    model = Model(inner=Inner(when=datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)), countedAs=0, more=(1, 2))
    model._secret = "kept"
    return model


def take(model: list[Model]) -> None: ...
