"""How far a piece of work is, how long it will take, and whether it should stop."""

import statistics
import threading
import time
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from typing import Final

from goldenlayers_core.errors import Cancelled

_WINDOW = 20  # intervals that count
_SHORTEST = 0.1  # seconds; shorter intervals say more about the clock than about the work
_PATIENCE = 40  # an interval also lasts at least this part of the time so far, so that the window spans half of it
_TRUST = 4.0  # paces are cut to within this factor of their median


class Pace:
    """Seconds per unit of work, from the recent past. Not thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._start = self._mark = clock()
        self._mark_done = self._done = self._total = 0.0
        self._first: float | None = None  # pace of the first step, until there are intervals
        self._seen = False
        self._paces: deque[float] = deque(maxlen=_WINDOW)  # seconds per unit
        self._lengths: deque[float] = deque(maxlen=_WINDOW)  # seconds

    def add(self, done: float, total: float) -> None:
        """`done` of `total` units are finished now. Fewer than before means that a new phase began."""
        now = self._clock()
        seconds, units = now - self._mark, done - self._mark_done
        if done < self._done:
            self._paces.clear()
            self._lengths.clear()
            self._first, self._mark, self._mark_done = None, now, done
        elif not self._seen:
            # the first step may be a jump over what is stored: it counts only until something better is known
            if units > 0 and seconds >= 1.0:
                self._first = seconds / units
            self._mark, self._mark_done = now, done
        elif units > 0 and seconds >= max(_SHORTEST, (now - self._start) / _PATIENCE):
            self._paces.append(seconds / units)
            self._lengths.append(seconds)
            self._mark, self._mark_done = now, done
        self._seen, self._done, self._total = True, done, total

    def seconds_left(self) -> float | None:
        """None until it can be known. The mean of the recent paces, each cut to within a factor 4 of their median."""
        remaining = self._total - self._mark_done
        if self._seen and self._done >= self._total > 0:
            return 0.0
        if self._total <= 0 or (not self._paces and self._first is None):
            return None
        pace, usual = self._first or 0.0, self._first or 0.0
        if self._paces:
            middle = statistics.median(self._paces)
            pace = statistics.fmean(min(max(p, middle / _TRUST), middle * _TRUST) for p in self._paces)
            usual = statistics.median(self._lengths)
        since = self._clock() - self._mark  # counts down between updates, but not through a stall
        return max(pace * remaining - min(since, usual), 0.0)


class Progress:
    """Given to long work, which calls `update` or `check` at least every two seconds; `Progress()` reports to nobody.

    `report(done, total, note)` is called at every update; `cancelled()` is asked whether the work should stop; and
    `give_way()` may take its time.
    """

    def __init__(
        self,
        report: Callable[[int, int, str], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
        give_way: Callable[[], None] | None = None,
    ) -> None:
        self._report = report
        self._cancelled = cancelled
        self._give_way = give_way
        self._pace = Pace()
        self._last = (0, 0)  # done, total
        self._lock = threading.Lock()

    def update(self, done: float, total: int, note: str = "") -> None:
        """`done` of `total` units are finished; `note` says what is going on. Raises Cancelled.

        Part of a unit moves the time left; whole units are reported.
        """
        done, total = float(done), int(total)  # also from numpy
        with self._lock:
            self._pace.add(done, total)
            self._last = (int(done + 1e-6), total)
        if self._report is not None:
            self._report(int(done + 1e-6), total, note)
        self.check()

    def waits(self, note: str) -> None:
        """Nothing is finished since; `note` says what is waited for. Raises Cancelled."""
        if self._report is not None:
            self._report(*self._last, note)
        self.check()

    def check(self) -> None:
        """Raises Cancelled when somebody asked for it; lets others go first where they do."""
        if self._give_way is not None:
            self._give_way()
        if self._cancelled is not None and self._cancelled():
            raise Cancelled("The work was cancelled; what was finished is kept in the store.")

    def part(self, start: int, size: int, total: int) -> "Progress":
        """For a piece of this work that counts by itself: its whole is `size` of our `total` units, from `start` on."""

        def report(done: int, whole: int, note: str) -> None:
            self.update(start + (size * min(done, whole) // whole if whole > 0 else 0), total, note)

        return Progress(report, self._cancelled)

    def noting(self, words: str) -> "Progress":
        """The same progress, whose every note says `words`, too."""

        def report(done: int, total: int, note: str) -> None:
            self.update(done, total, f"{note} ({words})" if note else words)

        return Progress(report, self._cancelled, self._give_way)

    def seconds_left(self) -> float | None:
        """None until it can be known."""
        with self._lock:
            return self._pace.seconds_left()


# Whose progress what a thread does is part of, for what waits deep below it
FOLLOWED: Final[ContextVar[Progress | None]] = ContextVar("followed", default=None)


def tell(note: str) -> None:
    """Say what is waited for, to whoever follows this thread's work. Raises Cancelled."""
    if (followed := FOLLOWED.get()) is not None:
        followed.waits(note)
