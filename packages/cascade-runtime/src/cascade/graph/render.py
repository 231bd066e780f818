"""Drawings of a graph: Mermaid (GitHub and many editors show it) and DOT (Graphviz).

A drawing is made in two stages. `_boxes` and `_arrows` decide *what* is drawn and in which words; one small writer for
each language decides how, and knows its rules of escaping. Both stages follow the order of the nodes and of their
operands, so the same graph gives the same text in every process.

A graph is structure: the label of a call, the keys of a router and the key of ``lazy[key]`` are literals and live in
the data tuple. Whoever has it passes it, too; without it, the task's own name is drawn and those arrows bear no words.
Arguments that are literals are not drawn at all, and neither is a route that is one.

What the tasks may go on with when they return is in no graph. Whoever wants it drawn passes the `Flows`: tasks that are
no nodes get a dashed box, and each possible tail call is a dashed arrow with the word "next".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from cascade.graph.expressions import DICT, ITEM, RecordOf
from cascade.graph.model import DataTuple, EdgeKind, Graph, Node, NodeKind
from cascade.spec.common import ParameterSpec
from cascade.spec.policies import Policies

if TYPE_CHECKING:
    from cascade.graph.analysis.flows import Flows

_LONGEST_TEXT: Final = 60
_UNKNOWN: Final = object()


def render_mermaid(graph: Graph, data: DataTuple = (), flows: Flows | None = None) -> str:
    """The graph as a Mermaid flowchart.

    Args:
        graph: The structure.
        data: The literals, for labels and keys.
        flows: What the tasks may go on with.

    Example:
        >>> from cascade.graph.build import build_graph
        >>> from cascade.spec.task import task
        >>> @task
        ... def load() -> int:
        ...     return 1
        >>> @task
        ... def add(a: int, b: int) -> int:
        ...     return a + b
        >>> graph, data, _ = build_graph(add(load(), 2))
        >>> print(render_mermaid(graph, data))
        flowchart TD
            n0["load"]
            n1["add"]
            n0 -->|"a"| n1
            style n1 stroke-width:3px
    """
    lines = ["flowchart TD"]
    for box in _boxes(graph, data):
        before, after = _MERMAID_SHAPES[box.kind]
        text = "<br/>".join(map(_mermaid_text, box.lines))
        lines.append(f'n{box.number}{before}"{text}"{after}{":::small" if box.kind is NodeKind.EXPRESSION else ""}')
    for name, text in _flow_boxes(flows):
        lines.append(f'{name}(["{_mermaid_text(text)}"]):::possible')
    for arrow in _arrows(graph, data):
        line = "-->" if arrow.kind is EdgeKind.DATA else "-.->"
        text = f'|"{_mermaid_text(arrow.text)}"|' if arrow.text else ""
        lines.append(f"n{arrow.source} {line}{text} n{arrow.target}")
    lines.extend(f'{source} -.->|"{_NEXT}"| {target}' for source, target in _flow_arrows(flows))
    if any(node.kind is NodeKind.EXPRESSION for node in graph.nodes):
        lines.append("classDef small font-size:11px")
    if flows is not None and flows.tasks:
        lines.append("classDef possible stroke-dasharray:4")
    lines.append(f"style n{graph.root.index} stroke-width:3px")
    return "\n    ".join(lines)


def render_dot(graph: Graph, data: DataTuple = (), flows: Flows | None = None) -> str:
    """The graph in Graphviz' language; ``dot -Tsvg`` makes a picture of it.

    Args:
        graph: The structure.
        data: The literals, for labels and keys.
        flows: What the tasks may go on with.
    """
    lines = [
        "digraph cascade {",
        "rankdir=TB",
        'node [fontname="Helvetica", fontsize=12]',
        'edge [fontname="Helvetica", fontsize=10]',
    ]
    for box in _boxes(graph, data):
        result = ", penwidth=2.5" if box.number == graph.root.index else ""
        text = "\\n".join(map(_dot_text, box.lines))
        lines.append(f'n{box.number} [label="{text}", {_DOT_SHAPES[box.kind]}{result}]')
    for name, text in _flow_boxes(flows):
        lines.append(f'{name} [label="{_dot_text(text)}", shape=box, style="rounded,dashed"]')
    for arrow in _arrows(graph, data):
        text = f'label="{_dot_text(arrow.text)}", ' if arrow.text else ""
        lines.append(f"n{arrow.source} -> n{arrow.target} [{text}style={_DOT_LINES[arrow.kind]}]")
    lines.extend(f'{source} -> {target} [label="{_NEXT}", style=dashed]' for source, target in _flow_arrows(flows))
    return "\n    ".join(lines) + "\n}"


_MERMAID_SHAPES: Final = {
    NodeKind.TASK: ("[", "]"),
    NodeKind.MAP: ("[[", "]]"),
    NodeKind.ROUTER: ("{", "}"),
    NodeKind.EXPRESSION: ("((", "))"),
    NodeKind.PARAMETER: ("[/", "/]"),
}

_DOT_SHAPES: Final = {
    NodeKind.TASK: "shape=box, style=rounded",
    NodeKind.MAP: "shape=box, peripheries=2",
    NodeKind.ROUTER: "shape=diamond",
    NodeKind.EXPRESSION: "shape=ellipse, fontsize=9, width=0.3, height=0.2, margin=0.03",
    NodeKind.PARAMETER: "shape=parallelogram",
}

_DOT_LINES: Final = {
    EdgeKind.DATA: "solid",
    EdgeKind.SELECTOR: "dashed",
    EdgeKind.ROUTE: "dashed",
    EdgeKind.CONDITION: "dashed",
    EdgeKind.OTHERWISE: "dashed",
    EdgeKind.SEQUENCE: "dotted",
    EdgeKind.AMOUNT: "dotted",
}

_WORDS: Final = {
    EdgeKind.SELECTOR: "selects",
    EdgeKind.CONDITION: "if",
    EdgeKind.OTHERWISE: "otherwise",
    EdgeKind.SEQUENCE: "after",
}


_NEXT: Final = "next"


# --- What is drawn ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Box:
    number: int
    kind: NodeKind
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Arrow:
    source: int
    target: int
    kind: EdgeKind
    text: str


def _boxes(graph: Graph, data: DataTuple) -> Iterator[_Box]:
    for node in graph.nodes:
        extras = _extras(node.options.policies)
        lines = (_name(node, data), *([extras] if extras else []))
        yield _Box(node.index, node.kind, tuple(map(_printable, lines)))


def _name(node: Node, data: DataTuple) -> str:
    label = _literal(node.options.label, data)
    name = node.name if label is _UNKNOWN else str(label)
    if node.kind is NodeKind.MAP:
        return f"{name} (map)"
    if isinstance(node.operation, ParameterSpec):
        return f"${name}" if node.operation.source == "env" else name
    if node.operation is ITEM:
        key = _literal(node.args[1], data)
        return name if key is _UNKNOWN else f"[{_key_text(key, quoted=True)}]"
    return name


def _extras(policies: Policies) -> str:
    """What is worth knowing of how the node runs."""
    parts = []
    if policies.retry is not None:
        parts.append(f"{policies.retry.max_attempts} attempts")
    if policies.timeout_s is not None:
        parts.append(f"{policies.timeout_s:g} s")
    if policies.cache is not None:
        parts.append("cached")
    parts.extend(policies.constraints)
    return ", ".join(parts)


def _arrows(graph: Graph, data: DataTuple) -> Iterator[_Arrow]:
    for node in graph.nodes:
        operand_texts = _operand_texts(node, data)
        for place, (reference, kind, label) in enumerate(node.references()):
            if reference < 0:
                continue
            text = _WORDS.get(kind, label)
            if kind in (EdgeKind.DATA, EdgeKind.ROUTE) and operand_texts is not None:
                text = operand_texts.get(place, "")
            yield _Arrow(reference, node.index, kind, _printable(text))


def _operand_texts(node: Node, data: DataTuple) -> dict[int, str] | None:
    """Words for a router's and an expression's operands, by their place in ``node.references()``.

    Operands of tasks are ``None`` here: they bear the names of their parameters.
    """
    if node.kind is NodeKind.ROUTER:
        keys = _literal(node.args[1], data)
        texts = [] if keys is _UNKNOWN else [_key_text(key) for key in keys]
        if len(node.args) - 2 > len(texts) and keys is not _UNKNOWN:
            texts.append("default")
        return dict(enumerate(texts, 1))  # the selector is at place 0
    if node.kind is not NodeKind.EXPRESSION:
        return None
    if isinstance(node.operation, RecordOf):
        return dict(enumerate(node.operation.fields, 1))  # the record that is copied is at place 0
    if node.operation is DICT:
        keys = [_literal(reference, data) for reference in node.args[::2]]
        return {2 * place + 1: _key_text(key) for place, key in enumerate(keys) if key is not _UNKNOWN}
    return {}


def _flow_boxes(flows: Flows | None) -> Iterator[tuple[str, str]]:
    """Names and texts of the boxes of tasks that are no nodes."""
    for number, task in enumerate(() if flows is None else flows.tasks):
        yield f"t{number}", _printable(task.name)


def _flow_arrows(flows: Flows | None) -> Iterator[tuple[str, str]]:
    """The names of the boxes where the arrows of possible tail calls begin and end."""
    if flows is None:
        return
    numbers = {task: number for number, task in enumerate(flows.tasks)}
    for ends in flows.arrows:
        source, target = (f"n{end.index}" if isinstance(end, Node) else f"t{numbers[end]}" for end in ends)
        yield source, target


def _literal(reference: int | None, data: DataTuple) -> Any:
    slot = -1 if reference is None else -1 - reference
    return data[slot] if 0 <= slot < len(data) else _UNKNOWN


def _key_text(key: Any, *, quoted: bool = False) -> str:
    """A key in words that are the same in every process; the ``repr`` of an arbitrary object may hold its address."""
    if isinstance(key, Enum):
        return f"{type(key).__name__}.{key.name}"
    if isinstance(key, str) and not quoted:
        return key or "''"
    if key is None or isinstance(key, (str, int, float, complex, bytes)):
        return repr(key)
    if isinstance(key, tuple):
        return f"({', '.join(_key_text(part, quoted=True) for part in key)})"
    return type(key).__name__


def _printable(text: str) -> str:
    """One line of limited length without characters that have no shape of their own."""
    shown = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
    return shown if len(shown) <= _LONGEST_TEXT else f"{shown[: _LONGEST_TEXT - 1]}…"


# --- How it is written ------------------------------------------------------------------------------------------------

# Mermaid has no escaping inside quotes, only entities of its own ("#35;" is the character with number 35). Everything
# that might mean something is written so: quotes, tags, formulas ("$$"), markdown ("`", "*", "1. "; "_" and "-" at the
# beginning of a word), and ":", because "style x: #" inside a label is taken for a style.
_MERMAID_SPECIAL: Final = re.compile(r"[^\w ,()\[\]=/'.…-]|(?<![^ ])[_-]|\.(?= |$)")


def _mermaid_text(text: str) -> str:
    return _MERMAID_SPECIAL.sub(lambda found: f"#{ord(found[0])};", text)


def _dot_text(text: str) -> str:
    # Inside quotes only \ and " are special, but Graphviz replaces entities of HTML in labels.
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;")


__all__ = ["render_dot", "render_mermaid"]
