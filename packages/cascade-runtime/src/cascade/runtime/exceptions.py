"""The errors of Cascade, under the path where users of the runtime look for them; see `cascade.spec.errors`."""

from cascade.spec.errors import *  # noqa: F403
from cascade.spec.errors import __all__ as __all__
