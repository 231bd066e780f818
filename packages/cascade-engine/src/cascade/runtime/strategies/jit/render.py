"""From shapes of steps to the source of a function that runs loops of those shapes.

`render` is a pure function of structure: it writes down the guard (see `guard`), the calls in the interpreter's
order, and the tail-call loop around them. For the step ``loop(n - 1, shift(n))``, nodes ``0 shift`` and ``1 loop``, it
gives in essence::

    def loop(call, until):
        while True:
            for done in range(batch):
                <guard: if the call has another shape, return>
                v0 = f0(x0_0)
                if type(v0) not in LEAVES and is_open(v0): <leave: v0 is itself a call>
                call = f1(x1_0, v0)
            <look at the clock>

With an async task among them, the function is a coroutine function and awaits where the interpreter would. What an
``await`` can bring about is looked at behind it, and the loop is left where compiled code must not go on: a context
variable was set (each async call has a context of its own), the call was cancelled, or the time is over. Calls that are
awaited together are asyncio tasks; if one of them fails or returns a call, the interpreter takes them over as they are.

A step with conditions or routes is a tree of such lines: the same calls stand on each path on which they are made, and
where a decision is due there is an ``if``.

Loops that go through several shapes (mutual recursion, a step that alternates) are rendered as one function that
looks at the task of each call and tries the shapes that have it at their root.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cascade.graph.model import Node, NodeKind
from cascade.runtime.strategies.jit.entries import entry_of
from cascade.runtime.strategies.jit.guard import guard
from cascade.runtime.strategies.jit.lines import Outline, Source, StepWriter, name_of_resource, state, variables

BATCH: Final = 64
"""Steps between two looks at the clock, at most: if a step suddenly takes long, that many are run before it is seen."""

SLICE_SHARE_S: Final = 0.001
"""The batch grows only while it takes less than this many seconds."""


def render(outlines: Sequence[Outline]) -> Source:
    """The source of the function ``loop``, which runs loops over some shapes."""
    writer = _Writer(outlines)
    writer.add_function()
    return writer.source


def filled_in(outlines: Sequence[Outline]) -> list[tuple[int, Node, str]]:
    """The parameters that resources fill in, in the order in which ``loop`` takes them.

    Returns:
        The place of the shape, the node, and the name of the parameter.
    """
    return [
        (place, form.node, name)
        for place, outline in enumerate(outlines)
        for form in outline.forms
        for name in form.injected
    ]


_HOT: Final = ("type", "int", "LazyResult", "LEAVES")
_STANDS_AT: Final = "return steps + done, call, last, None"


class _Writer:
    def __init__(self, outlines: Sequence[Outline]) -> None:
        self.source = Source(outlines)
        self._add = self.source.add
        self._outlines = outlines
        self._awaits = any(outline.awaits for outline in outlines)
        roots = [outline.forms[-1] for outline in outlines]
        self._is_kind_open = any(root.given or root.node.kind is NodeKind.ROUTER for root in roots)
        """Whether the call of some step has keyword arguments, or is a router."""
        self._together = any(len(turn) > 1 for outline in outlines for turn in outline.turns)

    def add_function(self) -> None:
        self._add(0, "async def loop(" if self._awaits else "def loop(")
        self._add(1, f"call, until, resources, routed, lets_go,{' watch,' if self._awaits else ''}")
        self._add(1, f"*, {', '.join(f'{name}={name}' for name in self._hot_names())},")
        self._add(0, "):")
        self._add(1, "steps = done = last = 0")
        self._add(1, "batch = 1")
        for place, outline in enumerate(self._outlines):
            unset = variables(place, outline)
            if unset:
                self._add(1, f"{' = '.join(unset)} = None")
        names = [name_of_resource(place, each, name) for place, each, name in filled_in(self._outlines)]
        if names:
            self._add(1, f"{', '.join(names)}, = resources")
        if self._awaits:
            self._add(1, "suspended = watch.suspended")
            self._add(1, "cancelling = watch.cancelling")
            self._add(1, "context = copy_context()")
            self._add(1, "is_empty = not context")
        if self._together:
            self._add(1, "group = None")
        self._add(1, "try:")
        self._add(2, "began = clock()")
        self._add(2, "while True:")
        self._add(3, "for done in range(batch):")
        self._add_shapes(4)
        self._add_look_at_clock(3)
        self._add(1, "except BaseException as error:")
        if self._together:
            self._add(2, "if group is not None: await group.cancel(error)")
        listed = ", ".join(f"({state(place, each)})" for place, each in enumerate(self._outlines))
        self._add(2, f"return steps + done, call, last, Leave(None, None, error, ({listed},), ())")

    def _hot_names(self) -> list[str]:
        """What every step looks at. As parameters they are local to the function, which is the quickest way to them."""
        roots = [(place, outline.graph.root) for place, outline in enumerate(self._outlines)]
        named = [f"{kind}{place}_{root.index}" for place, root in roots if root.task is not None for kind in "Tf"]
        return [*_HOT, *named]

    def _add_shapes(self, depth: int) -> None:
        """One step, by the first shape that fits. A shape that is alone with its task needs no way around."""
        by_task: dict[object, list[int]] = {}
        for place, outline in enumerate(self._outlines):
            by_task.setdefault(entry_of(outline.graph), []).append(place)
        if len(by_task) > 1:
            self._add_look_at_task(depth)
        for places in by_task.values():
            inner = depth
            if len(by_task) > 1:
                self._add(depth, f"if task is E{places[0]}:")
                inner += 1
            for place in places[:-1]:
                self._add(inner, "for once in ONCE:")
                self._add_step(inner + 1, place, "break", is_root_known=len(by_task) > 1)
                self._add(inner, "else:")
                self._add(inner + 1, "continue")
            self._add_step(inner, places[-1], _STANDS_AT, is_root_known=len(by_task) > 1)
            if len(by_task) > 1:
                self._add(inner, "continue")
        if len(by_task) > 1:
            self._add(depth, _STANDS_AT)

    def _add_look_at_task(self, depth: int) -> None:
        """Shapes of several tasks are told apart by the task, whatever the kind of the call."""
        if not self._is_kind_open:
            self._add(depth, "if type(call) is not LazyResult:")
            self._add(depth + 1, "call = routed.chosen(call)")
            self._add(depth + 1, f"if type(call) is not LazyResult: {_STANDS_AT}")
            self._add(depth, "task = call._task")
            return
        self._add(depth, "if type(call) is LazyResult:")
        self._add(depth + 1, "task = call._task")
        self._add(depth, "else:")
        self._add(depth + 1, "call = routed.chosen(call)")
        self._add(depth + 1, "task = entry(call)")

    def _add_look_at_clock(self, depth: int) -> None:
        self._add(depth, "steps += batch")
        self._add(depth, "done = 0")
        self._add(depth, "now = clock()")
        if not self._awaits:
            self._add(depth, "if now - began > SLOW_S * batch:")
            self._add(depth + 1, "return steps, call, last, SLOW")
        self._add(depth, "if now >= until:")
        self._add(depth + 1, "return steps, call, last, None")
        self._add(depth, f"if batch < {BATCH} and now - began < {SLICE_SHARE_S}:")
        self._add(depth + 1, "batch += batch")
        self._add(depth, "began = now")

    def _add_step(self, depth: int, place: int, miss: str, *, is_root_known: bool) -> None:
        outline = self._outlines[place]
        self._add(depth, "try:")
        for line in guard(place, outline.graph, outline.forms, miss, is_root_known, self._is_kind_open) or ["pass"]:
            self._add(depth + 1, line)
        self._add(depth, f"except ValueError: {miss}")
        is_alone = len(self._outlines) == 1
        StepWriter(self.source, place, outline, awaits=self._awaits, is_alone=is_alone).write(depth)


__all__ = ["BATCH", "SLICE_SHARE_S", "filled_in", "render"]
