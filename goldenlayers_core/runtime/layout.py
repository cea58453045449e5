"""What lies where at a shared location (see `shared`), and whose it is."""

import json
import uuid
from pathlib import Path
from typing import Final

from goldenlayers_core.errors import StoreError
from goldenlayers_core.runtime import atomic
from goldenlayers_core.runtime.here import MANIFEST
from goldenlayers_core.runtime.locations import Location
from goldenlayers_core.runtime.reaching import Reached
from goldenlayers_core.runtime.versions import Version

VERSION: Final = 1
_MARK: Final = "store.json"
_FORMAT: Final = "golden-layers-shared-store"
_COPIES: Final = ("tables", "runs", "manifests", "objects", "desks")


def is_once(name: str) -> bool:
    """Whether what lies under a name is never changed."""
    return name.startswith(("tables/", "runs/"))


def name_of(path: str) -> str:
    """The name over there of a path below a store's folder: manifests lie together, for one list to tell all runs."""
    parts = path.split("/")
    return f"manifests/{parts[1]}" if parts[0] == "runs" and parts[2:] == [MANIFEST] else path


def is_there(version: Version | None) -> bool:
    """Whether a thing exists, by its newest version."""
    return version is not None and version.n_bytes > 0


def check_layout(far: Reached, root: Path) -> bool:
    """True. Look whose layout a location has, and make it ours where it is empty; copies of another one are removed.

    Raises AwayError, and StoreError where it is not ours or of a newer version.
    """
    try:
        name = whose(far)
    except FileNotFoundError:
        mine = {"format": _FORMAT, "version": VERSION, "id": uuid.uuid4().hex}
        far.create(_MARK, json.dumps(mine).encode())
        name = whose(far)
    return settle(name, root)


def settle(name: str, root: Path) -> bool:
    """True. The copies below a folder are of the location of that name; those of another one are removed."""
    known = root / "location"
    if not known.exists() or known.read_text(encoding="utf-8") != name:  # emptied by hand, or another of that name
        for top in _COPIES:
            atomic.remove_tree(root / top)
        atomic.write_bytes(known, name.encode())
    return True


def whose(far: Reached | Location) -> str:
    """The name that tells a location from another. Raises FileNotFoundError where it has none yet, what the location
    raises, and StoreError where what is there is not ours or of a newer version."""
    data = far.read(_MARK)
    try:
        found = json.loads(data)
        version, name = int(found["version"]), str(found["id"])
        ours = found["format"] == _FORMAT
    except (KeyError, TypeError, ValueError):
        ours = False
    if not ours:
        raise StoreError(f"{far.name} holds a {_MARK} that is not ours; set GOLDENLAYERS_STORE to another place.")
    if version > VERSION:
        raise StoreError(
            f"The store in {far.name} has version {version} and this program reads up to {VERSION}; update the "
            "program, or set GOLDENLAYERS_STORE to another place."
        )
    return name
