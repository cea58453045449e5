"""Who is here: the desks whose pages asked for something lately. Work of those who are gone yields, or is stopped."""

import threading
import time
from collections.abc import Callable, Collection
from typing import Final

_MOST: Final = 10_000  # desks remembered; the ones not seen for longest are forgotten


class Attendance:
    """When each desk was last seen, since the process began. Thread-safe.

    A page that follows work asks for it every second or two, so that a desk is seen as long as one of its pages is
    open. A desk that was never seen is away; a program ("") never is.
    """

    def __init__(self, seconds: float = 0.0, ends: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        """After `seconds` unseen a desk is away (0: nobody ever is); `ends`: then its work is stopped."""
        self.seconds = seconds
        self.ends = ends
        self._clock = clock
        self._seen: dict[str, float] = {}  # the one seen longest ago first
        self._lock = threading.Lock()

    def seen(self, desk: str) -> None:
        """A desk is here now."""
        with self._lock:
            self._seen.pop(desk, None)
            self._seen[desk] = self._clock()
            while len(self._seen) > _MOST:
                del self._seen[next(iter(self._seen))]

    def away(self, desks: Collection[str]) -> bool:
        """Whether all of them are."""
        if not self.seconds:
            return False
        limit = self._clock() - self.seconds
        with self._lock:
            return all(desk and self._seen.get(desk, limit) <= limit for desk in desks)

    @property
    def sentence(self) -> str:
        """Why work of one who is away was stopped."""
        return (
            f"No page of those who asked was open for {self.seconds / 60:g} minutes, so this work was stopped; resume "
            "it to go on from what is stored."
        )
