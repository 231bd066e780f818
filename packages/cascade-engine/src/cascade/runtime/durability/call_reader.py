"""`CallReader`: from the parts of a stored call to lazy results; see ``calls`` for the format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cascade.adapters.serializers.codec import Codec, Reader, Writer, expect
from cascade.adapters.serializers.data import CODECS
from cascade.adapters.serializers.refusals import Malformed
from cascade.runtime.durability.call_writer import ENV_TYPES
from cascade.runtime.durability.names import AnyTask, Names
from cascade.spec.common import LiteralValue, ParameterSpec, ParameterStandIn
from cascade.spec.errors import InternalError
from cascade.spec.lazy_types import LazyResult, MappedLazyResult, lazy_call
from cascade.spec.policies import NO_OPTIONS, NOTHING, CallOptions, MapOptions, Policies, Retry
from cascade.spec.resources import InjectStandIn
from cascade.spec.routing import RoutedResult
from cascade.spec.stand_in import LazyItem, StandIn


@dataclass(frozen=True, slots=True)
class ChangedCall:
    """A stored call of another version of its task, for ``migrate=``.

    Attributes:
        task: The task as it is now.
        version: The version with which the call was stored.
        args: Its positional arguments; those that are calls have been read, and migrated, before.
        kwargs: Its keyword arguments, likewise.
    """

    task: AnyTask
    version: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]


Migrate = Callable[[ChangedCall], Any]


class CallReader(Reader):
    """Reads parts one after the other; each may refer to those before it."""

    def __init__(self, names: Names, tasks: list[tuple[AnyTask, str]], migrate: Migrate | None) -> None:
        super().__init__(_CALL_CODECS, names.registry)
        self.names = names
        self.tasks = tasks
        self.migrate = migrate
        self.made: list[Any] = []
        self.parameters: dict[ParameterSpec, Any] = {}


def _read_ref(node: dict[str, Any], reader: Any) -> Any:
    number = expect(node["v"], int)
    if not 0 <= number < len(reader.made):
        raise Malformed(f"there is no part {number} before this one")
    return reader.made[number]


def _read_call(node: dict[str, Any], reader: Any) -> Any:
    task, version, args, kwargs = _called(node, reader)
    options = _read_options(node["options"], reader) if "options" in node else NO_OPTIONS
    if version != task.version and reader.migrate is not None:
        call = reader.migrate(ChangedCall(task, version, args, kwargs))
        return call if options is NO_OPTIONS or not isinstance(call, LazyResult) else call._with_options(options)
    call = lazy_call(task, args, kwargs)
    return call if options is NO_OPTIONS else call._with_options(options)


def _read_map(node: dict[str, Any], reader: Any) -> Any:
    task, _, args, kwargs = _called(node, reader)
    window, on_error, keeps_results = expect(node["map"], list)
    options = _read_options(node["options"], reader) if "options" in node else NO_OPTIONS
    return MappedLazyResult(task, args, kwargs, MapOptions(window, on_error, expect(keeps_results, bool)), options)


def _called(node: dict[str, Any], reader: Any) -> tuple[AnyTask, str, tuple[Any, ...], dict[str, Any]]:
    place = expect(node["task"], int)
    if not 0 <= place < len(reader.tasks):
        raise Malformed(f"there is no task {place}")
    task, version = reader.tasks[place]
    args = tuple(reader.read_list(node["args"]))
    kwargs = {name: reader.read(value) for name, value in expect(node.get("kwargs", {}), dict).items()}
    return task, version, args, kwargs


def _read_options(node: Any, reader: Any) -> CallOptions:
    node = expect(node, dict)
    retry = None
    if "retry" in node:
        *numbers, kinds = expect(node["retry"], list)
        found = [reader.names.exception(expect(kind, str)) for kind in expect(kinds, list)]
        if None in found:
            raise Malformed(f"an exception type is not known any more: {kinds[found.index(None)]!r:.200}")
        max_attempts, delay_s, backoff, max_delay_s, jitter = map(reader.read, numbers)
        retry = Retry(max_attempts, delay_s, backoff, max_delay_s, jitter, tuple(kind for kind in found if kind))
    constraints = tuple(expect(name, str) for name in node.get("constraints", ()))
    amounts = tuple(reader.read_list(node.get("amounts", [])))
    if len(amounts) != len(constraints):
        raise Malformed("the amounts of what a call holds are not as many as their names")
    label = reader.read(node.get("label"))
    return CallOptions(
        policies=Policies(retry=retry, timeout_s=reader.read(node.get("timeout_s")), constraints=constraints),
        condition=reader.read(node["condition"]) if "condition" in node else NOTHING,
        otherwise=reader.read(node["otherwise"]) if "otherwise" in node else NOTHING,
        after=tuple(_stand_in(value) for value in reader.read_list(node.get("after", []))),
        amounts=amounts,
        label=None if label is None else expect(label, str),
    )


def _read_router(node: dict[str, Any], reader: Any) -> Any:
    keys, routes = reader.read_list(node["keys"]), reader.read_list(node["routes"])
    default = reader.read(node["default"]) if "default" in node else NOTHING
    return RoutedResult(reader.read(node["selector"]), dict(zip(keys, routes, strict=True)), default)


def _read_item(node: dict[str, Any], reader: Any) -> Any:
    return LazyItem(_stand_in(reader.read(node["source"])), reader.read(node["key"]))


def _read_literal(node: dict[str, Any], reader: Any) -> Any:
    return LiteralValue(reader.read(node["value"]))


def _read_inject(node: dict[str, Any], reader: Any) -> Any:
    name = node["resource"]
    resource = None if name is None else reader.names.resource(expect(name, str))
    return InjectStandIn(expect(node["name"], str), resource)


def _read_param(node: dict[str, Any], reader: Any) -> Any:
    spec = ParameterSpec("param", expect(node["name"], str), _as_stored, NOTHING, "")
    reader.parameters[spec] = reader.read(node["value"])
    return ParameterStandIn(spec)


def _read_env(node: dict[str, Any], reader: Any) -> Any:
    kind = ENV_TYPES[expect(node["type"], str)]
    default = reader.read(node["default"]) if "default" in node else NOTHING
    return ParameterStandIn(
        ParameterSpec("env", expect(node["name"], str), kind, default, expect(node["description"], str))
    )


def _as_stored(value: Any) -> Any:
    return value


def _stand_in(value: Any) -> StandIn:
    if not isinstance(value, StandIn):
        raise Malformed(f"{value!r:.60} stands where a call was expected")
    return value


def _not_written(_value: Any, _writer: Writer) -> dict[str, Any]:
    raise InternalError("a part of a call was to be written by the one that reads them")


_CALL_CODECS: Final[dict[str, Codec]] = CODECS | {
    tag: Codec(tag, _not_written, read)
    for tag, read in {
        "ref": _read_ref,
        "call": _read_call,
        "map": _read_map,
        "router": _read_router,
        "item": _read_item,
        "literal": _read_literal,
        "inject": _read_inject,
        "param": _read_param,
        "env": _read_env,
    }.items()
}

__all__ = ["CallReader", "ChangedCall", "Migrate"]
