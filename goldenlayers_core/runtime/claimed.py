"""What the owners of jobs ask of a queue."""

from goldenlayers_core.runtime.claims import Claim
from goldenlayers_core.runtime.job_records import JobFolder, JobView
from goldenlayers_core.runtime.turns import desks_of


class ClaimedJobs:
    """The part of a queue that is about owners. All raise StoreError where the disk refuses."""

    _folder: JobFolder

    def view(self, job_id: str) -> JobView:
        """The job as it is now."""
        raise AssertionError("the queue brings it")

    def cancel(self, job_id: str) -> None:
        """Stop a job for everybody."""
        raise AssertionError("the queue brings it")

    def claims(self, job_id: str) -> tuple[Claim, ...]:
        """Everybody who asked for the job, also those who were told of its end."""
        return self._folder.claims.of(job_id)

    def desks(self, job_id: str) -> frozenset[str]:
        """The desks that asked for the job; a program's own is none."""
        return frozenset(desks_of(self.claims(job_id)) - {""})

    def claimed(self) -> dict[str, tuple[Claim, ...]]:
        """The claims of every job, by its id."""
        return self._folder.claims.every()

    def join(self, job_id: str, claim: Claim) -> None:
        """Add a claim to a job as it is, in place of one of the same desk, tab and slot."""
        with self._folder.lock():
            self._folder.claims.put(job_id, claim)

    def withdraw(self, job_id: str, desk: str, tab: str | None = None, slot: str | None = None) -> None:
        """Stop a job for a desk (in one tab, in one slot); for good if nobody else waits for it.

        Nothing happens to a job that is over.
        """
        with self._folder.lock():
            if not self.view(job_id).active or not self._folder.claims.change(
                job_id, desk, tab, slot, {"state": "withdrawn"}
            ):
                return
            if not any(claim.state == "open" for claim in self.claims(job_id)):
                self.cancel(job_id)

    def settle(self, claim: Claim, job_id: str) -> bool:
        """Close an open claim of a job that is over; True once, for whoever has to be told."""
        with self._folder.lock():
            if claim not in self.claims(job_id) or claim.state != "open" or self.view(job_id).active:
                return False
            return self._folder.claims.change(job_id, *claim.place, {"state": "closed"})

    def leave(self, job_id: str, desk: str, tab: str, slot: str) -> None:
        """Stop showing a job in a slot. Work under way goes on, and counts as the desk's."""
        with self._folder.lock():
            over = not self.view(job_id).active
            self._folder.claims.change(job_id, desk, tab, slot, {"state": "closed"} if over else {"slot": ""})
