"""A seat at the workbench: one tab of one desk (one browser), whose the work is that it asks for.

The rule, as SECURITY.md tells it:
- A job is its seat's from the moment it is asked for, and is followed, told and laid on a stack there and nowhere else.
- Who asks for the same as another has a share in the one job: each is told of its end, and a cancel is one's own.
- Where desks are together (a person's own machine) every seat sees all jobs, and may cancel, resume and remove those of
  others too; where they are apart, only its desk's.
"""

import dataclasses
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from goldenlayers_core.errors import ConfigError, StoreError
from goldenlayers_core.runtime import Claim, JobView
from goldenlayers_core.tasks.visitors import check_jobs
from goldenlayers_core.tasks.workbench import Workbench


@dataclass(frozen=True, slots=True)
class Left:
    """A tab of a desk that has work it was not told of."""

    tab: str
    slot: str
    job_id: str


@dataclass(frozen=True, slots=True)
class Seat:
    """What one tab of one desk may see and do. Raises StoreError where the disk refuses."""

    bench: Workbench
    desk: str  # a name that is no secret: jobs on disk carry it
    tab: str
    apart: bool = False

    # What it asked for ------------------------------------------------------------------------------------------------

    def submit(self, slot: str, question: Any, title: str) -> str:
        """Ask for work that this seat follows in a slot ("": nowhere), in place of what it followed there.

        Returns the job's id. Raises ConfigError where nothing answers the question or too much of this desk waits.
        """
        return self._instead(slot, self.bench.submit(question, title, Claim(self.desk, self.tab, slot, title)))

    def resume(self, job_id: str, slot: str) -> str:
        """Go on with work that stopped, and follow it in a slot.

        Raises ConfigError for another desk's work, and for a job that is done, unless only this seat had left it.
        """
        self._check(job_id)
        check_jobs(self.bench, self.desk)
        queue, had = self.bench.queue_of(job_id), self._claim(job_id, slot)
        claim = Claim(self.desk, self.tab, slot, self.view(job_id, slot).title)
        if had is not None and had.state == "withdrawn" and self.bench.job(job_id).state == "done":
            queue.join(job_id, claim)  # others went on with it
            return job_id
        return self._instead(slot, queue.resume(job_id, claim))

    def followed(self, slot: str) -> str | None:
        """The job this seat follows in a slot, whoever started the program since."""
        mine = [left for left in self.left() if left.tab == self.tab and left.slot == slot]
        return mine[0].job_id if mine else None

    def view(self, job_id: str, slot: str) -> JobView:
        """The job as this seat sees it: under its own title, and cancelled where only others go on with it.

        Raises StoreError for a job that is gone.
        """
        self.bench.attendance.seen(self.desk)  # a page that follows work asks every second or two
        job, claim = self.bench.job(job_id), self._claim(job_id, slot)
        if claim is None:
            return job
        job = dataclasses.replace(job, title=claim.title or job.title)
        if claim.state == "withdrawn" and not job.cancelling and (job.active or job.state == "done"):
            job = dataclasses.replace(job, state="cancelled", result=None, seconds_left=None)
        return job

    def is_owed(self, job_id: str, slot: str) -> bool:
        """Whether this seat waits to be told of the job's end in this slot."""
        claim = self._claim(job_id, slot)
        return claim is not None and claim.state == "open"

    def accept(self, job_id: str, slot: str) -> str | None:
        """What came of a job that is done, if this seat is owed it; from now on it is its desk's, too."""
        result = self.bench.job(job_id).result if self.is_owed(job_id, slot) else None
        if result:
            with suppress(StoreError):  # no name of a run: a path
                self.bench.store.owned.mark(self.desk, result)
        return result

    def settle(self, job_id: str, slot: str) -> bool:
        """This seat was told of the end of its job; True for the first to say so."""
        claim = self._claim(job_id, slot)
        return claim is not None and self.bench.queue_of(job_id).settle(claim, job_id)

    def leave(self, job_id: str, slot: str) -> None:
        """Follow a job no longer; it goes on."""
        self.bench.queue_of(job_id).leave(job_id, self.desk, self.tab, slot)

    def cancel(self, job_id: str, slot: str | None = None) -> None:
        """Stop a job for this desk; with a slot, for what this seat follows there. It goes on for others who asked.

        Raises ConfigError for a job this desk has no part in and may not touch.
        """
        queue = self.bench.queue_of(job_id)
        if self._part(queue.claims(job_id)):
            queue.withdraw(job_id, self.desk, None if slot is None else self.tab, slot)
        else:
            self._check(job_id)
            queue.cancel(job_id)

    # What there is ----------------------------------------------------------------------------------------------------

    def jobs(self) -> tuple[JobView, ...]:
        """Every job this seat may see, newest first."""
        self.bench.attendance.seen(self.desk)
        if not self.apart:
            return self.bench.jobs()
        mine = {job_id for job_id, claims in self._claims() if self._part(claims)}
        return tuple(job for job in self.bench.jobs() if job.job_id in mine)

    def may_cancel(self, job: JobView) -> bool:
        """Whether a cancel would do something: not where this desk has withdrawn and others go on."""
        part = self._part(self.bench.queue_of(job.job_id).claims(job.job_id))
        return not job.cancelling and (any(c.state == "open" for c in part) if part else not self.apart)

    def forget(self, job_id: str) -> None:
        """Take a job that is over off the list; its record goes when no other desk has it on its list.

        Raises ConfigError for an active one, and for another's.
        """
        self._check(job_id)
        queue = self.bench.queue_of(job_id)
        if self.apart and any(c.desk != self.desk and c.state != "closed" for c in queue.claims(job_id)):
            for claim in self._part(queue.claims(job_id)):
                queue.leave(job_id, *claim.place)
        else:
            queue.forget(job_id)

    def left(self) -> list[Left]:
        """What this desk's tabs asked for and were not told of, the newest first."""
        found: list[tuple[str, Left]] = []
        for job_id, claims in self._claims():
            mine = [claim for claim in self._part(claims) if claim.slot]
            with suppress(StoreError):  # not written yet, or removed
                found += [(self.bench.job(job_id).created, Left(c.tab, c.slot, job_id)) for c in mine]
        return [left for _, left in sorted(found, key=lambda entry: entry[0], reverse=True)]

    def _instead(self, slot: str, job_id: str) -> str:
        """What the slot showed before gives way to a job."""
        for left in self.left():
            if (left.tab, left.slot) == (self.tab, slot) and left.job_id != job_id:
                self.leave(left.job_id, slot)
        return job_id

    def _claims(self) -> Iterator[tuple[str, tuple[Claim, ...]]]:
        for queue in (self.bench.quick, self.bench.slow):
            yield from queue.claimed().items()

    def _claim(self, job_id: str, slot: str) -> Claim | None:
        place = (self.desk, self.tab, slot)
        return next((c for c in self.bench.queue_of(job_id).claims(job_id) if c.place == place), None)

    def _part(self, claims: tuple[Claim, ...]) -> list[Claim]:
        """This desk's claims that are not closed."""
        return [claim for claim in claims if claim.desk == self.desk and claim.state != "closed"]

    def _check(self, job_id: str) -> None:
        claims = self.bench.queue_of(job_id).claims(job_id)
        if self.apart and not any(claim.desk == self.desk for claim in claims):
            raise ConfigError("This work was started at another desk; start your own instead.")
