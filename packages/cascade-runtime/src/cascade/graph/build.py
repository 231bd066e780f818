"""`build_graph`: from a lazy result to a graph, its data, and the way from one to the other.

One depth-first walk with a stack of its own, so depth costs memory and never a recursion limit. Each value is read once
into a `Draft`; when all its operands are finished, the draft becomes a node. So nodes are numbered in finishing order
(see `cascade.graph.model`), literals in the order of their nodes.

A container that holds nothing lazy is one literal, passed on as the very object that the user gave. A container that
does is an expression node, so a container shared by two calls is built once, and depth is again no matter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any, Final

from cascade.graph.canonical import canonical_digest
from cascade.graph.collecting import collection_paused
from cascade.graph.expressions import IDENTITY
from cascade.graph.model import NO_NODE_OPTIONS, DataTuple, Graph, Node, NodeKind, NodeOptions, OptionNode
from cascade.graph.operands import KINDS, Draft, holds_stand_in, is_plain_call, read_call
from cascade.graph.registry import NodeRegistry
from cascade.spec.errors import CycleError, UnhashableValueError
from cascade.spec.lazy_types import LazyResult
from cascade.spec.policies import NO_OPTIONS, NO_POLICIES, NOTHING
from cascade.spec.resources import InjectStandIn
from cascade.spec.stand_in import StandIn

_LEAF: Final = None
"""The outcome of a container without anything lazy in it: every use of it is a literal."""

INTERNED_NODES: Final = 1_024
"""Nodes beyond this index are not interned: a graph that large costs less to build than to remember."""


class InstanceMap(Mapping[StandIn, Node]):
    """From each lazy result (by identity) to its node."""

    __slots__ = ("_done", "_nodes", "_target")

    def __init__(self, target: Any, done: dict[int, int | None], nodes: list[Node]) -> None:
        self._target = target  # keeps every lazy result alive, so that no id is used twice
        self._done = done
        self._nodes = nodes

    def __getitem__(self, lazy: StandIn) -> Node:
        reference = self._done.get(id(lazy)) if isinstance(lazy, StandIn) else None
        if reference is None or reference < 0:
            raise KeyError(lazy)
        return self._nodes[reference]

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __iter__(self) -> Iterator[StandIn]:
        seen: set[int] = set()
        stack = [self._target]
        while stack:
            value = stack.pop()
            reader = KINDS[type(value)]
            if reader is None or id(value) in seen:
                continue
            seen.add(id(value))
            if isinstance(value, StandIn) and value in self:
                yield value
            stack.extend(reader(value).operands)


def build_graph(target: Any, registry: NodeRegistry | None = None) -> tuple[Graph, DataTuple, InstanceMap]:
    """Take a lazy result apart into structure and data.

    Args:
        target: A lazy result, a map, a router, or any container of those and of plain values.
        registry: Interns the nodes, so that the same structure built again is made of the same objects.

    Returns:
        The graph, whose root computes the target; the literals by slot; and the map from each lazy result to its node.

    Raises:
        CycleError: A lazy result is, through a container that was changed later, an argument of itself.
        ArgumentMismatchError: A call does not fit the signature of its task.

    Example:
        >>> from cascade.spec.task import task
        >>> @task
        ... def add(a: int, b: int) -> int:
        ...     return a + b
        >>> graph, data, instances = build_graph(add(add(1, 2), 3))
        >>> [node.name for node in graph.nodes], data
        (['add', 'add'], (1, 2, 3))
    """
    builder = _Builder(registry)
    with ExitStack() as large:
        builder.walk(target, large)
    return Graph(builder.nodes), tuple(builder.data), InstanceMap(target, builder.done, builder.nodes)


def build_despite_cycles(target: Any) -> tuple[Graph, DataTuple, list[CycleError]]:
    """Take a target apart that has cycles, to look for what else is wrong with it. The graph cannot be run.

    Returns:
        The graph, in which the calls that close a cycle are taken for literals; the literals; and an error for each
        cycle.
    """
    builder = _Builder(None)
    builder.cycles = []
    with ExitStack() as large:
        builder.walk(target, large)
    return Graph(builder.nodes), tuple(builder.data), builder.cycles


class _Builder:
    __slots__ = ("_alive", "_injects", "_pure", "_registry", "cycles", "data", "done", "nodes")

    def __init__(self, registry: NodeRegistry | None) -> None:
        self.nodes: list[Node] = []
        self.data: list[Any] = []
        self.done: dict[int, int | None] = {}
        self.cycles: list[CycleError] | None = None
        """Where cycles are noted; ``None`` to raise the first."""
        self._registry = registry
        self._injects: set[int] = set()
        self._pure: dict[tuple[Any, ...], int] = {}
        self._alive: list[Draft] = []

    def walk(self, target: Any, large: ExitStack) -> None:
        """Build the nodes of everything below the target; the root comes last.

        Args:
            target: What the root computes.
            large: Entered when the graph turns out to be large.
        """
        done = self.done
        open_drafts: dict[int, tuple[Any, Draft | None]] = {}
        stack = [target]
        while stack:
            item = stack[-1]
            key = id(item)
            if key in done:
                stack.pop()
                unfinished = open_drafts.pop(key, None)
                if unfinished is not None and self.cycles:
                    self._finish(unfinished[1] or read_call(item))  # it closes a cycle, and has options to be checked
                continue
            opened = open_drafts.pop(key, None)
            if opened is not None:
                draft = opened[1]
            else:
                reader = KINDS[type(item)]
                if reader is None:  # only the target itself: leaves are never pushed
                    done[key] = _LEAF
                    continue
                # A plain call is the common case, and needs no draft: its operands are its arguments.
                draft = None if reader is read_call and is_plain_call(item) else reader(item)
                operands = item._args if draft is None else draft.operands
                waiting = [operand for operand in operands if KINDS[type(operand)] and id(operand) not in done]
                if waiting:
                    open_drafts[key] = item, draft
                    for operand in waiting:
                        if id(operand) in open_drafts:
                            self._close_cycle(open_drafts, operand)
                    waiting = [operand for operand in waiting if id(operand) not in done]  # without closed cycles
                    waiting.reverse()
                    stack += waiting
                    continue
            stack.pop()
            if len(done) == INTERNED_NODES:
                large.enter_context(collection_paused())
            done[key] = self._finish_plain_call(item) if draft is None else self._finish(draft)
        self._finish_target(target)

    def _finish_target(self, target: Any) -> None:
        """The root must be a node and the last one."""
        reference = self.done[id(target)]
        if reference is _LEAF or reference < 0 or reference != len(self.nodes) - 1:
            root = Draft(NodeKind.EXPRESSION, (target,), operation=IDENTITY)
            self.done[id(root)] = self._finish(root)

    def _finish_plain_call(self, lazy: LazyResult) -> int:
        references = self._refer(lazy._args)
        if self._injects and not self._injects.isdisjoint(references):
            return self._add_node(read_call(lazy), references)
        return self._add(references, lazy._task.base, tuple(references))

    def _finish(self, draft: Draft) -> int | None:
        kind = draft.kind
        if kind is None:
            self.data.append(draft.literal)
            reference = -len(self.data)
            if type(draft.literal) is InjectStandIn:
                self._injects.add(reference)
            return reference
        if kind is not NodeKind.TASK:
            # What a reader made (a field read from a property, the keys of a router) would die with the draft, and
            # its id, by which it is known, would be used again.
            self._alive.append(draft)
        if draft.container and not self._stands_for_something(draft):
            return _LEAF
        if kind is NodeKind.PARAMETER:
            key: tuple[Any, ...] | None = (draft.operation,)
        elif kind is NodeKind.TASK and draft.task is not None and draft.task.pure:
            key = self._pure_key(draft)
        else:
            return self._add_node(draft, self._refer(draft.operands))
        index = None if key is None else self._pure.get(key)
        if index is None:
            index = self._add_node(draft, self._refer(draft.operands))
            if key is not None:
                self._pure[key] = index
        return index

    def _add_node(self, draft: Draft, references: list[int]) -> int:
        positional = draft.positional
        if draft.original is not NOTHING:
            self.data.append(draft.original)
            references.insert(0, -len(self.data))
            positional += 1
        end = positional + len(draft.keywords)
        if self._injects:
            # What decides is looked at before any call is made, so a resource in its place is a node, which opens it.
            first = 0 if draft.kind is NodeKind.ROUTER else end
            references[first:] = [self._opened(reference) for reference in references[first:]]
        options = self._node_options(draft, references, positional, end)
        args, kwargs = tuple(references[:positional]), tuple(references[positional:end])
        if options is NO_NODE_OPTIONS and not kwargs and draft.kind is NodeKind.TASK:
            return self._add(references, draft.task, args)
        return self._add(references, draft.task, args, draft.kind, draft.operation, draft.keywords, kwargs, options)

    def _opened(self, reference: int) -> int:
        """A node that opens a resource; other references as they are."""
        if reference not in self._injects:
            return reference
        opened = self._pure.get((reference,))
        if opened is None:
            options = NodeOptions(injected=(0,))
            args = (reference,)
            opened = self._add([reference], None, args, NodeKind.EXPRESSION, IDENTITY, (), (), options)
            self._pure[reference,] = opened
        return opened

    def _add(self, references: list[int], task: Any, args: tuple[int, ...], *more: Any) -> int:
        nodes = self.nodes
        sources = [reference for reference in references if reference >= 0]
        if len(sources) > 1:
            sources = list(dict.fromkeys(sources))
        inputs = tuple([nodes[source] for source in sources])
        index = len(nodes)
        registry = self._registry
        if registry is not None and index < INTERNED_NODES:
            nodes.append(registry.intern((index, task, args, inputs, *more)))
        elif more:
            nodes.append(OptionNode(index, task, args, inputs, *more))
        else:
            nodes.append(Node(index, task, args, inputs))
        return index

    def _refer(self, operands: Any) -> list[int]:
        """References to the operands; each literal gets a slot."""
        data, done = self.data, self.done
        references = []
        for operand in operands:
            reference = done[id(operand)] if KINDS[type(operand)] else _LEAF
            if reference is _LEAF:
                data.append(operand)
                reference = -len(data)
            references.append(reference)
        return references

    def _stands_for_something(self, draft: Draft) -> bool:
        done = self.done
        return any(KINDS[type(operand)] and done[id(operand)] is not _LEAF for operand in draft.operands)

    def _close_cycle(self, open_drafts: dict[int, tuple[Any, Draft | None]], operand: Any) -> None:
        """A value that contains itself: harmless data if nothing in it is lazy, otherwise an error."""
        draft = open_drafts[id(operand)][1]
        if draft is not None and draft.container and not holds_stand_in(operand):
            self.done[id(operand)] = _LEAF
        elif self.cycles is None:
            raise _cycle(open_drafts, id(operand))
        else:
            self.cycles.append(_cycle(open_drafts, id(operand)))
            self.done[id(operand)] = _LEAF

    def _node_options(self, draft: Draft, references: list[int], positional: int, end: int) -> NodeOptions:
        """Read back the references that the reader appended for the options, in its order."""
        options = draft.options
        if options is NO_OPTIONS and draft.map_options is None and not self._injects:
            return NO_NODE_OPTIONS
        rest = iter(references[end:])
        has_condition = options.condition is not NOTHING
        injected: list[int | str] = []
        if self._injects:
            for position, reference in enumerate(references[:end]):
                if reference in self._injects:
                    injected.append(position if position < positional else draft.keywords[position - positional])
        made = NodeOptions(
            policies=NO_POLICIES if options.policies == NO_POLICIES else options.policies,
            map_options=draft.map_options,
            condition=next(rest) if has_condition else None,
            otherwise=next(rest) if has_condition and options.otherwise is not NOTHING else None,
            after=tuple([next(rest) for _ in options.after]),
            amounts=tuple([next(rest) for _ in options.amounts]),
            label=None if options.label is None else next(rest),
            injected=tuple(injected),
        )
        return NO_NODE_OPTIONS if made == NO_NODE_OPTIONS else made

    def _pure_key(self, draft: Draft) -> tuple[Any, ...] | None:
        """What makes two pure calls equal, or ``None`` if an argument cannot be compared."""
        options = draft.options
        layout = (
            options.policies,
            options.condition is NOTHING,
            options.otherwise is NOTHING,
            len(options.after),
            options.label is None,
        )
        try:
            return (draft.task, draft.keywords, layout, *map(self._operand_key, draft.operands))
        except UnhashableValueError:
            return None

    def _operand_key(self, operand: Any) -> Any:
        """What makes two operands of pure calls equal."""
        reference = self.done[id(operand)] if KINDS[type(operand)] else _LEAF
        if reference is _LEAF:
            return canonical_digest(operand)
        return self._literal_key(reference) if reference < 0 else self._node_key(reference)

    def _literal_key(self, reference: int) -> Any:
        literal = self.data[-1 - reference]
        if type(literal) is InjectStandIn:
            return literal._name, id(literal._resource)
        return canonical_digest(literal)

    def _node_key(self, index: int) -> Any:
        """A node by itself; a container or an item by what it is made of, because two of them are two nodes."""
        needed: set[int] = set()
        stack = [index]
        while stack:
            node = self.nodes[stack.pop()]
            if node.kind is NodeKind.EXPRESSION and node.index not in needed:
                needed.add(node.index)
                stack.extend(reference for reference in node.args if reference >= 0)
        keys: dict[int, Any] = {}
        for member in sorted(needed):  # inputs before what they are in
            node = self.nodes[member]
            parts = [
                self._literal_key(reference) if reference < 0 else keys.get(reference, reference)
                for reference in node.args
            ]
            # Digested, so that the key of a deep nest is as small as that of a flat one.
            keys[member] = canonical_digest([node.operation.identity if node.operation else "", *parts])
        return keys.get(index, index)


def _cycle(open_drafts: dict[int, tuple[Any, Draft | None]], first: int) -> CycleError:
    path = list(open_drafts)
    names = [_describe(open_drafts[key][0]) for key in path[path.index(first) :]]
    return CycleError([*names, names[0]])


def _describe(value: Any) -> str:
    if isinstance(value, LazyResult):
        return value._task.name
    return repr(value) if isinstance(value, StandIn) else f"a {type(value).__name__}"


__all__ = ["INTERNED_NODES", "InstanceMap", "build_despite_cycles", "build_graph"]
