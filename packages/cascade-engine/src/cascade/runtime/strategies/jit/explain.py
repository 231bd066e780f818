"""In words: how a call differs from the shapes that are known, and what has been compiled.

For people who wonder why a loop is not as fast as it could be. Nothing here is needed to run anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cascade.graph.model import Graph, Node
from cascade.runtime.strategies.jit.paths import Decision, Made, Path
from cascade.runtime.strategies.jit.shapes import CompiledLoop, Shape


def difference(known: Graph, other: Graph) -> str | None:
    """The first thing in which a graph differs from a known one, from the root down; ``None`` if nothing does."""
    pairs = [(known.root, other.root)]
    seen: dict[Node, Node] = {}
    while pairs:
        one, two = pairs.pop()
        if seen.get(one) is two:
            continue
        if one in seen:
            return f"{two.structural_id} is another call than {seen[one].structural_id}, where one was used twice"
        words = _node_difference(one, two)
        if words is not None:
            return words
        seen[one] = two
        pairs += [
            (known.nodes[left], other.nodes[right])
            for left, right in zip(_references(one), _references(two), strict=True)
            if left >= 0
        ]
    if len(known) != len(other):
        return f"it has {len(other)} nodes instead of {len(known)}: another call is used twice"
    return None


def _node_difference(one: Node, two: Node) -> str | None:
    where = two.structural_id
    if one.kind is not two.kind or one.task is not two.task or one.operation is not two.operation:
        return f"{where} stands where {one.structural_id} was"
    if len(one.args) != len(two.args):
        return f"{where} has {len(two.args)} positional arguments instead of {len(one.args)}"
    if one.keywords != two.keywords:
        return f"{where} has the keyword arguments {two.keywords} instead of {one.keywords}"
    if one.options != two.options:
        return f"{where} has other options: {two.options} instead of {one.options}"
    for at, (left, right) in enumerate(zip(_references(one), _references(two), strict=True)):
        if (left < 0) != (right < 0):
            was, now = ("a value", "a call") if left < 0 else ("a call", "a value")
            return f"argument {at} of {where} is {now} instead of {was}"
    return None


def _references(node: Node) -> tuple[int, ...]:
    return (*node.args, *node.kwargs)


def describe_shape(shape: Shape) -> Iterator[str]:
    """The calls of a step in their order, a line each turn."""
    nodes = shape.graph.nodes
    if shape.tree is not None:
        yield from _describe_path(shape.tree.start, nodes, "")
    for turn in shape.turns:
        calls = ", ".join(describe_node(nodes[index], nodes) for index in turn)
        yield calls if len(turn) == 1 else f"at the same time: {calls}"


def _describe_path(path: Path, nodes: Sequence[Node], indent: str) -> Iterator[str]:
    for made in path.line:
        yield indent + describe_node(nodes[made.node], nodes)
    end = path.end
    if isinstance(end, Made):
        yield indent + describe_node(nodes[end.node], nodes)
    elif isinstance(end, Decision):
        node = nodes[end.node]
        subject = nodes[end.subject].structural_id if end.subject >= 0 else "…"
        for number, arm in enumerate(end.arms):
            if end.keys is None:
                outcome = f"{subject}, so {node.structural_id} is {'skipped' if number else 'called'}"
            else:
                is_default = end.has_default and number == len(end.arms) - 1
                outcome = (
                    f"{subject} is {'none of the keys' if is_default else f'key {number}'} of {node.structural_id}"
                )
            yield f"{indent}if {'not ' if end.keys is None and number else ''}{outcome}:"
            yield from _describe_path(arm, nodes, indent + "    ")
    else:
        yield indent + ("the step has no value" if end is None else "the step has its value")


def describe_node(node: Node, nodes: Sequence[Node]) -> str:
    """A node as a call: what it computes, of what."""
    operands = [nodes[reference].structural_id if reference >= 0 else "…" for reference in _references(node)]
    named = [f"{name}={operand}" for name, operand in zip(node.keywords, operands[len(node.args) :], strict=True)]
    return f"{node.structural_id}({', '.join([*operands[: len(node.args)], *named])})"


def describe_loop(loop: CompiledLoop) -> str:
    """A compiled loop: its shapes, its plans, its source."""
    lines = [f"loop of {', '.join(sorted(task.name for task in loop.entries))}"]
    lines.append(f"  {loop.steps} steps run, left in the middle of a step {loop.leaves} times")
    for place, shape in enumerate(loop.shapes):
        lines.append(f"  shape {place}, {len(shape.graph)} nodes:")
        lines += [f"    {line}" for line in describe_shape(shape)]
    lines.append("  source:")
    lines += [f"    {number:4}  {line}" for number, line in enumerate(loop.source.splitlines(), 1)]
    return "\n".join(lines)


__all__ = ["describe_loop", "describe_node", "describe_shape", "difference"]
