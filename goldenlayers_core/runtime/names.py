"""Which names may become files, and how a location is named to people."""

import re

from goldenlayers_core.errors import StoreError

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.=+@ -]{0,119}", re.ASCII)
_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)  # Windows opens these anywhere


def checked_name(name: str, what: str) -> str:
    """`name` if it is safe as one part of a path. Raises StoreError."""
    if not _NAME.fullmatch(name) or ".." in name or name[-1] in ". " or _DEVICES.fullmatch(name):
        raise StoreError(
            f"{name[:80]!r} cannot name a {what}; use 1 to 120 letters, digits, spaces and _ . = + @ -, beginning with "
            "a letter, a digit or _."
        )
    return name


def shown(url: str) -> str:
    """A location without what could be a key or a password: before the "@", and after a "?" or "#"."""
    scheme, mark, rest = re.split(r"[?#]", url, maxsplit=1)[0].partition("://")
    host = rest.partition("/")[0]
    if "@" in host or ":" in host:  # a password may hold a "/" where it should not
        rest = rest.rpartition("@")[2]
    return f"{scheme}{mark}{rest}".rstrip("/")
