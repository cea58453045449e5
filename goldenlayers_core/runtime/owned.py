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
from goldenlayers_core.runtime.here import Here
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

    def __init__(self, folder: Path, place: Here) -> None:
        self._folder = folder
        self._place = place

    def names(self, desk: str) -> frozenset[str]:
        """Everything that is a desk's."""
        names = self._place.names(self._folder / checked_name(desk, "desk"))
        return frozenset(name.removesuffix(".json") for name in names if name.endswith(".json"))

    def every(self) -> frozenset[str]:
        """Everything that is any desk's."""
        return frozenset(path.stem for path in self._files())

    def owners(self, name: str) -> frozenset[str]:
        """Every desk whose a thing is."""
        wanted = f"{checked_name(name, 'name')}.json"
        return frozenset(path.parent.name for path in self._files() if path.name == wanted)

    def mark(self, desk: str, name: str) -> None:
        """A thing is a desk's, too."""
        if desk:
            self._place.change(self._file(desk, name), lambda before: before or _bytes(Own()))

    def said(self, desk: str, name: str) -> Own:
        """What a desk says of a thing."""
        path = self._file(desk, name)
        try:
            return Own(**digests.opened(json.loads(atomic.read_bytes(self._place.found(path)))))
        except FileNotFoundError:
            return Own()
        except (TypeError, ValueError, RecursionError, DamagedError) as reason:
            self._place.set_aside(path, reason)
            return Own()

    def say(self, desk: str, name: str, **fields: Any) -> None:
        """Change what a desk says of a thing."""
        before = self.said(desk, name)
        self._place.put(self._file(desk, name), _bytes(dataclasses.replace(before, **fields)))

    def drop(self, desk: str, name: str) -> None:
        """A thing is a desk's no longer."""
        self._place.drop(self._file(desk, name))

    def _files(self) -> list[Path]:
        found = (Path(name) for name in self._place.under(self._folder))
        return [path for path in found if path.suffix == ".json" and len(path.parts) == 2]

    def _file(self, desk: str, name: str) -> Path:
        return self._folder / checked_name(desk, "desk") / f"{checked_name(name, 'name')}.json"


def _bytes(said: Own) -> bytes:
    return json.dumps(digests.sealed(dataclasses.asdict(said))).encode("utf-8", "surrogatepass")
