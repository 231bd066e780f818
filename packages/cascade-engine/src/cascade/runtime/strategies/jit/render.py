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

Loops that go through several shapes (mutual recursion, a step that alternates) are rendered as one function that
looks at the task of each call and tries the shapes that have it at their root.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from cascade.graph.expressions import DICT, ITEM, SequenceOf
from cascade.graph.model import Graph, Node, NodeKind
from cascade.runtime.strategies.jit.forms import Form
from cascade.runtime.strategies.jit.guard import guard, name_of_literal
from cascade.runtime.strategies.jit.schedule import Turn

BATCH: Final = 64
"""Steps between two looks at the clock, at most: if a step suddenly takes long, that many are run before it is seen."""

SLICE_SHARE_S: Final = 0.001
"""The batch grows only while it takes less than this many seconds."""


class Outline(NamedTuple):
    """What is rendered of one shape.

    Attributes:
        graph: The structure.
        forms: The form of each node.
        turns: The order of the calls.
    """

    graph: Graph
    forms: Sequence[Form]
    turns: Sequence[Turn]

    @property
    def awaits(self) -> bool:
        """Whether a step awaits anything."""
        return any(form.is_awaited for form in self.forms)


class Rendered(NamedTuple):
    """What `render` gives.

    Attributes:
        source: The source of the function ``loop``.
        calls: From a line of it, counted from 1, to the shape (its place) and the node (its index) that it calls.
    """

    source: str
    calls: dict[int, tuple[int, int]]


def render(outlines: Sequence[Outline]) -> Rendered:
    """The source of a function that runs loops over some shapes."""
    writer = _Writer(outlines)
    writer.add_function()
    return Rendered("\n".join(writer.lines) + "\n", writer.calls)


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
        self.lines: list[str] = []
        self.calls: dict[int, tuple[int, int]] = {}
        self._outlines = outlines
        self._awaits = any(outline.awaits for outline in outlines)
        self._is_kind_open = any(outline.forms[-1].given for outline in outlines)
        """Whether the call of some step has keyword arguments."""
        self._together = any(len(turn) > 1 for outline in outlines for turn in outline.turns)

    def add(self, depth: int, line: str) -> None:
        self.lines.append("    " * depth + line)

    def add_function(self) -> None:
        self.add(0, "async def loop(" if self._awaits else "def loop(")
        self.add(1, f"call, until, resources, routed,{' watch,' if self._awaits else ''}")
        self.add(1, f"*, {', '.join(f'{name}={name}' for name in self._hot_names())},")
        self.add(0, "):")
        self.add(1, "steps = done = last = 0")
        self.add(1, "batch = 1")
        for place, outline in enumerate(self._outlines):
            unset = [*_values(place, outline.graph), *_literals(place, outline)]
            if unset:
                self.add(1, f"{' = '.join(name or '_' for name in unset)} = None")
        names = [_resource(place, each, name) for place, each, name in filled_in(self._outlines)]
        if names:
            self.add(1, f"{', '.join(names)}, = resources")
        if self._awaits:
            self.add(1, "suspended = watch.suspended")
            self.add(1, "context = copy_context()")
            self.add(1, "is_empty = not context")
        if self._together:
            self.add(1, "group = None")
        self.add(1, "try:")
        self.add(2, "began = clock()")
        self.add(2, "while True:")
        self.add(3, "for done in range(batch):")
        self._add_shapes(4)
        self._add_look_at_clock(3)
        self.add(1, "except BaseException as error:")
        if self._together:
            self.add(2, "if group is not None: await group.cancel(error)")
        listed = ", ".join(f"({_state(place, each)})" for place, each in enumerate(self._outlines))
        self.add(2, f"return steps + done, call, last, Leave(None, None, error, ({listed},), ())")

    def _hot_names(self) -> list[str]:
        """What every step looks at. As parameters they are local to the function, which is the quickest way to them."""
        roots = [(place, outline.graph.root.index) for place, outline in enumerate(self._outlines)]
        return [*_HOT, *(f"{kind}{place}_{index}" for place, index in roots for kind in "Tf")]

    def _add_shapes(self, depth: int) -> None:
        """One step, by the first shape that fits. A shape that is alone with its root's task needs no way around."""
        by_task: dict[object, list[int]] = {}
        for place, outline in enumerate(self._outlines):
            by_task.setdefault(outline.graph.root.task, []).append(place)
        if len(by_task) > 1:
            is_other = "type(call) not in CALLS" if self._is_kind_open else "type(call) is not LazyResult"
            self.add(depth, f"if {is_other}:")
            self.add(depth + 1, "call = routed.chosen(call)")
            self.add(depth + 1, f"if {is_other}: {_STANDS_AT}")
            self.add(depth, "task = call._task")
        for places in by_task.values():
            inner = depth
            if len(by_task) > 1:
                root = self._outlines[places[0]].graph.root
                self.add(depth, f"if task is T{places[0]}_{root.index}:")
                inner += 1
            for place in places[:-1]:
                self.add(inner, "for once in ONCE:")
                self._add_step(inner + 1, place, "break", is_root_known=len(by_task) > 1)
                self.add(inner, "else:")
                self.add(inner + 1, "continue")
            self._add_step(inner, places[-1], _STANDS_AT, is_root_known=len(by_task) > 1)
            if len(by_task) > 1:
                self.add(inner, "continue")
        if len(by_task) > 1:
            self.add(depth, _STANDS_AT)

    def _add_look_at_clock(self, depth: int) -> None:
        self.add(depth, "steps += batch")
        self.add(depth, "done = 0")
        self.add(depth, "now = clock()")
        if not self._awaits:
            self.add(depth, "if now - began > SLOW_S * batch:")
            self.add(depth + 1, "return steps, call, last, SLOW")
        self.add(depth, "if now >= until:")
        self.add(depth + 1, "return steps, call, last, None")
        self.add(depth, f"if batch < {BATCH} and now - began < {SLICE_SHARE_S}:")
        self.add(depth + 1, "batch += batch")
        self.add(depth, "began = now")

    def _add_step(self, depth: int, place: int, miss: str, *, is_root_known: bool) -> None:
        outline = self._outlines[place]
        self.add(depth, "try:")
        for line in guard(place, outline.graph, outline.forms, miss, is_root_known, self._is_kind_open) or ["pass"]:
            self.add(depth + 1, line)
        self.add(depth, f"except ValueError: {miss}")
        for turn in outline.turns:
            forms = [outline.forms[index] for index in turn]
            if len(turn) > 1:
                self._add_together(depth, place, outline, forms)
            elif forms[0].node.kind is NodeKind.EXPRESSION:
                self._add_expression(depth, place, outline, forms[0])
            else:
                self._add_call(depth, place, outline, forms[0])
        if len(self._outlines) > 1:
            self.add(depth, f"last = {place}")

    def _add_expression(self, depth: int, place: int, outline: Outline, form: Form) -> None:
        node = form.node
        self._note(place, node)
        self.add(depth, f"v{place}_{node.index} = {_expression(place, node)}")
        if node.operation is ITEM:
            self.add(depth, f"if {_is_open(place, node)}:")
            self._add_leave(depth + 1, place, outline, node)

    def _add_call(self, depth: int, place: int, outline: Outline, form: Form) -> None:
        """The call of one node, and the look at what came of it."""
        node = form.node
        is_root = node is outline.graph.root
        is_timed = self._awaits and not form.is_awaited and node.task is not None and node.task.mode == "auto"
        if is_timed:
            self.add(depth, "began_call = clock()")
        target = "call" if is_root else f"v{place}_{node.index}"
        line = f"{target} = {'await ' if form.is_awaited else ''}{_call(place, form)}{_comment(node)}"
        if form.policies.retry is None:
            self._note(place, node)
            self.add(depth, line)
        else:
            self.add(depth, "try:")
            self._note(place, node)
            self.add(depth + 1, line)
            self.add(depth, "except Exception as error:")
            failed = f"Leave({place}, {node.index}, error, {_state(place, outline)}, True)"
            self.add(depth + 1, f"return steps + done, call, last, {failed}")
        if is_timed:
            self.add(depth, "elapsed_s = clock() - began_call")
            self.add(depth, f"if elapsed_s > SLOW_CALL_S: observe(T{place}_{node.index}, elapsed_s)")
        if is_root:
            if self._awaits:
                self.add(depth, f"if suspended and watch.is_over() or {_has_changed(form)}:")
                self.add(depth + 1, f"return steps + done + 1, call, {place}, None")
            return
        must_leave = _is_open(place, node)
        if self._awaits:  # a sync task may have put a limit on those that are awaited next
            must_leave = f"suspended and watch.resumed() or {_has_changed(form)} or {must_leave}"
        self.add(depth, f"if {must_leave}:")
        self._add_leave(depth + 1, place, outline, node)

    def _add_together(self, depth: int, place: int, outline: Outline, forms: list[Form]) -> None:
        """Calls that are awaited at the same time."""
        self.add(depth, "group = watch.together()")
        for form in forms:
            node = form.node
            self._note(place, node)
            self.add(depth, f"group.start(T{place}_{node.index}, {node.index}, {_call(place, form)}){_comment(node)}")
        self.add(depth, "if await group.is_troubled() or suspended and watch.resumed():")
        leave = f"Leave({place}, None, None, {_state(place, outline)}, running=group.running)"
        self.add(depth + 1, f"return steps + done, call, last, {leave}")
        self.add(depth, f"{', '.join(f'v{place}_{form.node.index}' for form in forms)}, = group.values()")
        self.add(depth, "group = None")

    def _add_leave(self, depth: int, place: int, outline: Outline, node: Node) -> None:
        leave = f"Leave({place}, {node.index}, v{place}_{node.index}, {_state(place, outline)})"
        self.add(depth, f"return steps + done, call, last, {leave}")

    def _note(self, place: int, node: Node) -> None:
        self.calls[len(self.lines) + 1] = place, node.index


def _values(place: int, graph: Graph) -> list[str]:
    return [f"v{place}_{index}" for index in range(graph.root.index)]


def _literals(place: int, outline: Outline) -> list[str]:
    """The names of the literals by slot; empty for one that the call does not give: a resource, or one not used."""
    names: dict[int, str] = {}
    for form in outline.forms:
        node = form.node
        operands: list[tuple[int | str, int]] = [*enumerate(node.args), *zip(node.keywords, node.kwargs, strict=True)]
        for at, reference in operands:
            if reference < 0 and at not in form.injected:
                names.setdefault(-1 - reference, name_of_literal(place, node, at))
    return [names.get(slot, "") for slot in range(max(names, default=-1) + 1)]


def _state(place: int, outline: Outline) -> str:
    """What a step has so far: the values of its nodes, and its literals."""
    literals = ", ".join(name or "None" for name in _literals(place, outline))
    return f"[{', '.join(_values(place, outline.graph))}], [{literals}]"


def _operand(place: int, node: Node, at: int | str, reference: int) -> str:
    return f"v{place}_{reference}" if reference >= 0 else name_of_literal(place, node, at)


def _call(place: int, form: Form) -> str:
    node = form.node
    operands = [_operand(place, node, at, reference) for at, reference in enumerate(node.args)]
    for name, reference in zip(node.keywords, node.kwargs, strict=True):
        filled_in_by = _resource(place, node, name) if name in form.injected else None
        operands.append(f"{name}={filled_in_by or _operand(place, node, name, reference)}")
    return f"f{place}_{node.index}({', '.join(operands)})"


def _has_changed(form: Form) -> str:
    """Whether a call has set context variables: an async one for itself, a sync one for the rest of the run."""
    changed = "(copy_context() != context if is_empty else differs(context))"
    return changed if form.is_awaited else f"{changed} and watch.keep(context)"


def _comment(node: Node) -> str:
    # The traceback of a failing task shows the line. A name may be any text; its repr has no line break.
    return f"  # {repr(node.name)[1:-1]}"


def _resource(place: int, node: Node, name: str) -> str:
    return f"r{place}_{node.index}_{name}"


def _is_open(place: int, node: Node) -> str:
    return f"type(v{place}_{node.index}) not in LEAVES and is_open(v{place}_{node.index})"


def _expression(place: int, node: Node) -> str:
    operands = [_operand(place, node, at, reference) for at, reference in enumerate(node.args)]
    if node.operation is ITEM:
        return f"{operands[0]}[{operands[1]}]"
    if node.operation is DICT:
        return (
            "{" + ", ".join(f"{key}: {value}" for key, value in zip(operands[::2], operands[1::2], strict=True)) + "}"
        )
    assert isinstance(node.operation, SequenceOf)
    listed = ", ".join(operands)
    return f"[{listed}]" if node.operation.kind is list else f"({listed},)"


__all__ = ["BATCH", "SLICE_SHARE_S", "Outline", "Rendered", "filled_in", "render"]
