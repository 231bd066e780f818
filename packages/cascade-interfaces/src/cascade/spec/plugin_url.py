"""`PluginUrl`: the URL that selects a plug-in and says how to make it.

    sqlite:///runs.db                 a relative path: three slashes
    sqlite:////var/lib/runs.db        an absolute path: four
    postgresql://ada:pw@host/runs     where a server is; what stands after :// is the plug-in's business
    local://?threads=8                options

The scheme is looked up by `cascade.spec.plugins`. All else is read by the plug-in, with the methods of this class, so
that every plug-in refuses what it does not know, in the same words. A password is never shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from cascade.spec.errors import PluginError

_URL: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^?]*)(?:\?(.*))?", re.DOTALL)
_PASSWORD: Final = re.compile(r"(//[^/?:@]*:)[^/?]*@")
_TRUTHS: Final = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


class PluginUrl:
    """A URL of the form ``scheme://location?option=value&…``.

    Args:
        text: The URL.

    Attributes:
        text: As given, password included.
        scheme: What stands before ``://``, in lower case.
        location: What stands between ``://`` and the options, with percent signs resolved.

    Raises:
        PluginError: It has no scheme.

    Example:
        >>> url = PluginUrl("sqlite:///runs.db?durable=yes&busy_timeout_s=5")
        >>> url.scheme, url.path(), url.options(durable=bool, busy_timeout_s=float)
        ('sqlite', 'runs.db', {'durable': True, 'busy_timeout_s': 5.0})
    """

    __slots__ = ("_query", "location", "scheme", "text")

    def __init__(self, text: str) -> None:
        from urllib.parse import unquote  # not above: only who uses a URL should wait for it

        match = _URL.fullmatch(text)
        if match is None:
            raise PluginError(
                f"{text!r:.200} is no URL; a URL begins with a scheme and '://', as in 'sqlite:///runs.db'"
            )
        self.text = text
        self.scheme = match[1].lower()
        self.location = unquote(match[2])
        self._query = match[3] or ""

    def __str__(self) -> str:
        return _PASSWORD.sub(r"\1***@", self.text)

    def __repr__(self) -> str:
        return f"PluginUrl({str(self)!r})"

    def path(self) -> str:
        """The file that the URL names: relative after three slashes, absolute after four.

        Raises:
            PluginError: It names none.
        """
        path = self.location.removeprefix("/")
        if path and self.location.startswith("/"):
            return path
        example = f"{self.scheme}:///{self.location or 'FILE'}"
        raise PluginError(
            f"'{self}' names no file: a relative path comes after three slashes, an absolute one after four; "
            f"did you mean '{example}'?"
        )

    def nowhere(self) -> None:
        """Refuse a location, for plug-ins that know none.

        Raises:
            PluginError: There is one.
        """
        if self.location not in ("", "/"):
            raise PluginError(f"'{self}': nothing was expected between '{self.scheme}://' and the options")

    def options(self, **kinds: Callable[[str], Any]) -> dict[str, Any]:
        """The options that are given, converted.

        Args:
            **kinds: For each option that there is, what converts its text: ``int``, ``float``, ``str``, ``bool`` (which
                takes yes, true, 1, no, false, 0), or a function that raises `ValueError` for what it refuses.

        Raises:
            PluginError: An option is not known, stands twice, or cannot be converted.
        """
        from urllib.parse import parse_qsl

        found: dict[str, Any] = {}
        for name, text in parse_qsl(self._query, keep_blank_values=True):
            if name not in kinds:
                known = f"it has {', '.join(kinds)}" if kinds else "it has none"
                raise PluginError(f"'{self}': there is no option {name!r}; {known}")
            if name in found:
                raise PluginError(f"'{self}': the option {name!r} stands twice")
            try:
                found[name] = _truth(text) if kinds[name] is bool else kinds[name](text)
            except ValueError as error:
                kind = getattr(kinds[name], "__name__", "value")
                raise PluginError(f"'{self}': the option {name}={text!r:.100} is no {kind}: {error}") from error
        return found


def _truth(text: str) -> bool:
    try:
        return _TRUTHS[text.lower()]
    except KeyError:
        raise ValueError("yes or no was expected") from None


__all__ = ["PluginUrl"]
