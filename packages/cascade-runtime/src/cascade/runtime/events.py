"""The events of a run, under the path where users of the runtime look for them; see `cascade.spec.events`."""

from cascade.spec.events import *  # noqa: F403
from cascade.spec.events import __all__ as __all__
