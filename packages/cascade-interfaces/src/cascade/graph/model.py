"""`Graph`, `Node` and `Edge`: the structure of one step, without its data.

A graph holds no literal. Each operand of a node is a *reference*, a whole number: ``r >= 0`` is the value of the node
with index ``r``, ``r < 0`` is the literal in slot ``-1 - r`` of the data tuple. For ``add(one(), 5)``::

    nodes[0]  one                      data[0]  5
    nodes[1]  add   args = (0, -1)

With the values of n nodes at places 0 to n-1 of one list and the literals behind them in reverse order, both kinds are
one indexing, because Python counts negative indices from the end: ``[None, None, 5][-1]`` is slot 0.

Nodes stand in the order in which a depth-first walk from the root finishes them: an input before its consumer, the
first argument's calls before the second's, the root last. So a node's index is a valid order of execution, and one that
keeps few values alive.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final, Protocol

from cascade.spec.identifiers import NodeId, TemplateId
from cascade.spec.policies import NO_POLICIES, MapOptions, Policies

if TYPE_CHECKING:
    from cascade.spec.signature import CallSignature
    from cascade.spec.task import Task

DataTuple = tuple[Any, ...]
"""The literals of a graph by slot."""


class NodeKind(Enum):
    """What a node does."""

    TASK = "task"
    """Calls a task."""
    MAP = "map"
    """Calls a task for every item of its operands."""
    ROUTER = "router"
    """Passes on the value of the route that its selector chooses."""
    EXPRESSION = "expression"
    """Builds a container, a record or an item of its operands; no user code of a task runs."""
    PARAMETER = "parameter"
    """Stands for a `Param` or an `Env`."""


class EdgeKind(Enum):
    """Why a node waits for another."""

    DATA = "data"
    CONDITION = "condition"
    SELECTOR = "selector"
    ROUTE = "route"
    OTHERWISE = "otherwise"
    SEQUENCE = "sequence"
    AMOUNT = "amount"


@dataclass(frozen=True, slots=True)
class Edge:
    """The target waits for the source.

    Attributes:
        source: The node that gives a value.
        target: The node that takes it.
        kind: Why.
        label: The parameter or route concerned, for drawings.
    """

    source: Node
    target: Node
    kind: EdgeKind
    label: str = ""


class Operation(Protocol):
    """What an expression node does with the values of its operands; hashable and free of user data."""

    @property
    def name(self) -> str:
        """For drawings and errors, for example ``list`` or ``item``."""
        ...

    @property
    def identity(self) -> str:
        """The same text in every process for the same operation."""
        ...

    def make(self, values: list[Any]) -> Any:
        """Build the value."""
        ...


@dataclass(frozen=True, slots=True)
class NodeOptions:
    """What most nodes do not have. Compared by value; holds references and static options, no data.

    Attributes:
        policies: Static options of the call.
        map_options: Options of a ``MAP``.
        condition: Reference to the truth value of ``run_if``.
        otherwise: Reference to the value if the condition is false.
        after: References to the predecessors.
        amounts: References to the amounts of ``policies.constraints``.
        label: Reference to the call's label.
        injected: Places among the positional (number) and keyword (name) operands whose literal is an ``Inject``.
    """

    policies: Policies = NO_POLICIES
    map_options: MapOptions | None = None
    condition: int | None = None
    otherwise: int | None = None
    after: tuple[int, ...] = ()
    amounts: tuple[int, ...] = ()
    label: int | None = None
    injected: tuple[int | str, ...] = ()


NO_NODE_OPTIONS: Final = NodeOptions()


class Node:
    """One call, or one of the small operations between calls. Immutable; equality is identity.

    Attributes:
        index: The node's place in its graph.
        kind: What it does.
        task: The task as it was declared (``TASK``, ``MAP``); ``None`` for other kinds.
        operation: What an ``EXPRESSION`` computes, or the specification of a ``PARAMETER``.
        args: References to the positional operands. A router's are: the selector, the tuple of its keys, the routes in
            the order of the keys, and the default if it has one.
        keywords: Names of the keyword operands, in the order of the call.
        kwargs: References to the keyword operands, in the same order.
        inputs: The nodes that this one refers to, each once.
        options: Policies, gates and the like.
        plain: A call of a task without any options: the case that must be fast.
    """

    # Most nodes of a large graph are plain calls with positional arguments, so what those do not need is no slot here,
    # but a constant of the class, and a slot only in `OptionNode`.
    __slots__ = ("_template_id", "args", "index", "inputs", "task")

    task: Task[..., Any] | None
    kind: NodeKind = NodeKind.TASK
    operation: Operation | None = None
    keywords: tuple[str, ...] = ()
    kwargs: tuple[int, ...] = ()
    options: NodeOptions = NO_NODE_OPTIONS
    plain: bool = True

    def __init__(
        self, index: int, task: Task[..., Any] | None, args: tuple[int, ...], inputs: tuple[Node, ...]
    ) -> None:
        self.index = index
        self.task = task
        self.args = args
        self.inputs = inputs
        self._template_id: TemplateId | None = None

    @property
    def name(self) -> str:
        """The name for people: the task's, or that of the operation."""
        described = self.task or self.operation
        return self.kind.value if described is None else described.name

    @property
    def structural_id(self) -> NodeId:
        """The node's unique, reproducible name inside its graph."""
        return NodeId(f"{self.name}-{self.index}")

    @property
    def signature(self) -> CallSignature | None:
        """The task's signature, reflected when the task was made."""
        return None if self.task is None else self.task.call_signature

    @property
    def template_id(self) -> TemplateId:
        """What the node computes up to its literals; computed when first asked for, then kept."""
        if self._template_id is None:
            self._template_id = _template_id(self)
        return self._template_id

    def references(self) -> Iterator[tuple[int, EdgeKind, str]]:
        """Every operand with why it is needed and the parameter concerned; literals included."""
        if self.kind is NodeKind.ROUTER:
            yield self.args[0], EdgeKind.SELECTOR, ""
            for reference in self.args[2:]:
                yield reference, EdgeKind.ROUTE, ""
        else:
            for position, reference in enumerate(self.args):
                parameter = self.task.call_signature.parameter_of(position) if self.task else None
                yield reference, EdgeKind.DATA, parameter or str(position)
            for name, reference in zip(self.keywords, self.kwargs, strict=True):
                yield reference, EdgeKind.DATA, name
        options = self.options
        if options.condition is not None:
            yield options.condition, EdgeKind.CONDITION, ""
        if options.otherwise is not None:
            yield options.otherwise, EdgeKind.OTHERWISE, ""
        for reference in options.after:
            yield reference, EdgeKind.SEQUENCE, ""
        for name, reference in zip(options.policies.constraints, options.amounts, strict=True):
            yield reference, EdgeKind.AMOUNT, name

    def __repr__(self) -> str:
        return f"<node {self.structural_id}>"


class Graph:
    """The structure of one step.

    Attributes:
        nodes: All nodes; each stands behind its inputs, the root is the last.
    """

    __slots__ = ("__dict__", "nodes")

    def __init__(self, nodes: Iterable[Node]) -> None:
        self.nodes: tuple[Node, ...] = tuple(nodes)

    @property
    def root(self) -> Node:
        """The node whose value is the value of the step."""
        return self.nodes[-1]

    @cached_property
    def edges(self) -> tuple[Edge, ...]:
        """Every reference from one node to another."""
        nodes = self.nodes
        return tuple(
            Edge(nodes[reference], node, kind, label)
            for node in nodes
            for reference, kind, label in node.references()
            if reference >= 0
        )

    @cached_property
    def gated(self) -> bool:
        """Whether what runs depends on values: some node is a router or has a condition."""
        return any(node.kind is NodeKind.ROUTER or node.options.condition is not None for node in self.nodes)

    def __len__(self) -> int:
        return len(self.nodes)

    def __repr__(self) -> str:
        return f"<graph of {len(self.nodes)} nodes, root {self.root.structural_id}>"


class OptionNode(Node):
    """A node that is more than a call with positional arguments."""

    __slots__ = ("keywords", "kind", "kwargs", "operation", "options", "plain")

    def __init__(
        self,
        index: int,
        task: Task[..., Any] | None,
        args: tuple[int, ...],
        inputs: tuple[Node, ...],
        kind: NodeKind,
        operation: Operation | None,
        keywords: tuple[str, ...],
        kwargs: tuple[int, ...],
        options: NodeOptions,
    ) -> None:
        super().__init__(index, task, args, inputs)
        self.kind = kind
        self.operation = operation
        self.keywords = keywords
        self.kwargs = kwargs
        self.options = options
        self.plain = kind is NodeKind.TASK and options is NO_NODE_OPTIONS


def _template_id(node: Node) -> TemplateId:
    """A digest of the whole graph below a node, written down with *relative* numbers.

    Nodes are numbered in the order in which a depth-first walk from the node finishes them, literals in the order in
    which they are met. So two calls that differ in nothing but literals have one id, wherever they stand, while
    ``f(a, a)`` and ``f(a, b)`` have two: who is shared with whom is in the numbers. Tasks are written as module,
    qualified name and version, so the id is the same in every process. Linear in the graph below the node.
    """
    numbers: dict[int, int] = {}
    slots: dict[int, int] = {}
    digest = blake2b(digest_size=16)
    for member in _finishing_order(node):
        numbers[member.index] = len(numbers)
        digest.update(_encode(member, numbers, slots).encode())
    return TemplateId(digest.hexdigest())


def _finishing_order(root: Node) -> list[Node]:
    finished: list[Node] = []
    seen: set[int] = set()
    stack: list[tuple[Node, bool]] = [(root, False)]
    while stack:
        node, inputs_done = stack.pop()
        if inputs_done:
            finished.append(node)
        elif node.index not in seen:
            seen.add(node.index)
            stack.append((node, True))
            stack.extend((source, False) for source in reversed(node.inputs))
    return finished


def _encode(node: Node, numbers: dict[int, int], slots: dict[int, int]) -> str:
    def relative(reference: int | None) -> str:
        if reference is None:
            return ""
        if reference >= 0:
            return f"n{numbers[reference]}"
        return f"s{slots.setdefault(reference, len(slots))}"

    def listed(references: tuple[int, ...]) -> str:
        return ",".join(map(relative, references))

    if node.plain and not node.keywords:
        assert node.task is not None
        return f"{node.task.identity}({listed(node.args)})\n"
    if node.task is not None:
        subject = node.task.identity
    else:
        subject = "" if node.operation is None else node.operation.identity
    options = node.options
    fields = (
        node.kind.value,
        subject,
        listed(node.args),
        ",".join(node.keywords),
        listed(node.kwargs),
        relative(options.condition),
        relative(options.otherwise),
        listed(options.after),
        listed(options.amounts),
        "" if options.label is None else "labelled",
        repr(options.injected),
        repr(options.map_options),
        _policies_identity(options.policies),
    )
    return "|".join(fields) + "\n"


def _policies_identity(policies: Policies) -> str:
    retry = policies.retry
    retry_on = ""
    if retry is not None:
        kinds = retry.retry_on if isinstance(retry.retry_on, tuple) else (retry.retry_on,)
        retry_on = ",".join(
            f"{_module(kind)}.{getattr(kind, '__qualname__', type(kind).__qualname__)}" for kind in kinds
        )
        numbers = (retry.max_attempts, retry.delay_s, retry.backoff, retry.max_delay_s, retry.jitter)
        retry_on = f"{numbers}:{retry_on}"
    cache = "" if policies.cache is None else f"{_module(policies.cache)}.{type(policies.cache).__qualname__}"
    if policies.cache_ttl_s is not None:
        cache += f" {policies.cache_ttl_s}"
    return f"{retry_on};{policies.timeout_s};{cache};{','.join(policies.constraints)}"


def _module(value: object) -> str:
    return str(getattr(value, "__module__", type(value).__module__))


__all__ = [
    "NO_NODE_OPTIONS",
    "DataTuple",
    "Edge",
    "EdgeKind",
    "Graph",
    "Node",
    "NodeKind",
    "NodeOptions",
    "Operation",
    "OptionNode",
]
