"""Plug-ins: from a text that names a part of the engine to the part itself.

Three forms of text are understood, wherever such a part is taken as an object, too:

* a URL, ``local://?threads=8``: the scheme is the name of an entry point in the group of this kind of part;
* the scheme alone, ``local``, which is ``local://``;
* ``package.module:attribute``: a class or function, called without arguments, or the part itself. No entry point is
  needed for it, so this is the way to a class of one's own program.

A distribution declares its plug-ins in its metadata, and what comes with Cascade is declared in the same way::

    [project.entry-points."cascade.executors"]
    dask = "cascade_dask:from_url"

The entry point leads to a *factory*: it is called with a `PluginUrl` and returns the part. Reading the metadata of all
distributions takes some milliseconds, so it is done when a text is used and never when a module is imported, and not
remembered: a plug-in that is installed while the program runs is found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, cast

from cascade.spec.errors import CascadeError, PluginError
from cascade.spec.plugin_url import PluginUrl

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from cascade.spec.protocols.cache import CachePolicy
    from cascade.spec.protocols.executor import Executor
    from cascade.spec.protocols.solver import Solver
    from cascade.spec.protocols.state import StateStore

P = TypeVar("P")


class PluginGroup(Generic[P]):
    """One kind of part, and where its plug-ins are declared.

    Args:
        noun: What such a part is called in errors.
        name: The group of entry points.
        members: What every such part has. (Not the Protocol: the modules of Protocols name `Task`, whose modifiers
            look plug-ins up.)

    Example:
        >>> from cascade.spec.plugins import SOLVERS
        >>> SOLVERS.make("native")
        <cascade.adapters.solvers.native.NativeSolver object at 0x...>
    """

    def __init__(self, noun: str, name: str, members: Iterable[str]) -> None:
        self.noun = noun
        self.name = name
        self.members = tuple(members)
        self._shared: dict[str, P] = {}

    def __repr__(self) -> str:
        return f"PluginGroup({self.noun!r}, {self.name!r})"

    def make(self, text: str) -> P:
        """A new part.

        Args:
            text: A URL, a scheme, or ``module:attribute``.

        Raises:
            PluginError: It names no plug-in, or several; or the plug-in cannot be imported, refuses the URL, or made
                something else than such a part.
        """
        if "://" not in text and ":" in text:
            origin, factory = text, self._import(text)
            arguments: tuple[Any, ...] = ()
            shown = text
            if not isinstance(factory, type) and not self._missing(factory):
                return cast(P, factory)
            if not callable(factory):
                raise PluginError(
                    f"{self.noun} {text!r} is {factory!r:.100}, which is no {self.noun} and no class of one"
                )
        else:
            if "://" not in text and ("." in text or "/" in text) and text not in self.schemes():
                file = f"a file as in 'sqlite:///{text}', " if "sqlite" in self.schemes() else ""
                raise PluginError(
                    f"{self.noun} {text!r} is no URL and no scheme that is installed: name {file}a class as in "
                    "'package.module:Class'"
                )
            url = PluginUrl(text if "://" in text else f"{text}://")
            entry = self._find(url)
            origin, factory = _named(entry), self._load(entry, url)
            arguments, shown = (url,), str(url)
        try:
            made = factory(*arguments)
        except CascadeError:
            raise
        except Exception as error:  # the plug-in's own code
            raise PluginError(f"{self.noun} '{shown}' could not be made by {origin}: {error}") from error
        missing = self._missing(made)
        if missing:
            raise PluginError(
                f"{self.noun} '{shown}': {origin} made a {type(made).__qualname__}, which is no {self.noun}: it has no "
                f"{' and no '.join(missing)}"
            )
        return cast(P, made)

    def made(self, part: P | str) -> P:
        """A part as it was given, or made from a text.

        Raises:
            PluginError: As for `make`; or what was given is no such part.
        """
        if isinstance(part, str):
            return self.make(part)
        missing = self._missing(part)
        if missing or isinstance(part, type):
            why = "it is a class: make one of it" if isinstance(part, type) else f"it has no {' and no '.join(missing)}"
            raise PluginError(f"{part!r:.100} is no {self.noun}: {why}")
        return part

    def shared(self, text: str) -> P:
        """The part that everybody in this process gets for this text; made when it is first asked for."""
        part = self._shared.get(text)
        if part is None:
            # Without a lock: to make a part may import modules that ask for one, too, here and in other threads. If two
            # make it at once, both get that of the first.
            part = self._shared.setdefault(text, self.make(text))
        return part

    def schemes(self) -> dict[str, list[str]]:
        """The schemes that are installed, each with the distributions that declare it."""
        found: dict[str, list[str]] = {}
        for entry in self._entries():
            found.setdefault(entry.name, []).append(_distribution(entry))
        return dict(sorted(found.items()))

    def _entries(self) -> list[EntryPoint]:
        from importlib.metadata import entry_points

        return list(entry_points(group=self.name))

    def _find(self, url: PluginUrl) -> EntryPoint:
        entries = [entry for entry in self._entries() if entry.name == url.scheme]
        if not entries:
            known = ", ".join(f"'{scheme}' ({' and '.join(owners)})" for scheme, owners in self.schemes().items())
            raise PluginError(
                f"{self.noun} '{url}': no plug-in for the scheme '{url.scheme}' is installed; there are "
                f"{known or 'none'}. Install the distribution that declares an entry point '{url.scheme}' in the group "
                f"'{self.name}' (those of Cascade are named like cascade-{url.scheme}), or name a class: "
                "'package.module:Class'"
            )
        if len(entries) > 1:
            raise PluginError(
                f"{self.noun} '{url}': several plug-ins claim the scheme '{url.scheme}': "
                f"{'; '.join(sorted(_named(entry) for entry in entries))}. Uninstall all but one, or name the class: "
                "'package.module:Class'"
            )
        return entries[0]

    def _load(self, entry: EntryPoint, url: PluginUrl) -> Callable[[PluginUrl], Any]:
        try:
            factory = entry.load()
        except Exception as error:  # the plug-in's own code runs here
            raise PluginError(
                f"{self.noun} '{url}': the plug-in {_named(entry)} cannot be imported: {type(error).__name__}: {error}"
            ) from error
        if not callable(factory):
            raise PluginError(
                f"{self.noun} '{url}': the plug-in {_named(entry)} is {factory!r:.100}, which is no factory"
            )
        return cast("Callable[[PluginUrl], Any]", factory)

    def _import(self, text: str) -> Any:
        from importlib import import_module

        module, _, path = text.partition(":")
        try:
            found: Any = import_module(module)
            for name in path.split("."):
                found = getattr(found, name)
        except Exception as error:  # the module's own code
            raise PluginError(
                f"{self.noun} {text!r} cannot be imported: {type(error).__name__}: {error}. Give a URL such as "
                f"'scheme://', or 'package.module:Class' of a module on sys.path"
            ) from error
        return found

    def _missing(self, made: Any) -> list[str]:
        return [member for member in self.members if not hasattr(made, member)]


def _distribution(entry: EntryPoint) -> str:
    return "an unknown distribution" if entry.dist is None else entry.dist.name


def _named(entry: EntryPoint) -> str:
    version = "" if entry.dist is None else f" {entry.dist.version}"
    return f"{entry.value} of {_distribution(entry)}{version}"


SOLVERS: Final[PluginGroup[Solver]] = PluginGroup("solver", "cascade.solvers", ["resolve"])
EXECUTORS: Final[PluginGroup[Executor]] = PluginGroup("executor", "cascade.executors", ["concurrency", "execute"])
STATE_BACKENDS: Final[PluginGroup[StateStore]] = PluginGroup(
    "state store", "cascade.state_backends", ["open", "find", "runs", "request_cancel", "delete", "close"]
)
CACHES: Final[PluginGroup[CachePolicy]] = PluginGroup("cache", "cascade.caches", ["key", "load", "store"])


__all__ = ["CACHES", "EXECUTORS", "SOLVERS", "STATE_BACKENDS", "PluginGroup"]
