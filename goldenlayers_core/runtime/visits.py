"""When each desk was last here, and the deletion of what is old, in a store that visitors share.

visits/<desk>   its time of change is the desk's last visit
visits/.swept   ... the last look for what is old
"""

import os
import time
from collections.abc import Collection
from pathlib import Path
from typing import Final

from goldenlayers_core.errors import StoreError
from goldenlayers_core.runtime import atomic
from goldenlayers_core.runtime.locks import locked
from goldenlayers_core.runtime.names import checked_name
from goldenlayers_core.runtime.store import Store

_SWEPT: Final = ".swept"
_MINUTE: Final = 60.0


class Visits:
    """The visits of a store. All raise StoreError where the disk refuses."""

    def __init__(self, root: Path) -> None:
        self._folder = root / "visits"

    def seen(self, desk: str) -> None:
        """A desk is here now; written once a minute."""
        self._touch(checked_name(desk, "desk"), _MINUTE)

    def due(self, seconds: float) -> bool:
        """Whether the last look for what is old is so long ago; one asker is told."""
        return self._touch(_SWEPT, seconds)

    def gone(self, before: float) -> tuple[str, ...]:
        """The desks that were last here before a time (seconds since 1970)."""
        if not self._folder.is_dir():
            return ()
        with atomic.disk_errors(self._folder, "read"):
            return tuple(p.name for p in self._folder.iterdir() if p.name[0] != "." and p.stat().st_mtime < before)

    def forget(self, desk: str) -> None:
        """A desk was never here."""
        path = self._folder / checked_name(desk, "desk")
        with atomic.disk_errors(path, "deleted"):
            path.unlink(missing_ok=True)

    def _touch(self, name: str, seconds: float) -> bool:
        """Set a file's time to now where it is older; whether it was."""
        path = self._folder / name
        try:
            if time.time() - path.stat().st_mtime < seconds:
                return False
        except FileNotFoundError:
            atomic.make_folder(self._folder)
        with atomic.disk_errors(path, "written"):
            path.touch()
            os.utime(path)
        return True


def stored_bytes(store: Store, names: Collection[str]) -> int:
    """Bytes of the runs and objects of these names."""
    runs = [path for name in names for path in atomic.files_under(store.root / "runs" / name)]
    objects = [path for path in _objects(store) if path.stem in names]
    return sum(_status(path)[1] for path in (*runs, *objects))


def delete_named(store: Store, name: str) -> None:
    """Delete a run, or the objects of every kind that have a name."""
    if (store.root / "runs" / checked_name(name, "name")).is_dir():
        store.delete_run(name)
    for path in [p for p in _objects(store) if p.stem == name]:
        store.delete(path.parent.name, name)


def delete_older(store: Store, before: float, kept: Collection[str]) -> None:
    """Delete what was written before a time (seconds since 1970), but for the runs and objects that are named."""
    with locked(store.root / ".locks" / "tables"):  # no merge may bring rows back
        for path in atomic.files_under(store.root / "tables"):
            _delete_old(path, before)
    for path in _objects(store):
        if path.stem not in kept:
            _delete_old(path, before)
    homes = store.root / "runs"
    for home in homes.iterdir() if homes.is_dir() else ():
        times = [_status(path)[0] for path in atomic.files_under(home)]
        if home.name not in kept and all(changed < before for changed in times):
            atomic.remove_tree(home)


def _objects(store: Store) -> list[Path]:
    return atomic.files_under(store.root / "objects")


def _delete_old(path: Path, before: float) -> None:
    if _status(path)[0] < before:
        with atomic.disk_errors(path, "deleted"):
            path.unlink(missing_ok=True)


def _status(path: Path) -> tuple[float, int]:
    """(time of change, bytes); of a file that is gone meanwhile, (now, 0)."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return time.time(), 0
    except OSError as error:
        raise StoreError(str(atomic.disk_error(error, path, "read"))) from error
    return found.st_mtime, found.st_size
