"""The lines of one step: its calls in their order, the look at what came of each, and the ways out of compiled code.

`StepWriter` writes what stands behind the guard. A step that decides nothing is one straight line; the others branch
where the rehearsal did (see `paths`). A decision is only taken about values whose truth or equality runs nobody's code;
with any other, the step is left before the decision, which is then the interpreter's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cascade.graph.expressions import DICT, ITEM, SequenceOf
from cascade.graph.model import Graph, Node, NodeKind
from cascade.runtime.strategies.jit.forms import Form, operands
from cascade.runtime.strategies.jit.guard import name_of_literal
from cascade.runtime.strategies.jit.paths import Decision, Default, Made, Operand, Path, Tree
from cascade.runtime.strategies.jit.schedule import Turn


class Outline(NamedTuple):
    """What is rendered of one shape.

    Attributes:
        graph: The structure.
        forms: The form of each node.
        turns: The order of the calls, if nothing is decided on the way.
        tree: The paths, if something is.
    """

    graph: Graph
    forms: Sequence[Form]
    turns: Sequence[Turn]
    tree: Tree | None

    @property
    def awaits(self) -> bool:
        """Whether a step awaits anything."""
        return any(form.is_awaited for form in self.forms)


class Called(NamedTuple):
    """What is called in a line.

    Attributes:
        place: The shape.
        node: The index of the node.
        point: Where that is, among those of the shape's tree; ``None`` if it has none.
    """

    place: int
    node: int
    point: int | None


class Source:
    """Source that grows.

    Args:
        outlines: What is rendered.

    Attributes:
        lines: The lines so far.
        calls: From a line, counted from 1, to what it calls.
        endings: What the last call of a step was, by the number that ``loop`` returns: the shape (its place) and the
            node (its index). The first are the roots of the shapes, in their order.
        defaults: The values of the names that stand for defaults.
    """

    def __init__(self, outlines: Sequence[Outline]) -> None:
        self.lines: list[str] = []
        self.calls: dict[int, Called] = {}
        self.endings = [(place, outline.graph.root.index) for place, outline in enumerate(outlines)]
        self.defaults: dict[str, object] = {}

    @property
    def text(self) -> str:
        """All lines."""
        return "\n".join(self.lines) + "\n"

    def add(self, depth: int, line: str) -> None:
        """Write a line."""
        self.lines.append("    " * depth + line)


class StepWriter:
    """Writes the step of one shape.

    Args:
        source: Where to.
        place: The number of the shape, a part of all names.
        outline: The shape.
        awaits: Whether the function awaits, be it in this step or in another.
        is_alone: Whether the function has no other shape.
    """

    def __init__(self, source: Source, place: int, outline: Outline, *, awaits: bool, is_alone: bool) -> None:
        self._source = source
        self._add = source.add
        self._place = place
        self._outline = outline
        self._awaits = awaits
        self._is_alone = is_alone
        self._names = _names_of_literals(place, outline)
        self._state = state(place, outline)
        calls = [] if outline.tree is None else [{made.node for made in path} for path in outline.tree.calls()]
        self._certain = set.intersection(*calls) if calls else set()
        # In the order of the turns, so the last to use a value is the last that is noted.
        self._last_used = {
            source.index: turn
            for turn in outline.turns
            for index in turn
            for source in outline.graph.nodes[index].inputs
        }

    def write(self, depth: int) -> None:
        """Everything behind the guard."""
        outline = self._outline
        if outline.tree is not None:
            self._add_path(depth, outline.tree.start)
            return
        for turn in outline.turns:
            line = [_made(outline.graph.nodes[index]) for index in turn]
            if len(turn) > 1:
                self._add_together(depth, line)
            else:
                self._add_made(depth, line[0], ending=self._place if turn[0] == outline.graph.root.index else None)
            self._let_go(depth, turn)
        if not self._is_alone:
            self._add(depth, f"last = {self._place}")

    def _let_go(self, depth: int, turn: Turn) -> None:
        """Values that have been used for the last time: a long chain of large arrays holds two of them."""
        used = [f"v{self._place}_{index}" for index, last in self._last_used.items() if last == turn]
        if used:
            self._add(depth, f"if lets_go: {' = '.join(used)} = None")

    def _add_path(self, depth: int, path: Path) -> None:
        for made in path.line:
            self._add_made(depth, made)
        end = path.end
        if isinstance(end, Decision):
            self._add_decision(depth, end, path.point)
        elif isinstance(end, Made):
            self._source.endings.append((self._place, end.node))
            ending = len(self._source.endings) - 1
            self._add_made(depth, end, ending=ending)
            self._add(depth, f"last = {ending}")
        elif end is None:
            self._add_stop(depth, path.point)
        else:
            self._add(depth, f"call = {self._text(end)}")
            self._add(depth, f"last = {self._place}")

    def _add_decision(self, depth: int, decision: Decision, point: int) -> None:
        subject = self._text(decision.subject)
        if decision.keys is None:
            self._add(depth, f"if type({subject}) not in LEAVES:")
            self._add_stop(depth + 1, point)
            tests = [f"if {subject}:", "else:"]
        else:
            self._add(depth, f"route = route_of({self._text(decision.keys)}, {subject})")
            tests = [f"{'if' if number == 0 else 'elif'} route == {number}:" for number in range(len(decision.arms))]
            if decision.has_default:
                tests[-1] = f"{'if' if len(tests) == 1 else 'elif'} route == NO_ROUTE:"
        for test, arm in zip(tests, decision.arms, strict=True):
            self._add(depth, test)
            self._add_path(depth + 1, arm)
        if decision.keys is not None:
            self._add(depth, "else:")
            self._add_stop(depth + 1, point)

    def _add_made(self, depth: int, made: Made, *, ending: int | None = None) -> None:
        """One call or expression, and the look at what came of it. The last call of a step has an ending's number."""
        form = self._outline.forms[made.node]
        if form.node.kind is NodeKind.EXPRESSION:
            self._add_expression(depth, made)
            return
        if made.point is not None and made.node not in self._certain:
            # A task that is not called on every path may never have been called, so nobody knows if it may be here.
            self._add(depth, f"if T{self._place}_{made.node} in ELSEWHERE:")
            self._add_stop(depth + 1, made.point)
        self._add_call(depth, made, form, ending)

    def _add_expression(self, depth: int, made: Made) -> None:
        node = self._outline.graph.nodes[made.node]
        self._note(made)
        self._add(depth, f"v{self._place}_{made.node} = {_expression(node, list(map(self._text, made.args)))}")
        if node.operation is ITEM:
            self._add(depth, f"if {self._is_open(made)}:")
            self._add_leave(depth + 1, made)

    def _add_call(self, depth: int, made: Made, form: Form, ending: int | None) -> None:
        node = form.node
        is_timed = self._awaits and not form.is_awaited and node.task is not None and node.task.mode == "auto"
        if is_timed:
            self._add(depth, "began_call = clock()")
        target = "call" if ending is not None else f"v{self._place}_{made.node}"
        line = f"{target} = {'await ' if form.is_awaited else ''}{self._call(made)}{_comment(node)}"
        if form.policies.retry is None:
            self._note(made)
            self._add(depth, line)
        else:
            self._add(depth, "try:")
            self._note(made)
            self._add(depth + 1, line)
            self._add(depth, "except Exception as error:")
            self._add(depth + 1, self._leave(made.node, "error", "is_attempt=True", made.point))
        if form.is_awaited:
            self._note(made)
            self._add(depth, "if cancelling(): await watch.end_if_cancelled()")
        if is_timed:
            self._add(depth, "elapsed_s = clock() - began_call")
            self._add(depth, f"if elapsed_s > SLOW_CALL_S: observe(T{self._place}_{made.node}, elapsed_s)")
        if ending is not None:
            if self._awaits:
                self._add(depth, f"if suspended and watch.is_over() or {_has_changed(form)}:")
                self._add(depth + 1, f"return steps + done + 1, call, {ending}, None")
            return
        must_leave = self._is_open(made)
        if self._awaits:  # a sync task may have put a limit on those that are awaited next
            must_leave = f"suspended and watch.resumed() or {_has_changed(form)} or {must_leave}"
        self._add(depth, f"if {must_leave}:")
        self._add_leave(depth + 1, made)

    def _add_together(self, depth: int, line: list[Made]) -> None:
        """Calls that are awaited at the same time."""
        self._add(depth, "group = watch.together()")
        for made in line:
            self._note(made)
            task = f"T{self._place}_{made.node}"
            comment = _comment(self._outline.graph.nodes[made.node])
            self._add(depth, f"group.start({task}, {made.node}, {self._call(made)}){comment}")
        self._add(depth, "if await group.is_troubled() or suspended and watch.resumed():")
        self._add(depth + 1, self._leave(None, "None", "running=group.running", None))
        self._add(depth, f"{', '.join(f'v{self._place}_{made.node}' for made in line)}, = group.values()")
        self._add(depth, "group = None")

    def _add_leave(self, depth: int, made: Made) -> None:
        """A node has returned a call."""
        self._add(depth, self._leave(made.node, f"v{self._place}_{made.node}", None, made.point))

    def _add_stop(self, depth: int, point: int) -> None:
        """What comes next is the interpreter's."""
        self._add(depth, self._leave(None, "None", None, point))

    def _leave(self, node: int | None, value: str, option: str | None, point: int | None) -> str:
        options = "".join(f", {each}" for each in (option, None if point is None else f"point={point}") if each)
        return f"return steps + done, call, last, Leave({self._place}, {node}, {value}, {self._state}{options})"

    def _note(self, made: Made) -> None:
        self._source.calls[len(self._source.lines) + 1] = Called(self._place, made.node, made.point)

    def _text(self, operand: Operand) -> str:
        if not isinstance(operand, Default):
            return f"v{self._place}_{operand}" if operand >= 0 else self._names[operand]
        name = f"d{self._place}_{operand.node}_{operand.at}"
        self._source.defaults[name] = operand.value
        return name

    def _call(self, made: Made) -> str:
        arguments = [*map(self._text, made.args), *(f"{name}={self._text(operand)}" for name, operand in made.kwargs)]
        return f"f{self._place}_{made.node}({', '.join(arguments)})"

    def _is_open(self, made: Made) -> str:
        value = f"v{self._place}_{made.node}"
        return f"type({value}) not in LEAVES and is_open({value})"


def variables(place: int, outline: Outline) -> list[str]:
    """The names of all values and literals of a step."""
    return [*_values(place, outline), *filter(None, _literals(place, outline))]


def state(place: int, outline: Outline) -> str:
    """What a step has so far: the values of its nodes, and its literals by slot."""
    literals = ", ".join(name or "None" for name in _literals(place, outline))
    return f"[{', '.join(_values(place, outline))}], [{literals}]"


def _values(place: int, outline: Outline) -> list[str]:
    return [f"v{place}_{index}" for index in range(outline.graph.root.index)]


def _literals(place: int, outline: Outline) -> list[str]:
    """The names of the literals by slot; empty for one that the call does not give: a resource, or one not used."""
    names: dict[int, str] = {}
    for form in outline.forms:
        for at, reference in operands(form.node):
            if reference < 0 and at not in form.injected:
                names.setdefault(-1 - reference, name_of_literal(place, form.node, at))
    return [names.get(slot, "") for slot in range(max(names, default=-1) + 1)]


def name_of_resource(place: int, node: Node, name: str) -> str:
    """The name of the resource that fills in a parameter."""
    return f"r{place}_{node.index}_{name}"


def _made(node: Node) -> Made:
    return Made(node.index, node.args, list(zip(node.keywords, node.kwargs, strict=True)), None)


def _names_of_literals(place: int, outline: Outline) -> dict[int, str]:
    """The names of literals and of resources, by reference."""
    names = {-1 - slot: name for slot, name in enumerate(_literals(place, outline))}
    for form in outline.forms:
        for at, reference in operands(form.node):
            if at in form.injected:
                names[reference] = name_of_resource(place, form.node, str(at))
    return names


def _has_changed(form: Form) -> str:
    """Whether a call has set context variables: an async one for itself, a sync one for the rest of the run."""
    changed = "(copy_context() != context if is_empty else differs(context))"
    return changed if form.is_awaited else f"{changed} and watch.keep(context)"


def _comment(node: Node) -> str:
    # The traceback of a failing task shows the line. A name may be any text; its repr has no line break.
    return f"  # {repr(node.name)[1:-1]}"


def _expression(node: Node, operands: list[str]) -> str:
    if node.operation is ITEM:
        return f"{operands[0]}[{operands[1]}]"
    if node.operation is DICT:
        items = zip(operands[::2], operands[1::2], strict=True)
        return f"{{{', '.join(f'{key}: {value}' for key, value in items)}}}"
    assert isinstance(node.operation, SequenceOf)
    listed = ", ".join(operands)
    return f"[{listed}]" if node.operation.kind is list else f"({listed},)"


__all__ = ["Called", "Outline", "Source", "StepWriter", "name_of_resource", "state", "variables"]
