"""The parameters of a program, from its graph: what ``--param`` takes, and what ``--help`` lists."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import click

from cascade.graph.build import build_graph
from cascade.spec.common import ParameterSpec
from cascade.spec.policies import NOTHING

Row = tuple[str, str]

_LONGEST_DEFAULT: Final = 40


def parse_assignments(texts: Iterable[str]) -> dict[str, str]:
    """``name=value`` for each; of two for the same name, the last counts.

    Raises:
        click.BadParameter: A text has no ``=``, or nothing before it.
    """
    given = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise click.BadParameter(f"{text!r} is not NAME=VALUE", param_hint="'--param'")
        given[name.strip()] = value
    return given


def parameters_of(target: Any) -> list[ParameterSpec]:
    """The `Param`s and `Env`s of the target's graph, each once, in the order in which they are met.

    Those that only a later step uses are not known before that step.

    Raises:
        CascadeError: The graph cannot be built.
    """
    graph, _, _ = build_graph(target)
    return list(dict.fromkeys(node.operation for node in graph.nodes if isinstance(node.operation, ParameterSpec)))


def help_row(spec: ParameterSpec) -> Row:
    """How a parameter is given, and what it is."""
    kind = getattr(spec.type, "__name__", type(spec.type).__name__).upper()
    if spec.default is NOTHING:
        default = "[required]"
    else:
        shown = repr(spec.default)
        default = f"[default: {shown if len(shown) <= _LONGEST_DEFAULT else shown[:_LONGEST_DEFAULT] + '…'}]"
    return f"{spec.name}={kind}", f"{spec.description}  {default}".strip()


__all__ = ["help_row", "parameters_of", "parse_assignments"]
