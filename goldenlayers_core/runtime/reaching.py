"""A location asked again where it did not answer, with a limit; whoever waits is told, and may stop."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from goldenlayers_core.errors import StoreError
from goldenlayers_core.runtime.locations import Item, Location, RefusedError, UnreachedError
from goldenlayers_core.runtime.progress import tell

T = TypeVar("T")


class AwayError(StoreError):
    """A location does not answer, or refuses."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How often, and how long."""

    tries: int = 6
    first: float = 0.25  # seconds before the second try; twice as long before each further one
    rest: float = 15.0  # seconds in which a location that stayed away is not asked again


PATIENCE: Final = Patience()


class Reached:
    """A location that is asked with patience. Thread-safe. Everything raises AwayError."""

    def __init__(self, location: Location, kept: str, patience: Patience = PATIENCE) -> None:
        """`kept`: what becomes of what could not be sent, the end of a sentence."""
        self.name = location.name
        self._location = location
        self._kept = kept
        self._patience = patience
        self._lock = threading.Lock()
        self._away: tuple[float, str] = (0.0, "")  # until when (time.monotonic) it is not asked, and why
        self.requests = 0  # sent so far, tries included

    @property
    def is_away(self) -> bool:
        """Whether it was away a moment ago."""
        return time.monotonic() < self._away[0]

    def create(self, key: str, data: bytes) -> bool:
        """Write a new object; False where there is one of that key with other bytes."""
        if self._ask("written", self._location.create, key, data):
            return True
        try:  # a try whose answer was lost, or another's equal result
            return self.read(key) == data
        except FileNotFoundError:
            return False

    def read(self, key: str) -> bytes:
        """Raises FileNotFoundError where there is none."""
        return self._ask("read", self._location.read, key)

    def listed(self, prefix: str) -> dict[str, Item]:
        """Every object whose key begins with the prefix and "/"."""
        return self._ask("read", self._location.listed, prefix)

    def delete(self, key: str) -> None:
        """Delete an object, if there is one."""
        self._ask("changed", self._location.delete, key)

    def _ask(self, verb: str, call: Callable[..., T], *given: object) -> T:
        until, sentence = self._away
        if time.monotonic() < until:
            raise AwayError(sentence)
        began = time.monotonic()
        for n in range(1, self._patience.tries + 1):
            with self._lock:
                self.requests += 1
            try:
                found = call(*given)
            except RefusedError as error:
                words = f"{self.name} may not be {verb} ({error}); check the keys and the name"
                raise self._stays_away(words) from error
            except UnreachedError as error:
                if n == self._patience.tries:
                    spent = f"{n} tries in {time.monotonic() - began:.0f} s"
                    words = f"{self.name} could not be {verb} ({spent}: {error}); check the network and the address"
                    raise self._stays_away(words) from error
                tell(f"{self.name} does not answer; try {n + 1} of {self._patience.tries}")
                time.sleep(self._patience.first * 2 ** (n - 1))
            else:
                self._away = (0.0, "")
                return found
        raise AssertionError("no try at all")

    def _stays_away(self, words: str) -> AwayError:
        sentence = f"{words}, then try again: {self._kept}."
        self._away = (time.monotonic() + self._patience.rest, sentence)
        return AwayError(sentence)
