"""A shared location to which bytes are sent at once, or not at all: nothing of it waits in the outbox."""

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

from goldenlayers_core.errors import StoreError
from goldenlayers_core.runtime.layout import is_once, is_there, settle, whose
from goldenlayers_core.runtime.locations import Location
from goldenlayers_core.runtime.reaching import PATIENCE, Patience
from goldenlayers_core.runtime.shared import Shared
from goldenlayers_core.runtime.versions import Version, key_of

_ATTEMPTS: Final = 50


class Direct(Shared):
    """What cannot be written there raises AwayError. With `look_only` nothing is written there, by anything."""

    kept = "what was not sent is still here, and the same command goes on with it"

    def __init__(self, root: Path, location: Location, patience: Patience = PATIENCE, look_only: bool = False) -> None:
        super().__init__(root, location, patience)
        self._look_only = look_only
        self._settling = threading.Lock()
        self.sent = 0  # objects created

    def state(self, path: Path) -> Literal["absent", "there", "deleted"]:
        """What became of a thing that changes."""
        self._contact()
        version = self._known.of(self._name(path))
        return "absent" if version is None else "there" if is_there(version) else "deleted"

    def lying(self, folder: Path) -> set[str]:
        """The names below a folder of what is written once, by their path from there."""
        self._contact()
        top = self._name(folder)
        return {key.removeprefix(f"{top}/") for key in self.far.listed(top)}

    def put(self, path: Path, data: bytes) -> None:
        """Put bytes under a path."""
        if not is_once(self._name(path)):
            self.change(path, lambda _before: data)
            return
        self._contact()
        self.sent += self.far.create(self._name(path), data)

    def change(self, path: Path, make: Callable[[bytes | None], bytes]) -> None:
        """Put what `make` makes of what is newest; nothing where it makes the same."""
        name = self._name(path)
        self._contact()
        for _ in range(_ATTEMPTS):
            version = self._known.of(name, fresh=True)
            number = version.number if version else 0
            with suppress(FileNotFoundError):  # replaced since it was listed
                before = self._bytes(name, version)
                if (data := make(before)) == (before or b""):
                    return
                if self.far.create(key_of(name, number + 1), data):
                    self._known.note(name, Version(number + 1, len(data)))
                    self.sent += 1
                    return
        raise StoreError(f"{name} in {self.words} is being changed all the time by others; try again later.")

    def _contact(self) -> None:
        if not self._look_only:
            super()._contact()
            return
        with self._settling, suppress(FileNotFoundError):  # nobody has written there yet
            self._checked = self._checked or settle(whose(self.far), self.root)
