"""`CallWriter`: the parts of a call as nodes of a JSON document; see ``calls`` for the format."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from cascade.adapters.serializers.codec import TAG, Writer
from cascade.adapters.serializers.data import find_codec
from cascade.adapters.serializers.refusals import Refused
from cascade.graph.operands import KINDS
from cascade.runtime.durability.names import Names
from cascade.spec.common import LiteralValue, ParameterSpec, ParameterStandIn
from cascade.spec.lazy_types import LazyResult, MappedLazyResult
from cascade.spec.policies import NO_OPTIONS, NOTHING, CallOptions
from cascade.spec.resources import InjectStandIn
from cascade.spec.routing import RoutedResult
from cascade.spec.stand_in import LazyItem, StandIn

ParameterValue = Callable[[ParameterSpec], Any]

ENV_TYPES: Final[dict[str, Any]] = {"str": str, "int": int, "float": float, "bool": bool}
"""What an `Env` that is stored may be converted by."""


def arrange(call: Any) -> list[Any]:
    """The parts of a call: everything that stands for a value, and containers that occur twice, after what they need.

    Raises:
        Refused: A container contains itself.
    """
    finished: list[Any] = []
    shared: set[int] = set()
    is_done: dict[int, bool] = {}
    stack: list[tuple[Any, bool]] = [(call, False)]
    while stack:
        value, are_parts_done = stack.pop()
        if are_parts_done:
            is_done[id(value)] = True
            finished.append(value)
        elif id(value) in is_done:
            if not is_done[id(value)]:
                raise Refused("contains itself")
            shared.add(id(value))
        else:
            is_done[id(value)] = False
            stack.append((value, True))
            stack += [(inner, False) for inner in reversed(_inside(value)) if KINDS[type(inner)] is not None]
    return [value for value in finished if isinstance(value, StandIn) or id(value) in shared]


def _inside(value: Any) -> list[Any]:
    """What a call or a container refers to."""
    if isinstance(value, (LazyResult, MappedLazyResult)):
        options = _own_options(value)
        return [*value._args, *value._kwargs.values(), *_of_options(options)]
    if isinstance(value, RoutedResult):
        return [value._selector, *value._routes, *value._routes.values(), value._default]
    if isinstance(value, LazyItem):
        return [value._source, value._key]
    if isinstance(value, LiteralValue):
        return [value._value]
    if isinstance(value, StandIn):
        return []
    reader = KINDS[type(value)]
    return [] if reader is None else list(reader(value).operands)


def _of_options(options: CallOptions) -> Iterable[Any]:
    return (options.condition, options.otherwise, *options.after, *options.amounts)


def _own_options(lazy: LazyResult | MappedLazyResult) -> CallOptions:
    """The options of a call and of its task together."""
    options = lazy._task._options
    return lazy._options if options is NO_OPTIONS else lazy._options.merged_into(options)


def root_of(part: Any) -> str:
    """What the path to something in a part begins with."""
    if isinstance(part, (LazyResult, MappedLazyResult)):
        return f"{part._task.name}(…)"
    return f"a shared {type(part).__name__}"


class CallWriter(Writer):
    """Writes parts; what has a number already is written as a reference."""

    def __init__(self, names: Names, parameter: ParameterValue) -> None:
        super().__init__(find_codec, names.registry)
        self.names = names
        self.numbers: dict[int, int] = {}
        self.tasks: dict[tuple[str, str], int] = {}
        self._parameter = parameter

    def write(self, value: Any, step: Any = "") -> Any:
        number = self.numbers.get(id(value))
        return super().write(value, step) if number is None else {TAG: "ref", "v": number}

    def write_part(self, part: Any) -> Any:
        if isinstance(part, (LazyResult, MappedLazyResult)):
            return self._write_call(part)
        if isinstance(part, RoutedResult):
            node = {
                "selector": self.write(part._selector, ".selector"),
                "keys": [self.write(key, (key, True)) for key in part._routes],
                "routes": [self.write(route, (key,)) for key, route in part._routes.items()],
            }
            if part._default is not NOTHING:
                node["default"] = self.write(part._default, ".default")
            return {TAG: "router", **node}
        if isinstance(part, LazyItem):
            return {TAG: "item", "source": self.write(part._source), "key": self.write(part._key, ".key")}
        if isinstance(part, LiteralValue):
            return {TAG: "literal", "value": self.write(part._value)}
        if isinstance(part, InjectStandIn):
            resource = None if part._resource is None else self.names.of_resource(part._resource)
            return {TAG: "inject", "name": part._name, "resource": resource}
        if isinstance(part, ParameterStandIn):
            return self._write_parameter(part._spec)
        return self.write(part)

    def _write_call(self, lazy: LazyResult | MappedLazyResult) -> dict[str, Any]:
        task = lazy._task
        name = self.names.of_task(task) if task._options is not NO_OPTIONS else None
        options = lazy._options
        if name is None:
            name = self.names.of_task(task.base)
            options = _own_options(lazy)
        assert name is not None
        node: dict[str, Any] = {
            TAG: "call",
            "task": self.tasks.setdefault((name, task.version), len(self.tasks)),
            "args": [self.write(value, f".args[{index}]") for index, value in enumerate(lazy._args)],
        }
        if lazy._kwargs:
            node["kwargs"] = {name: self.write(value, f".{name}") for name, value in lazy._kwargs.items()}
        if options is not NO_OPTIONS:
            node["options"] = self._write_options(options)
        if isinstance(lazy, MappedLazyResult):
            mapped = lazy._map_options
            node[TAG] = "map"
            node["map"] = [mapped.max_in_flight, mapped.on_error, mapped.keeps_results]
        return node

    def _write_options(self, options: CallOptions) -> dict[str, Any]:
        policies = options.policies
        if policies.cache is not None:
            raise Refused(f"has a cache, which cannot be stored with the call; {_NAME_IT}")
        node: dict[str, Any] = {}
        if policies.retry is not None:
            retry = policies.retry
            if not isinstance(retry.retry_on, tuple):
                raise Refused(
                    "has a predicate that says what is tried again, which cannot be stored; give the types of the "
                    f"exceptions, or {_NAME_IT}"
                )
            numbers = [retry.max_attempts, retry.delay_s, retry.backoff, retry.max_delay_s, retry.jitter]
            node["retry"] = [*map(self.write, numbers), [self.names.of_exception(kind) for kind in retry.retry_on]]
        if policies.timeout_s is not None:
            node["timeout_s"] = self.write(policies.timeout_s)
        if policies.constraints:
            node["constraints"] = list(policies.constraints)
            node["amounts"] = [self.write(amount, ".with_constraints") for amount in options.amounts]
        if options.condition is not NOTHING:
            node["condition"] = self.write(options.condition, ".run_if")
        if options.otherwise is not NOTHING:
            node["otherwise"] = self.write(options.otherwise, ".otherwise")
        if options.after:
            node["after"] = [self.write(predecessor, ".after") for predecessor in options.after]
        if options.label is not None:
            node["label"] = self.write(options.label)
        return node

    def _write_parameter(self, spec: ParameterSpec) -> dict[str, Any]:
        if spec.source == "param":
            value = self.write(self._parameter(spec), f"Param({spec.name!r})")
            return {TAG: "param", "name": spec.name, "value": value}
        kind = next((name for name, known in ENV_TYPES.items() if known is spec.type), None)
        if kind is None:
            raise Refused(f"is an Env of type {spec.type!r:.60}; only {', '.join(ENV_TYPES)} can be stored: convert it")
        node = {TAG: "env", "name": spec.name, "type": kind, "description": spec.description}
        if spec.default is not NOTHING:
            node["default"] = self.write(spec.default, f"Env({spec.name!r})")
        return node


_NAME_IT: Final = (
    "give the task with its modifiers a name at the top level of its module (often = fetch.with_…(…)) and call that"
)

__all__ = ["ENV_TYPES", "CallWriter", "ParameterValue", "arrange", "root_of"]
