"""`StandIn`: the base of every object that stands for a value which is not there yet.

Static type checkers see the value's own type where a stand-in is returned, so using one too early is not caught by
them. It is caught here: every operation that would need the value raises `LazyUseError` and says what to do instead.
Equality and hash are left at identity: stand-ins are members of sets and keys of dicts.
"""

from __future__ import annotations

from typing import Any, NoReturn

from cascade.spec.errors import LazyAttributeError, LazyUseError

# Only what would be silent without it, or where Python's own words would not help. Not __next__, __aiter__ and the
# like: the abstract base classes would then take a stand-in for an iterator.
_REFUSED = (
    # Truth, size and iteration.
    "__bool__ __len__ __iter__ __contains__ __reversed__ __call__ __await__ "
    # Order.
    "__lt__ __le__ __gt__ __ge__ "
    # Conversion; __format__ is what an f-string calls.
    "__int__ __float__ __complex__ __index__ __bytes__ __round__ __trunc__ __floor__ __ceil__ __format__ "
    # Arithmetic.
    "__neg__ __pos__ __abs__ __invert__ "
    "__add__ __sub__ __mul__ __matmul__ __truediv__ __floordiv__ __mod__ __divmod__ __pow__ "
    "__lshift__ __rshift__ __and__ __or__ __xor__ "
    "__radd__ __rsub__ __rmul__ __rmatmul__ __rtruediv__ __rfloordiv__ __rmod__ __rdivmod__ __rpow__ "
    "__rlshift__ __rrshift__ __rand__ __ror__ __rxor__ "
    # Changing items.
    "__setitem__ __delitem__"
).split()


class StandIn:
    """Something that stands for a value which a run will compute."""

    __slots__ = ()

    def __getitem__(self, key: Any) -> LazyItem:
        return LazyItem(self, key)

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):
            # Asked for by protocols (copy, pickle, inspect), on objects that may have no slots yet.
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        raise LazyAttributeError(
            f"{self!r} has no attribute {name!r} yet: it stands for a value that a run will compute. "
            "Read the attribute inside a task that takes the value as an argument."
        )


class LazyItem(StandIn):
    """``lazy[key]``: the item of a value that a run will compute. The key may be a stand-in too."""

    __slots__ = ("_key", "_source")

    def __init__(self, source: StandIn, key: Any) -> None:
        self._source = source
        self._key = key

    def __repr__(self) -> str:
        # A chain of items can be as long as the user likes, so the source is named by its kind only.
        return f"<item of {type(self._source).__name__}>"


_INSTEAD = {"__await__": "Await a run of it, as in 'await arun(…)'; inside a task, return it or pass it to another."}
_OTHERWISE = "Pass it to a task as an argument and use the value there (or run it first)."


def _refusal(operation: str) -> Any:
    instead = _INSTEAD.get(operation, _OTHERWISE)

    def refuse(self: StandIn, *_args: object, **_kwargs: object) -> NoReturn:
        raise LazyUseError(
            f"{self!r} was used as if it were its value ({operation}), but the value is only computed by a run. "
            f"{instead}"
        )

    refuse.__name__ = operation
    refuse.__qualname__ = f"StandIn.{operation}"
    return refuse


for _name in _REFUSED:
    setattr(StandIn, _name, _refusal(_name))

__all__ = ["LazyItem", "StandIn"]
