"""Which version of a changing thing is the newest at a shared location.

A thing of a name is one object per change, `<name>/0000000001` and so on, written once each; the highest number counts,
and an empty one says that the thing is deleted. So two who change it at once cannot both create the next number: the
second looks again. That is a compare-and-swap that needs no lock and no other condition than "not if it exists".
"""

import itertools
import math
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from goldenlayers_core.runtime.locations import Item
from goldenlayers_core.runtime.reaching import AwayError, Reached

_LASTS: Final = 2.0  # seconds that a listing is believed, for looking; who changes a thing looks anew
_MOST: Final = 500  # listings
_PAGE: Final = 500  # names that a bucket lists in one answer, or two
_OLD: Final = 3600.0  # seconds: nobody is still about to write the number after one that was replaced so long ago


@dataclass(frozen=True, slots=True)
class Version:
    """The newest of a name."""

    number: int
    n_bytes: int  # 0: it is deleted
    spent: tuple[int, ...] = ()  # older numbers that nobody needs any more


class Versions:
    """What listings told. Thread-safe. Raises AwayError where the location stays away and never told, or is to be asked
    anew."""

    def __init__(self, far: Reached) -> None:
        self._far = far
        self._lock = threading.Lock()
        self._listings: dict[str, tuple[float, dict[str, Version]]] = {}

    def of(self, name: str, fresh: bool = False) -> Version | None:
        """The newest version; None where there never was one."""
        if fresh:
            return self.below(name, fresh=True).get(name)
        parts = name.split("/")
        covering = ["/".join(parts[:n]) for n in range(len(parts), 0, -1)]
        for prefix in covering:
            if (known := self._believed(prefix)) is not None:
                return known.get(name)
        told = [(prefix, known) for prefix in covering if (known := self._believed(prefix, math.inf)) is not None]
        listed = next((prefix for prefix, known in reversed(told) if len(known) <= _PAGE), name)
        try:  # what was listed a while ago is listed again: others of it are read next
            return self.below(listed, fresh=True).get(name)
        except AwayError:
            if not told:
                raise
            return told[0][1].get(name)

    def below(self, prefix: str, fresh: bool = False) -> Mapping[str, Version]:
        """The newest version of every name that is the prefix or begins with it and "/"."""
        if not fresh and (known := self._believed(prefix)) is not None:
            return dict(known)
        began = time.monotonic()
        try:
            found = newest(self._far.listed(prefix))
        except AwayError:
            if fresh or (known := self._believed(prefix, math.inf)) is None:
                raise
            return dict(known)
        with self._lock:
            if len(self._listings) >= _MOST:
                self._listings.clear()
            self._listings[prefix] = (began, found)
        return dict(found)

    def note(self, name: str, version: Version) -> None:
        """We have just written this one."""
        with self._lock:
            for prefix, (_, known) in self._listings.items():
                if name == prefix or name.startswith(f"{prefix}/"):
                    known[name] = version

    def _believed(self, prefix: str, lasts: float = _LASTS) -> dict[str, Version] | None:
        with self._lock:
            at, known = self._listings.get(prefix, (0.0, {}))
            return known if at and time.monotonic() - at < lasts else None


def key_of(name: str, number: int) -> str:
    """The object of a version."""
    return f"{name}/{number:010d}"


def newest(listing: Mapping[str, Item]) -> dict[str, Version]:
    """The newest version of every name in a listing."""
    numbers: dict[str, dict[int, Item]] = {}
    for key, item in listing.items():
        name, _, number = key.rpartition("/")
        if number.isdigit():
            numbers.setdefault(name, {})[int(number)] = item
    times = [item.modified for item in listing.values() if item.modified is not None]
    now = max(times, default=0.0)  # the location's clock was there at least
    return {name: _newest(items, max(now, time.time())) for name, items in numbers.items()}


def _newest(items: Mapping[int, Item], now: float) -> Version:
    order = sorted(items)
    spent = [
        n for n, after in itertools.pairwise(order) if (when := items[after].modified) is not None and now - when > _OLD
    ]
    return Version(order[-1], items[order[-1]].n_bytes, tuple(spent[:-1]))  # one before stays, for who has just looked
