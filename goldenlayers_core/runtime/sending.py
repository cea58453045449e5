"""The store on this disk, sent to a location that others reach: once, and again only what is new."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from goldenlayers_core.runtime.direct import Direct
from goldenlayers_core.runtime.locations import Location
from goldenlayers_core.runtime.opened import shared_home
from goldenlayers_core.runtime.parcels import Comparison, Parcel, Passed
from goldenlayers_core.runtime.progress import Progress
from goldenlayers_core.runtime.reaching import PATIENCE, Patience
from goldenlayers_core.runtime.store import Store

_KIB = 1024


@dataclass(frozen=True)
class Listing:
    """What a location lacks of the store here, and what is not sent."""

    location: str
    parcels: tuple[Parcel, ...]
    passed: tuple[Passed, ...]


class Sender:
    """The store in a folder beside the one at a location; `look_only`: nothing is written there."""

    def __init__(
        self,
        root: Path,
        url: str,
        location: Location,
        *,
        look_only: bool = False,
        deleted_too: bool = False,
        patience: Patience = PATIENCE,
    ) -> None:
        home = shared_home(root, url)
        self.place = Direct(home, location, patience, look_only)
        self._comparison = Comparison(Store(root), Store(home, self.place), self.place, deleted_too)

    def listed(self, progress: Progress) -> Listing:
        """Compare everything here with what is there. Raises AwayError and Cancelled."""
        things, parcels, passed = self._comparison.things(), list[Parcel](), list[Passed]()
        for n, thing in enumerate(things):
            progress.update(n, len(things), f"Comparing with {self.place.words}")
            found = thing()
            if isinstance(found, Parcel):
                parcels.append(found)
            else:
                passed.append(found)
        progress.update(len(things), len(things), f"Compared with {self.place.words}")
        return Listing(self.place.words, tuple(parcels), tuple(passed))

    def send(self, parcels: Sequence[Parcel], progress: Progress) -> int:
        """Send them, counted in KiB; the objects that were created there. Raises AwayError and Cancelled."""
        sizes = [-(-parcel.n_bytes // _KIB) for parcel in parcels]
        done, total = 0, sum(sizes)
        for n, (parcel, size) in enumerate(zip(parcels, sizes, strict=True)):
            progress.update(done, total, f"Sending {n + 1} of {len(parcels)} to {self.place.words}, KiB")
            parcel.send()
            done += size
        progress.update(done, total, f"Sent to {self.place.words}, KiB")
        return self.place.sent
