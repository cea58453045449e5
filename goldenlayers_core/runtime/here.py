"""Where a store's bytes lie: the one interface under tables, runs, objects and desks, and this disk as its first kind.

A path is below the store's folder on this disk, always; where its bytes are besides is for the place to know
(`shared.Shared`: a location that other machines reach, too). `found` turns a path into a file that can be opened.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from goldenlayers_core.runtime import atomic

MANIFEST: Final = "manifest.json"  # of a run: the one file of it that changes


class Here:
    """This disk alone. Every method raises StoreError where it refuses."""

    steady = False  # a listing shows one moment, if it is not a long one
    words = ""  # where else the bytes are, as a person wrote it; "": nowhere

    def __init__(self, root: Path) -> None:
        self.root = root

    def found(self, path: Path) -> Path:
        """The file to open for a path. Raises FileNotFoundError where it is known that there is none."""
        return path

    def look(self, path: Path) -> None:
        """Believe nothing of what was told of a path before."""

    def exists(self, path: Path) -> bool:
        """Whether there is something under a path."""
        return path.exists()

    def bring(self, paths: Sequence[Path]) -> None:
        """Many are about to be opened."""

    def names(self, folder: Path) -> list[str]:
        """The names directly in a folder, sorted; none where there is no such folder."""
        try:
            with os.scandir(folder) as entries:
                return sorted(entry.name for entry in entries if entry.name[0] != "." and entry.is_file())
        except FileNotFoundError:
            return []
        except OSError as error:
            raise atomic.disk_error(error, folder, "read") from error

    def near(self, folder: Path) -> list[str]:
        """The names directly in a folder that are known of without asking anybody."""
        return self.names(folder)

    def under(self, folder: Path) -> list[str]:
        """Everything below a folder, by its path from there."""
        with atomic.disk_errors(folder, "read"):
            found = [path for path in atomic.files_under(folder) if path.name[0] != "."]
        return [path.relative_to(folder).as_posix() for path in found]

    def folders(self, folder: Path) -> list[str]:
        """The folders directly in a folder, sorted."""
        try:
            with os.scandir(folder) as entries:
                return sorted(entry.name for entry in entries if entry.is_dir())
        except FileNotFoundError:
            return []
        except OSError as error:
            raise atomic.disk_error(error, folder, "read") from error

    def put(self, path: Path, data: bytes) -> None:
        """Put bytes under a path, in one step, in place of what is there."""
        atomic.write_bytes(path, data)

    def replacing(self, path: Path) -> AbstractContextManager[Path]:
        """A file to write, whose bytes are put under the path when the block ends well."""
        return atomic.replacing(path)

    def change(self, path: Path, make: Callable[[bytes | None], bytes]) -> None:
        """Put what `make` makes of the bytes under a path (None: there are none), which nobody changes in between.

        Here its caller holds the lock. Elsewhere `make` may be called again, where somebody was faster.
        """
        try:
            before = atomic.read_bytes(path)
        except FileNotFoundError:
            before = None
        atomic.write_bytes(path, make(before))

    def drop(self, path: Path) -> None:
        """Delete what is under a path, if anything is."""
        with atomic.disk_errors(path, "deleted"):
            path.unlink(missing_ok=True)

    def clear(self, folder: Path) -> None:
        """Delete everything below a folder."""
        atomic.remove_tree(folder)

    def left_over(self, home: Path, keep: str, replaced: Sequence[str]) -> list[str]:
        """The folders in a run's home that nobody needs: all but the one to keep, as here its writer holds the lock."""
        return [name for name in self.folders(home) if name != keep]

    def all_there(self, paths: Sequence[Path]) -> bool:
        """Whether nobody deleted one of these; asked before their merged rows take their place."""
        return True

    def set_aside(self, path: Path, reason: object) -> None:
        """Take something damaged out of the way."""
        atomic.set_aside(path, reason)

    def again(self, path: Path) -> bool:
        """Forget a damaged copy; whether it can be had anew."""
        return False

    def sizes(self, folder: Path) -> Iterator[int]:
        """The bytes of every file below a folder; stale temporary files are removed and not counted."""
        for path in atomic.files_under(folder):
            try:
                if atomic.is_stale(path):
                    path.unlink(missing_ok=True)
                    yield 0
                else:
                    yield path.stat().st_size
            except OSError:  # deleted since it was listed
                yield 0
