"""Which names may become files."""

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
