"""What is on its way to a shared location: `outbox/<name>/<time>-<process>-<version it replaces>`, one file each.

Everything is written here first, so that nothing is lost when the location does not answer or the process is killed.
A process sends its own; those of processes that are gone are taken over by whoever comes next.
"""

import os
import threading
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from goldenlayers_core.errors import StoreError
from goldenlayers_core.runtime import atomic
from goldenlayers_core.runtime.locks import Lock, is_held, try_lock


@dataclass(frozen=True, slots=True)
class Letter:
    """Bytes to send under a name."""

    name: str
    path: Path
    version: int  # the one it replaces; 0: none, or it has no versions

    @property
    def sender(self) -> str:
        """The process that wrote it."""
        return self.path.name.split("-")[1]


class Outbox:
    """The folder of what is to be sent. Thread-safe. Raises StoreError where the disk refuses."""

    def __init__(self, folder: Path, locks: Path) -> None:
        self.folder = folder
        self._locks = locks
        self._lock = threading.Lock()
        self._me = uuid.uuid4().hex
        self._alive: Lock | None = None
        self._busy: set[Path] = set()  # being sent by a thread of ours

    def put(self, name: str, data: bytes, version: int) -> Letter:
        """Keep bytes until they are sent; nobody else sends them before `let_go`."""
        letter = self.reserve(name, version)
        try:
            atomic.write_bytes(letter.path, data)
        except BaseException:
            self.let_go(letter)
            raise
        return letter

    def reserve(self, name: str, version: int) -> Letter:
        """The same for bytes that the caller writes there."""
        with self._lock:
            if self._alive is None:
                self._alive = try_lock(self._locks / f"{self._me}.lock")
            path = self.folder / name / f"{time.time_ns():020d}-{self._me}-{version}"
            self._busy.add(path)
        return Letter(name, path, version)

    def let_go(self, letter: Letter) -> None:
        """It was sent, or could not be: the next who looks may try."""
        with self._lock:
            self._busy.discard(letter.path)

    def drop_older(self, letter: Letter) -> None:
        """Send nothing of what waited under its name before it."""
        for path in letter.path.parent.glob("*-*-*"):
            if path.name < letter.path.name:
                path.unlink(missing_ok=True)

    def newest(self, name: str) -> Path | None:
        """The bytes that wait under a name, if any do."""
        try:
            names = [n for n in os.listdir(self.folder / name) if n[0] != "."]
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise atomic.disk_error(error, self.folder / name, "read") from error
        files = [path for n in names if (path := self.folder / name / n).is_file()]
        return max(files, default=None)

    def names(self, prefix: str) -> set[str]:
        """Names below a prefix under which bytes wait."""
        return {letter.name for letter in self._letters(prefix)}

    def take(self) -> list[Letter]:
        """What nobody is sending, the oldest first, results before what points at them; they are the caller's."""
        letters = [letter for letter in self._letters("") if self._is_free(letter)]
        letters.sort(key=lambda one: (one.name.startswith(("manifests/", "desks/")), one.path.name))
        with self._lock:
            free = [letter for letter in letters if letter.path not in self._busy]
            self._busy |= {letter.path for letter in free}
        return free

    def sizes(self) -> list[int]:
        """The bytes of each letter that waits."""
        found = []
        for letter in self._letters(""):
            with suppress(FileNotFoundError):  # sent since it was listed
                found.append(letter.path.stat().st_size)
        return found

    def remove(self, prefix: str) -> None:
        """Send nothing of what waits below a prefix."""
        for letter in self._letters(prefix):
            letter.path.unlink(missing_ok=True)

    def tidy(self) -> None:
        """Remove folders left empty, and the locks of processes that are gone."""
        for top, _, _ in os.walk(self.folder, topdown=False):
            try:
                os.rmdir(top)
            except OSError:  # something waits there
                continue
        for path in self._locks.glob("*.lock"):
            if not is_held(path):
                path.unlink(missing_ok=True)

    def _is_free(self, letter: Letter) -> bool:
        try:
            return letter.sender == self._me or not is_held(self._locks / f"{letter.sender}.lock")
        except StoreError:  # a disk without locks: then nobody else is here
            return True

    def _letters(self, prefix: str) -> list[Letter]:
        found = []
        for path in atomic.files_under(self.folder / prefix):
            parts = path.name.split("-")
            if len(parts) == 3 and path.name[0] != ".":
                found.append(Letter(path.parent.relative_to(self.folder).as_posix(), path, int(parts[2])))
        return found
