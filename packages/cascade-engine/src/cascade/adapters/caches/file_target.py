"""`FileTarget`: the result of a call as a file of its own.

For the one large result that a pipeline makes, which one wants to see in the folder, copy, or delete by hand. The file
keeps the key of its call, so a file that was made by other arguments or another version of the task is no hit: it is
made again. It is written beside its place and moved there in one step, so there is never half a file.

A file is one line of JSON (format, version, key, times), then the bytes of the serializer.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Final, Self

from cascade.adapters.caches.base import StoringCache, in_thread
from cascade.adapters.caches.keys import file_name
from cascade.spec.errors import CorruptDataError
from cascade.spec.plugin_url import PluginUrl
from cascade.spec.protocols import Clock, Serializer

if TYPE_CHECKING:
    from pathlib import Path

_FORMAT: Final = "cascade-file-target"
_VERSION: Final = 1
_PLACEHOLDER: Final = "{key}"


class FileTarget(StoringCache):
    """Keeps the value of a call in a file.

    Args:
        path: The file. With ``{key}`` in it there is one file for each key; without, there is one file in all, and a
            call with other arguments overwrites it. Folders are made.
        serializer: Values to bytes and back; by default `DataSerializer`.
        ttl_s: Seconds after which the file is made again.
        clock: Its wall clock decides what is too old.

    Raises:
        ValueError: ``ttl_s`` is not greater than 0.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        serializer: Serializer | None = None,
        *,
        ttl_s: float | None = None,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(path, ttl_s, serializer, clock)

    @classmethod
    def from_url(cls, url: PluginUrl) -> Self:
        """The cache that ``file:///results/{key}.json?ttl_s=3600`` selects."""
        return cls(url.path(), **url.options(ttl_s=float))

    def path_of(self, key: str) -> Path:
        """The file of a key."""
        from pathlib import Path

        return Path(self._place.replace(_PLACEHOLDER, file_name(key)))

    async def load(self, key: str) -> tuple[Any] | None:
        """The value in a tuple of one, or ``None`` if there is no file, or a file of another key.

        Raises:
            CorruptDataError: There is a file of something else.
        """
        return await in_thread(self._load, key)

    async def store(self, key: str, value: Any, ttl_s: float | None = None) -> None:
        """Write the file, in place of any other.

        Raises:
            UnstorableValueError: The serializer does not take the value; the file is what it was.
        """
        await in_thread(self._store, key, value, ttl_s)

    def _load(self, key: str) -> tuple[Any] | None:
        path = self.path_of(key)
        try:
            head, _, body = path.read_bytes().partition(b"\n")
        except FileNotFoundError:
            return None
        said = _read_head(head, path)
        if said["key"] != key or self._is_over(said["expires_at"]):
            return None
        try:
            return (self._serializer.loads(body),)
        except CorruptDataError as error:
            raise CorruptDataError(f"{path} is damaged: {error}. Delete the file to have it made again") from error

    def _store(self, key: str, value: Any, ttl_s: float | None) -> None:
        path = self.path_of(key)
        body = self._serializer.dumps(value)
        head = {
            "format": _FORMAT,
            "version": _VERSION,
            "key": key,
            "stored_at": self._clock.timestamp(),
            "expires_at": self._expiry(ttl_s),
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        # In the same folder: a file cannot be moved to another disk in one step. Not the tempfile module: its files are
        # for their owner only, and a result is an ordinary file.
        beside = path.with_name(f".{path.name[-100:]}.{os.urandom(8).hex()}.tmp")
        try:
            with beside.open("xb") as file:
                file.write(json.dumps(head).encode() + b"\n" + body)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise


def _read_head(head: bytes, path: Path) -> dict[str, Any]:
    try:
        said = json.loads(head.decode())
        version = said["version"]
        if said["format"] != _FORMAT or not isinstance(version, int):
            raise ValueError(said["format"])
        if version <= _VERSION:
            return {"key": str(said["key"]), "expires_at": None if said["expires_at"] is None else +said["expires_at"]}
    except (ValueError, TypeError, KeyError, RecursionError):
        raise CorruptDataError(
            f"{path} was not written by a FileTarget, so it is not overwritten; move it away, or choose another path"
        ) from None
    raise CorruptDataError(
        f"{path} is of version {version}, and this version of Cascade reads versions up to {_VERSION}; use the version "
        "that wrote it, or delete the file"
    )


__all__ = ["FileTarget"]
