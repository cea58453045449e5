"""Whose turn it is: the next job is one of the desk that was served longest ago, and of one desk the oldest. Those
whose desks are all away come after all others.

So twenty short jobs of one desk keep another waiting for one of them, not for all. And long work gives way to short
work of another queue between two of its steps.
"""

import dataclasses
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final

from goldenlayers_core.errors import ConfigError, StoreError
from goldenlayers_core.runtime.claims import Claim, Claims
from goldenlayers_core.runtime.job_records import JobView, OwnJob

MOST_WAITING: Final = 20  # jobs of one desk in one queue
Others = Callable[[], bool]  # whether others are at work now
LONGEST: Final = 30.0  # seconds that a job gives way in a row, and goes on after that
_LOOK: Final = 0.02  # seconds


class Turns:
    """The jobs of a queue that wait. Guarded by the queue's condition."""

    def __init__(self, claims: Claims, away: Callable[[Collection[str]], bool] = lambda _desks: False) -> None:
        """`away`: whether nobody of some desks is here."""
        self._claims = claims
        self._away = away
        self._jobs: list[OwnJob] = []  # the oldest first
        self._served: dict[str, int] = {}  # when each desk had its last turn, as a rising number

    def __contains__(self, job: OwnJob) -> bool:
        return job in self._jobs

    def __len__(self) -> int:
        return len(self._jobs)

    def check_room(self, desk: str) -> None:
        """Raises ConfigError where a desk has enough work waiting. A program's is not counted."""
        if desk and sum(desk in self._desks(job) for job in self._jobs) >= MOST_WAITING:
            raise ConfigError(
                f"{MOST_WAITING} pieces of your work wait already; start this when one of them is done, or cancel one "
                "on the page Runs."
            )

    def add(self, job: OwnJob) -> None:
        """Let a job wait."""
        self._jobs.append(job)

    def remove(self, job: OwnJob) -> None:
        """A job waits no more."""
        self._jobs.remove(job)

    def order(self) -> list[OwnJob]:
        """The jobs in the order of their turns, as it is now."""
        waiting, served = [(job, self._desks(job)) for job in self._jobs], dict(self._served)
        ordered: list[OwnJob] = []
        while waiting:
            chosen = min(waiting, key=lambda entry: self._turn(entry[1], served))  # the first of equals: the oldest
            waiting.remove(chosen)
            ordered.append(chosen[0])
            served |= _now(chosen[1], served)
        return ordered

    def placed(self, jobs: list[OwnJob], running: int) -> list[JobView]:
        """Jobs as of now, those that wait with how many come before them; `running` is how many run."""
        if not any(job in self._jobs for job in jobs):
            return [job.now() for job in jobs]
        places = {job.view.job_id: running + place for place, job in enumerate(self.order())}
        return [dataclasses.replace(job.now(), before=places.get(job.view.job_id, 0)) for job in jobs]

    def take(self) -> OwnJob:
        """The job whose turn it is."""
        jobs = ((job, self._desks(job)) for job in self._jobs)
        job, desks = min(jobs, key=lambda entry: self._turn(entry[1], self._served))
        self._served |= _now(desks, self._served)
        self._jobs.remove(job)
        return job

    def is_left(self, job: OwnJob) -> bool:
        """Whether nobody who asked for a job is here."""
        return self._away(self._desks(job))

    def left(self) -> list[OwnJob]:
        """The jobs that wait for nobody who is here."""
        return [job for job in self._jobs if self.is_left(job)]

    def _turn(self, desks: frozenset[str], served: Mapping[str, int]) -> tuple[bool, int]:
        """What the next turn is chosen by: the smallest."""
        return self._away(desks), _last(desks, served)

    def _desks(self, job: OwnJob) -> frozenset[str]:
        """Who waits for a job. Where a disk does not tell, it is a program's: the thread that asks must go on."""
        try:
            return desks_of(self._claims.of(job.view.job_id))
        except StoreError:
            return frozenset({""})


class GivingWay:
    """Called between two steps of a job: waits while `others` are at work, until the job is `stopped`."""

    def __init__(self, others: Others, stopped: Callable[[], bool]) -> None:
        self._others = others
        self._stopped = stopped
        self._goes_on = 0.0  # until then (time.monotonic) it gives way to nobody: others may never end

    def __call__(self) -> None:
        began = time.monotonic()
        while time.monotonic() >= self._goes_on and self._others() and not self._stopped():
            if time.monotonic() - began >= LONGEST:
                self._goes_on = time.monotonic() + LONGEST
            time.sleep(_LOOK)


def nobody() -> bool:
    """There are no others."""
    return False


def desks_of(claims: Iterable[Claim]) -> frozenset[str]:
    """Who waits for a job; a job that nobody waits for is a program's."""
    return frozenset(claim.desk for claim in claims if claim.state == "open") or frozenset({""})


def _last(desks: frozenset[str], served: Mapping[str, int]) -> int:
    """When a job's desk was served; of several the one that waits longest."""
    return min(served.get(desk, 0) for desk in desks)


def _now(desks: frozenset[str], served: Mapping[str, int]) -> dict[str, int]:
    return dict.fromkeys(desks, max(served.values(), default=0) + 1)
