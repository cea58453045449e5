"""What the jobs of a queue came to since the process began: how many, how long they waited and worked."""

import statistics
import threading
from collections import Counter, defaultdict, deque
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from goldenlayers_core.runtime.job_records import JobState, OwnJob

KEPT: Final = 200  # times of each kind: the latest


@dataclass(frozen=True, slots=True)
class KindCount:
    """The ended jobs of one kind. Seconds are of the latest 200 that were begun; None where none was."""

    kind: str
    done: int
    failed: int
    cancelled: int
    interrupted: int
    waited_median: float | None  # seconds from submission to the first step
    worked_median: float | None  # seconds from the first step to the end
    worked_longest: float | None


class Counters:
    """Thread-safe; lost with the process, as counters of a server are."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ended: defaultdict[str, Counter[JobState]] = defaultdict(Counter)
        self._times: defaultdict[str, deque[tuple[float, float]]] = defaultdict(lambda: deque(maxlen=KEPT))

    def count(self, job: OwnJob) -> None:
        """A job ended: its view says how, and how many seconds it worked."""
        view = job.view
        with self._lock:
            self._ended[view.kind][view.state] += 1
            if job.began:
                waited = job.started - datetime.fromisoformat(view.created).timestamp()
                self._times[view.kind].append((max(waited, 0.0), view.seconds))

    def rows(self) -> tuple[KindCount, ...]:
        """One row per kind that had a job, by name."""
        with self._lock:
            return tuple(self._row(kind) for kind in sorted(self._ended))

    def _row(self, kind: str) -> KindCount:
        ended, times = self._ended[kind], self._times[kind]
        waited, worked = [t[0] for t in times], [t[1] for t in times]
        return KindCount(
            kind,
            ended["done"],
            ended["failed"],
            ended["cancelled"],
            ended["interrupted"],
            statistics.median(waited) if times else None,
            statistics.median(worked) if times else None,
            max(worked, default=None),
        )
