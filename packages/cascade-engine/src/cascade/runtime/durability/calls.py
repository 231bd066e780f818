"""`CallCodec`: calls to bytes and back: lazy results, maps, routers, and containers with such inside.

The format is that of `cascade.adapters.serializers.data`, with more tags, and as closed as that: what a call refers to
(tasks, resources, exception types) is found by name among what is loaded, and a call that was read runs nothing.

    {"format":"cascade-call","version":1,"tasks":[["flow:train","2"]],"parts":[…],"call":{"$":"ref","v":3}}

Every call inside the call, and every container that occurs twice, is a *part* of its own, behind the parts that it
needs, and is referred to by its number. So what is shared stays shared, and a chain of 100,000 calls needs no stack.
Other objects that occur twice come back as equal copies.

A `Param` is stored with its value, an `Env` without: what stands in the environment may be secret.

A loop stores a call in every step, so calls whose arguments are short plain values are written by a path of their own,
which gives the same format.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from json.encoder import encode_basestring_ascii
from math import isfinite
from typing import Any, Final

from cascade.adapters.serializers.codec import expect
from cascade.adapters.serializers.refusals import Malformed, Refused
from cascade.runtime.durability.call_reader import CallReader, Migrate
from cascade.runtime.durability.call_writer import CallWriter, ParameterValue, arrange, root_of
from cascade.runtime.durability.names import AnyTask, Names
from cascade.spec.common import ParameterSpec
from cascade.spec.errors import CascadeError, CorruptDataError, TaskVersionError, UnstorableValueError
from cascade.spec.lazy_types import KeywordLazyResult, LazyResult, MappedLazyResult
from cascade.spec.policies import NO_OPTIONS

FORMAT: Final = "cascade-call"
VERSION: Final = 1


@dataclass(slots=True)
class Decoded:
    """A call that was read.

    Attributes:
        call: The call.
        parameters: The values of the `Param`s in it.
        is_changed: Whether some call in it is of another version of its task.
    """

    call: Any
    parameters: dict[ParameterSpec, Any]
    is_changed: bool


class CallCodec:
    """Writes and reads the calls of one run.

    Args:
        names: Finds tasks.
        parameter: Gives the values of `Param`s.
        migrate: Turns calls of other versions into calls of those that there are.
        accept_versions: Whether calls of other versions are taken as they are.
    """

    def __init__(
        self,
        names: Names,
        parameter: ParameterValue,
        migrate: Migrate | None = None,
        accept_versions: bool = False,
    ) -> None:
        self._names = names
        self._parameter = parameter
        self._migrate = migrate
        self._accept_versions = accept_versions
        self._heads: dict[tuple[AnyTask, ...], str] = {}

    def encode(self, call: Any) -> bytes:
        """The bytes of a call.

        Raises:
            UnstorableValueError: Something in it cannot be stored; the message names the path to it.
        """
        return self.encode_simple(call) or self._encode(call)

    def encode_simple(self, call: Any) -> bytes | None:
        """The bytes of a call whose arguments are calls and short plain values that nobody can change.

        Returns:
            ``None`` if it is not that simple.

        Raises:
            UnstorableValueError: A task cannot be found by its name.
        """
        if type(call) not in _WITHOUT_OPTIONS:
            return None
        if type(call) is LazyResult and call._task._options is NO_OPTIONS:
            texts = []
            for value in call._args:
                write = _SIMPLE.get(type(value))
                text = None if write is None else write(value)
                if text is None:
                    break
                texts.append(text)
            else:
                head = self._heads.get((call._task.base,)) or self._head((call._task.base,))
                return f"{head}{_ONE_CALL}{','.join(texts)}{_END_OF_ONE}".encode()
        parts: list[str] = []
        numbers: dict[int, int] = {}
        tasks: dict[AnyTask, int] = {}
        stack: list[LazyResult] = [call]
        while stack:
            lazy = stack[-1]
            texts = []
            is_waiting = False
            values = (*lazy._args, *lazy._kwargs.values()) if lazy._kwargs else lazy._args
            for value in values:
                write = _SIMPLE.get(type(value))
                if write is not None:
                    text = write(value)
                    if text is None:
                        return None
                    texts.append(text)
                elif type(value) not in _WITHOUT_OPTIONS:
                    return None
                elif (number := numbers.get(id(value))) is not None:
                    texts.append(f'{{"$":"ref","v":{number}}}')
                else:
                    stack.append(value)
                    is_waiting = True
            if is_waiting:
                continue
            stack.pop()
            if id(lazy) in numbers:
                continue
            task = lazy._task
            if task._options is not NO_OPTIONS:
                return None
            numbers[id(lazy)] = len(parts)
            place = tasks.setdefault(task.base, len(tasks))
            if lazy._kwargs:
                names = list(lazy._kwargs)
                split = len(lazy._args)
                named = ",".join(
                    f"{encode_basestring_ascii(name)}:{text}" for name, text in zip(names, texts[split:], strict=True)
                )
                parts.append(f'{{"$":"call","task":{place},"args":[{",".join(texts[:split])}],"kwargs":{{{named}}}}}')
            else:
                parts.append(f'{{"$":"call","task":{place},"args":[{",".join(texts)}]}}')
        head = self._head(tuple(tasks))
        return f'{head}"parts":[{",".join(parts)}],"call":{{"$":"ref","v":{len(parts) - 1}}}}}'.encode()

    def decode(self, data: bytes) -> Decoded:
        """The call of the bytes.

        Raises:
            CorruptDataError: They were not written by this codec, are damaged, or of a newer version.
            TaskNotFoundError: A task no longer exists.
            TaskVersionError: Tasks have other versions now, and nobody has said what is to be done.
        """
        try:
            document = json.loads(bytes(data).decode())
            if type(document) is not dict or document.get("format") != FORMAT:
                raise Malformed(f"they are no {FORMAT}")
            if type(document["version"]) is not int or not 0 < document["version"] <= VERSION:
                raise Malformed(
                    f"they are of version {document['version']!r:.60}, and this version of Cascade reads versions up "
                    f"to {VERSION}; use the version that wrote them, or a later one"
                )
            return self._decode(document)
        except CascadeError:
            raise
        except Malformed as problem:
            raise CorruptDataError(f"the stored call cannot be read: {problem}") from None
        except RecursionError:
            raise CorruptDataError("the stored call cannot be read: it is nested too deeply") from None
        except Exception as error:
            raise CorruptDataError(
                f"the stored call cannot be read: it is damaged, or no {FORMAT} at all ({type(error).__name__}: "
                f"{error!s:.200})"
            ) from error

    def _head(self, tasks: tuple[AnyTask, ...]) -> str:
        """The beginning of the document, which depends on the tasks only."""
        head = self._heads.get(tasks)
        if head is None:
            named = []
            for task in tasks:
                try:
                    named.append([self._names.of_task(task), task.version])
                except Refused as refused:
                    raise UnstorableValueError("it", refused.problem) from None
            head = f'{{"format":"{FORMAT}","version":{VERSION},"tasks":{json.dumps(named)},'
            if len(self._heads) >= _HEADS:
                self._heads.clear()
            self._heads[tasks] = head
        return head

    def _encode(self, call: Any) -> bytes:
        writer = CallWriter(self._names, self._parameter)
        root = "it"
        try:
            parts = []
            arranged = arrange(call)
            for part in arranged:  # first: a shared container stands before the calls whose tasks know its class
                if isinstance(part, (LazyResult, MappedLazyResult)):
                    self._names.register(part._task.base)
            for number, part in enumerate(arranged):
                root = "" if part is call else root_of(part)
                parts.append(writer.write_part(part))
                writer.numbers[id(part)] = number
            root = "it"
            document = {
                "format": FORMAT,
                "version": VERSION,
                "tasks": [[name, version] for name, version in writer.tasks],
                "parts": parts,
                "call": writer.write(call),
            }
            return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
        except Refused as refused:
            path = refused.path(root)
            raise UnstorableValueError(path.removeprefix(".") or "it", refused.problem) from None
        except RecursionError:
            raise UnstorableValueError(root or "it", "is nested too deeply for the stack that is left here") from None

    def _decode(self, document: dict[str, Any]) -> Decoded:
        tasks: list[tuple[AnyTask, str]] = []
        changed: dict[str, tuple[str, str]] = {}
        for entry in expect(document["tasks"], list):
            name, version = expect(entry, list)
            task = self._names.task(expect(name, str))
            if expect(version, str) != task.version:
                changed[name] = version, task.version
            tasks.append((task, version))
        if changed and self._migrate is None and not self._accept_versions:
            raise TaskVersionError(changed)
        reader = CallReader(self._names, tasks, self._migrate)
        for part in expect(document["parts"], list):
            reader.made.append(reader.read(part))
        return Decoded(reader.read(document["call"]), reader.parameters, bool(changed))


_HEADS: Final = 256
_ONE_CALL: Final = '"parts":[{"$":"call","task":0,"args":['
_END_OF_ONE: Final = ']}],"call":{"$":"ref","v":0}}'
_SMALL: Final = 2**63


def _simple_int(value: int) -> str | None:
    return int.__repr__(value) if -_SMALL <= value < _SMALL else None


def _simple_float(value: float) -> str | None:
    return float.__repr__(value) if isfinite(value) else None


def _simple_text(value: str) -> str | None:
    return encode_basestring_ascii(value) if value.isascii() else None


_WITHOUT_OPTIONS: Final = frozenset({LazyResult, KeywordLazyResult})
_SIMPLE: Final[dict[type, Callable[[Any], str | None]]] = {
    int: _simple_int,
    float: _simple_float,
    str: _simple_text,
    bool: lambda value: "true" if value else "false",
    type(None): lambda _value: "null",
}
"""How short plain values are written; ``None`` if they need more."""


__all__ = ["FORMAT", "VERSION", "CallCodec", "Decoded"]
