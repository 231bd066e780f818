"""The report as one HTML page that loads nothing, and as Markdown."""

from __future__ import annotations

from collections.abc import Iterable

import jinja2

from observatory.declaring import Suite
from observatory.report import drawing
from observatory.report.contents import in_order, machine, sections
from observatory.results import Results
from observatory.tables import quantity, short

# Okabe and Ito's colours, which people with any kind of colour vision can tell apart.
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#b8a800", "#7a5195", "#4d4d4d")
FLOOR_COLOUR = "#999999"


def html(results: Results, suites: Iterable[Suite]) -> str:
    """The page."""
    return _render("report.html.j2", results, suites, autoescape=True)


def markdown(results: Results, suites: Iterable[Suite]) -> str:
    """The tables."""
    return _render("report.md.j2", results, suites, autoescape=False)


def _render(template: str, results: Results, suites: Iterable[Suite], *, autoescape: bool) -> str:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("observatory.report"),
        autoescape=autoescape,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.filters |= {"short": short, "cells": lambda text: str(text).replace("|", "\\|")}
    environment.globals |= {"bars": drawing.bars, "chart": drawing.chart, "quantity": quantity, "paper": drawing}
    subjects = in_order(results.subjects)
    named = [one for one in subjects if one != "floor"]
    colours = {one: COLOURS[place % len(COLOURS)] for place, one in enumerate(named)} | {"floor": FLOOR_COLOUR}
    found = sections(results, suites)
    verdicts = [figure.verdict for section in found for figure in section.figures]
    return environment.get_template(template).render(
        sections=found,
        machine=machine(results),
        colours={one: colours[one] for one in subjects},
        passed=verdicts.count("pass"),
        missed=verdicts.count("SHORT"),
    )


__all__ = ["html", "markdown"]
