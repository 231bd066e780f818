"""`Resumption`: what may be said to a kept run whose program has changed since."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from cascade.runtime.durability.call_reader import Migrate


class Resumption(NamedTuple):
    """How a run goes on whose program has changed.

    Attributes:
        migrate: Turns stored calls of other versions of their tasks into calls of those that there are.
        accept_versions: Whether stored calls of other versions are taken as they are.
        main: Stands in the place of the module ``__main__``, for runs that a script began.
        imports: Whether modules are imported that stored calls name.
    """

    migrate: Migrate | None = None
    accept_versions: bool = False
    main: ModuleType | None = None
    imports: bool = False


__all__ = ["Resumption"]
