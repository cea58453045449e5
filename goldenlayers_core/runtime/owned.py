"""Whose stored things are: `desks/<desk>/<name>.json` for every desk that made one or asked for it, with its own words.

Desks are told apart by public names (see tasks.seat); a thing several asked for is each one's.
"""

import dataclasses
import json
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from goldenlayers_core.runtime import atomic, digests
from goldenlayers_core.runtime.frames import DamagedError
from goldenlayers_core.runtime.names import checked_name

# For whom the job of this thread works, asked anew each time: somebody may join it
WORKING_FOR: Final[ContextVar[Callable[[], frozenset[str]]]] = ContextVar("working_for", default=frozenset)


@dataclass(frozen=True)
class Own:
    """What a desk says of a thing; None and "" where it says nothing."""

    title: str | None = None
    note: str = ""
    starred: bool = False


class Owned:
    """The marks below a folder. All raise StoreError where the disk refuses."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def names(self, desk: str) -> frozenset[str]:
        """Everything that is a desk's."""
        folder = self._folder / checked_name(desk, "desk")
        if not folder.is_dir():
            return frozenset()
        with atomic.disk_errors(folder, "read"):
            return frozenset(p.stem for p in folder.iterdir() if p.suffix == ".json" and p.name[0] != ".")

    def every(self) -> frozenset[str]:
        """Everything that is any desk's."""
        with atomic.disk_errors(self._folder, "read"):
            return frozenset(p.stem for p in self._folder.glob("*/*.json") if p.name[0] != ".")

    def owners(self, name: str) -> frozenset[str]:
        """Every desk whose a thing is."""
        with atomic.disk_errors(self._folder, "read"):
            return frozenset(p.parent.name for p in self._folder.glob(f"*/{checked_name(name, 'name')}.json"))

    def mark(self, desk: str, name: str) -> None:
        """A thing is a desk's, too."""
        if desk and not self._file(desk, name).exists():
            self._write(desk, name, Own())

    def said(self, desk: str, name: str) -> Own:
        """What a desk says of a thing."""
        path = self._file(desk, name)
        try:
            return Own(**digests.opened(json.loads(atomic.read_bytes(path))))
        except FileNotFoundError:
            return Own()
        except (TypeError, ValueError, RecursionError, DamagedError) as reason:
            atomic.set_aside(path, reason)
            return Own()

    def say(self, desk: str, name: str, **fields: Any) -> None:
        """Change what a desk says of a thing."""
        self._write(desk, name, dataclasses.replace(self.said(desk, name), **fields))

    def drop(self, desk: str, name: str) -> None:
        """A thing is a desk's no longer."""
        with atomic.disk_errors(self._file(desk, name), "deleted"):
            self._file(desk, name).unlink(missing_ok=True)

    def _write(self, desk: str, name: str, said: Own) -> None:
        data = json.dumps(digests.sealed(dataclasses.asdict(said))).encode("utf-8", "surrogatepass")
        atomic.write_bytes(self._file(desk, name), data)

    def _file(self, desk: str, name: str) -> Path:
        return self._folder / checked_name(desk, "desk") / f"{checked_name(name, 'name')}.json"
