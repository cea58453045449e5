"""The store that the environment names."""

from pathlib import Path

from goldenlayers_core.places import shared_location
from goldenlayers_core.runtime.digests import of_bytes
from goldenlayers_core.runtime.locations import open_location
from goldenlayers_core.runtime.shared import Shared
from goldenlayers_core.runtime.store import Store


def store_at(root: Path) -> Store:
    """The store in a folder, or the one that GOLDENLAYERS_STORE names, with its copies and outbox in that folder.

    Raises ConfigError for a location that cannot be used, and StoreError for a folder that cannot.
    """
    if not (url := shared_location()):
        return Store(root)
    home = shared_home(root, url)
    return Store(home, Shared(home, open_location(url)))


def shared_home(root: Path, url: str) -> Path:
    """The folder of a location's copies and outbox on this disk."""
    return Path(root).expanduser().absolute() / "shared" / of_bytes(url.rstrip("/").encode())[:12]
