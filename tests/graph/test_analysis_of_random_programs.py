"""The static analysis against what really happens: random functions are analysed, then called.

Every call has a number as its first argument. What a function returns is taken apart into the calls in it and their
positions; the analysis must have found all of them. (That it finds no more is the matter of the table of programs.)
"""

from __future__ import annotations

import ast
import contextlib
import random
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cascade import workflow as cs
from cascade.graph.analysis.callees import Position, calls_in
from cascade.graph.analysis.expressions import Arguments, Trace
from cascade.graph.analysis.statements import Body
from cascade.graph.analysis.values import UNKNOWN, known
from cascade.spec.lazy_types import LazyResult, MappedLazyResult
from cascade.spec.policies import NOTHING
from cascade.spec.routing import RoutedResult
from cascade.spec.stand_in import LazyItem

PROGRAMS = 150
INPUTS = 6
LONGEST_LOOP = 4


@cs.task
def f(number: int, *args: Any, **named: Any) -> Any: ...


@cs.task
def g(number: int, *args: Any, **named: Any) -> Any: ...


MODIFIERS = ("with_retry", "with_timeout", "named")
NAMES = {"cs": cs, "f": f, "g": g, "range": range, "list": list, "map": map, "enumerate": enumerate}


class Writer:
    """Writes a random function."""

    def __init__(self, draw: random.Random) -> None:
        self.draw = draw
        self.number = 0
        self.lines: list[str] = []

    def function(self) -> str:
        self.lines = ["def program(n, a=0, b=0, c=0):", "    a, b, c = 0, [0], {'k': 0}"]
        self.block(1, 3)
        self.lines.append(f"    return {self.expression(2)}")
        return "\n".join(self.lines)

    def block(self, indent: int, depth: int) -> None:
        for _ in range(self.draw.randint(1, 3)):
            self.statement(indent, depth)

    def put(self, indent: int, text: str) -> None:
        self.lines.append("    " * indent + text)

    def statement(self, indent: int, depth: int) -> None:
        kinds = ["assign"] * 4 + ["return", "append", "unpack", "nest", "define"]
        if depth:
            kinds += ["if", "if", "for", "while", "try", "match", "with"]
        match self.draw.choice(kinds):
            case "assign":
                self.put(indent, f"{self.name()} = {self.expression(3)}")
            case "return":
                self.put(indent, f"if {self.condition()}: return {self.expression(3)}")
            case "append":
                # Only while it has no other name: what is changed through one name is not seen under another.
                self.put(indent, f"items = [{self.expression(1)}]; items.append({self.expression(1)})")
                self.put(indent, f"if {self.condition()}: items += [{self.expression(1)}]")
                self.put(indent, f"table = {{'k': {self.expression(1)}}}; table['l'] = {self.expression(1)}")
                self.put(indent, f"if {self.condition()}: table.update(m={self.expression(1)})")
                self.put(indent, "b, c = items, table")
            case "unpack":
                self.put(indent, f"a, (b, *c) = {self.expression(2)}, ({self.expression(2)}, {self.expression(1)})")
            case "nest":
                self.put(indent, f"{self.name()} = [{self.name()}]")
            case "define":
                self.put(indent, f"def inner(x, y={self.expression(1)}): return {self.draw.choice('xyabc')}")
                self.put(indent, f"{self.name()} = inner({self.expression(1)})")
            case "if":
                self.put(indent, f"if {self.condition()}:")
                self.block(indent + 1, depth - 1)
                if self.draw.random() < 0.5:
                    self.put(indent, "else:")
                    self.block(indent + 1, depth - 1)
            case "for":
                self.put(indent, f"for {self.name()} in [{self.expression(1)}, {self.expression(1)}]:")
                self.block(indent + 1, depth - 1)
                self.leave(indent + 1)
            case "while":
                self.put(indent, f"count{indent} = 0")
                self.put(indent, f"while (count{indent} := count{indent} + 1) < {LONGEST_LOOP}:")
                self.block(indent + 1, depth - 1)
                self.leave(indent + 1)
            case "try":
                self.put(indent, "try:")
                self.block(indent + 1, depth - 1)
                self.put(indent + 1, f"if {self.condition()}: raise KeyError")
                self.put(indent, "except KeyError:")
                self.block(indent + 1, depth - 1)
                if self.draw.random() < 0.5:
                    self.put(indent, "finally:")
                    self.block(indent + 1, 0)
            case "match":
                self.put(indent, "match n:")
                self.put(indent + 1, f"case {self.draw.randint(0, INPUTS)}:")
                self.block(indent + 2, depth - 1)
                self.put(indent + 1, "case _ if n > 2:")
                self.block(indent + 2, depth - 1)
            case "with":
                self.put(indent, "with nothing:")
                self.block(indent + 1, depth - 1)

    def leave(self, indent: int) -> None:
        self.put(indent, f"if {self.condition()}: {self.draw.choice(['break', 'continue'])}")

    def name(self) -> str:
        return self.draw.choice("abc")

    def condition(self) -> str:
        return f"n {self.draw.choice(['<', '>', '=='])} {self.draw.randint(0, INPUTS)}"

    def call(self, depth: int) -> str:
        number = self.next_number()
        arguments = "".join(f", {self.expression(depth - 1)}" for _ in range(self.draw.randint(0, 2) if depth else 0))
        task = self.draw.choice(["f", "g", "f.with_retry(2)", "g.named('x')", "(f if n > 2 else g)"])
        return f"{task}({number}{arguments})"

    def expression(self, depth: int) -> str:
        if depth <= 0:
            return self.draw.choice(["a", "b", "c", "n", self.call(0)])

        def one() -> str:
            return self.expression(depth - 1)

        def other() -> str:
            return self.expression(depth - 2)

        forms: list[Callable[[], str]] = [
            lambda: self.call(depth),
            lambda: self.call(depth),
            self.name,
            lambda: f"({one()} if {self.condition()} else {other()})",
            lambda: f"({self.condition()} and {one()})",
            lambda: f"[{one()}, {other()}]",
            lambda: f"({one()}, *[{other()}])",
            lambda: f"{{'k': {one()}, 'l': {other()}}}",
            lambda: f"[{one()}, {other()}][{self.draw.randint(-2, 1)}]",
            lambda: f"{{'k': {one()}}}['k']",
            lambda: f"(b := {one()})",
            lambda: f"{self.call(1)}.with_timeout(5).after({self.call(1)})",
            lambda: f"{self.call(1)}.run_if({self.call(0)}, otherwise={one()})",
            lambda: f"cs.Router({self.call(0)}, {{1: {one()}}}, default={other()})",
            lambda: f"(lambda x: {self.draw.choice(['x', 'a', self.call(0)])})({one()})",
            lambda: f"[{self.call(1)} for a in [{self.name()}, n]]",
            lambda: f"[x for _, x in enumerate([{self.name()}])][0]",
            lambda: f"list(map(lambda x: x, [{one()}]))",
            lambda: f"{self.call(0)}['key']",
            lambda: f"{self.draw.choice('fg')}.map([{self.next_number()}, {one()}])",
        ]
        return self.draw.choice(forms)()

    def next_number(self) -> int:
        self.number += 1
        return self.number


def real_calls(returned: Any) -> Iterator[tuple[int, Position]]:
    """The numbers of the calls in a value that was returned, with their positions."""
    stack: list[tuple[Any, Position | None]] = []
    if isinstance(returned, (list, tuple, set)):
        stack += [(item, Position.PART) for item in returned if isinstance(item, (LazyResult, MappedLazyResult))]
        stack += [(item, None) for item in returned if isinstance(item, (RoutedResult, LazyItem))]
    elif isinstance(returned, dict):
        yield from real_calls([*returned, *returned.values()])
    else:
        stack.append((returned, Position.PART if isinstance(returned, MappedLazyResult) else Position.TAIL))
    seen: set[tuple[int, Position | None]] = set()
    while stack:
        value, position = stack.pop()
        if (id(value), position) in seen:
            continue
        seen.add((id(value), position))
        waits = Position.OPERAND
        if isinstance(value, (LazyResult, MappedLazyResult)):
            items = value._args[0] if isinstance(value, MappedLazyResult) else value._args
            if isinstance(value, MappedLazyResult) and position is Position.TAIL:
                position = Position.PART
            if position is not None:
                yield items[0], position
            options = value._options
            stack += [(item, waits) for item in (*items[1:], options.condition, *options.after)]
            if options.otherwise is not NOTHING:
                stack.append((options.otherwise, position))
        elif isinstance(value, RoutedResult):
            stack.append((value._selector, waits))
            stack += [(route, position) for route in (*value._routes.values(), value._default)]
        elif isinstance(value, LazyItem):
            stack.append((value._source, waits))
        elif position is not Position.TAIL and isinstance(value, (list, tuple, set)):
            stack += [(item, position) for item in value]
        elif position is not Position.TAIL and isinstance(value, dict):
            stack += [(item, position) for item in (*value, *value.values())]


def numbered(tree: ast.AST) -> dict[tuple[int, int], int]:
    """The numbers of calls by their places in the source."""
    numbers = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args:
            first = node.args[0].elts[0] if isinstance(node.args[0], ast.List) else node.args[0]
            is_modifier = isinstance(node.func, ast.Attribute) and node.func.attr in MODIFIERS
            if isinstance(first, ast.Constant) and isinstance(first.value, int) and not is_modifier:
                numbers[node.lineno, node.col_offset] = first.value
    return numbers


@pytest.mark.slow
def test_no_call_of_a_random_program_is_missed() -> None:
    seen = 0
    for seed in range(PROGRAMS):
        source = Writer(random.Random(seed)).function()
        tree = ast.parse(source)
        node = tree.body[0]
        assert isinstance(node, ast.FunctionDef)
        lookup = {name: known(value) for name, value in NAMES.items()}
        body = Body(node, lambda name: lookup.get(name, UNKNOWN), "program.py", Trace(""))  # noqa: B023
        calls = calls_in(body.run(Arguments()))
        numbers = numbered(tree)
        found = {(numbers[call.line, call.column], position) for call in calls for position in call.position}
        namespace: dict[str, Any] = {**NAMES, "nothing": contextlib.nullcontext()}
        exec(source, namespace)
        for n in range(INPUTS):
            with contextlib.suppress(cs.LazyUseError, cs.TaskDefinitionError, LookupError, TypeError, AttributeError):
                real = set(real_calls(namespace["program"](n)))
                seen += len(real)
                assert real <= found, f"seed {seed}, n={n}: {real - found}\n{textwrap.indent(source, '  ')}"
    assert seen > PROGRAMS
