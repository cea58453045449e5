"""A time budget: how much of it is left, and work that ends with it."""

import time
from typing import Final

from goldenlayers_core.errors import Cancelled
from goldenlayers_core.runtime import Progress

GRACE: Final = 0.1  # share of a budget by which work under way may outlast it


class TimeUp(Cancelled):
    """A budget's time was up; what was finished is kept in the store."""


class Clock:
    """A budget of seconds that runs from now on."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.start = seconds, time.monotonic()

    @property
    def spent(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self.start

    @property
    def left(self) -> float:
        """Seconds of the budget that are left; negative when it was outlasted."""
        return self.seconds - self.spent


class Within(Progress):
    """Progress of a piece of work that must end within so many seconds from now: then it raises TimeUp."""

    def __init__(self, whole: Progress, seconds: float, words: str) -> None:
        super().__init__()
        self.whole, self.clock, self.words = whole, Clock(seconds), words

    def update(self, done: float, total: int, note: str = "") -> None:
        """Report to the whole. Raises Cancelled, and TimeUp."""
        self.whole.update(done, total, f"{self.words}: {note}" if note else self.words)
        self.check()

    def check(self) -> None:
        """Raises Cancelled when the whole was cancelled, TimeUp when the time is up."""
        self.whole.check()
        if self.clock.left < 0:
            raise TimeUp(f"{self.words} did not end within {self.clock.seconds:.0f} s; give it more time.")
