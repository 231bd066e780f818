"""The types of the ids, so that one string is not taken for another."""

from __future__ import annotations

from typing import NewType

RunId = NewType("RunId", str)
"""One execution of a target, from `RunStarted` to `RunFinished`."""

NodeId = NewType("NodeId", str)
"""The unique and reproducible name of a node inside its graph."""

TemplateId = NewType("TemplateId", str)
"""What a node computes up to its literals; equal in every process."""

__all__ = ["NodeId", "RunId", "TemplateId"]
