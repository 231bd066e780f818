"""`PickleSerializer`: anything that pickle takes, signed.

Unpickling runs code that the bytes name, so whoever can write to the store could run anything here. The signature
(HMAC-SHA256 with a secret key) is checked first: bytes that were not written by a holder of the key are refused without
being looked into. It protects the store, not the key: who has the key can run code. `DataSerializer` needs no secret
and should be preferred wherever the values allow it.

A document is ``b"cascade-pickle 1\\n"``, 32 bytes of signature over that line and the pickle, and the pickle.
"""

from __future__ import annotations

import hmac
import pickle
from typing import Any, Final

from cascade.spec.errors import CorruptDataError, UnstorableValueError

_HEAD: Final = b"cascade-pickle 1\n"
_SIGNATURE_BYTES: Final = 32
_SHORTEST_KEY_BYTES: Final = 16


class PickleSerializer:
    """Signed pickles.

    Args:
        key: The secret that signs, at least 16 bytes, the same wherever the data are read. Take it from the
            environment or a secret store, never from the source.

    Raises:
        ValueError: The key is too short.

    Example:
        >>> serializer = PickleSerializer(key="a long secret from outside")
        >>> serializer.loads(serializer.dumps({1, 2}))
        {1, 2}
    """

    def __init__(self, *, key: bytes | str) -> None:
        self._key = key.encode() if isinstance(key, str) else bytes(key)
        if len(self._key) < _SHORTEST_KEY_BYTES:
            raise ValueError(
                f"the key of a PickleSerializer needs at least {_SHORTEST_KEY_BYTES} bytes, not {len(self._key)}; "
                "make one with secrets.token_hex()"
            )

    def __repr__(self) -> str:
        return "PickleSerializer(key=…)"

    def dumps(self, value: Any) -> bytes:
        """The signed bytes of a value.

        Raises:
            UnstorableValueError: Pickle does not take it.
        """
        try:
            pickled = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
        except Exception as error:  # pickling runs the value's own code
            raise UnstorableValueError("value", f"cannot be pickled: {error}") from error
        return _HEAD + self._signature(pickled) + pickled

    def loads(self, data: bytes) -> Any:
        """The value of the bytes, if they were signed with the key.

        Raises:
            CorruptDataError: They were not, or their classes are not what they were when the bytes were written.
        """
        data = bytes(data)
        body = len(_HEAD) + _SIGNATURE_BYTES
        if len(data) < body or not data.startswith(_HEAD):
            raise CorruptDataError("the stored data cannot be read: they are no signed pickle")
        pickled = data[body:]
        if not hmac.compare_digest(data[len(_HEAD) : body], self._signature(pickled)):
            raise CorruptDataError(
                "the stored data were refused: they are damaged, were changed, or signed with another key"
            )
        try:
            return pickle.loads(pickled)
        except Exception as error:  # the classes' own code
            raise CorruptDataError(f"the stored data cannot be read: {type(error).__name__}: {error}") from error

    def _signature(self, pickled: bytes) -> bytes:
        return hmac.digest(self._key, _HEAD + pickled, "sha256")


__all__ = ["PickleSerializer"]
