"""Long work in the background: one worker thread per queue, states on disk that every process sees.

    submit -> queued -> running -> done | failed | cancelled
                 \\________\\______> interrupted (its process ended)   --resume--> queued

A job that is queued or running is run by the queue that took it; other processes see it, and ask that one to cancel.
Whose it is, is another matter: of all who asked for it, by their claims (`claims`, `claimed`).
"""

import copy
import logging
import threading
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from goldenlayers_core.errors import Cancelled, ConfigError, GoldenLayersError, StoreError
from goldenlayers_core.runtime.at_exit import at_exit
from goldenlayers_core.runtime.at_work import TICK, AtWork, Worker
from goldenlayers_core.runtime.attendance import Attendance
from goldenlayers_core.runtime.claims import Claim
from goldenlayers_core.runtime.counters import Counters
from goldenlayers_core.runtime.equal import equal_job, plain_params
from goldenlayers_core.runtime.frames import one_line
from goldenlayers_core.runtime.job_records import CLOSED, JobFolder, JobState, JobView, OwnJob, Understood
from goldenlayers_core.runtime.locks import Lock
from goldenlayers_core.runtime.manifest import now
from goldenlayers_core.runtime.names import checked_name
from goldenlayers_core.runtime.owned import WORKING_FOR
from goldenlayers_core.runtime.progress import FOLLOWED
from goldenlayers_core.runtime.turns import Others, Turns, nobody

_log = logging.getLogger(__name__)
_AT_EXIT: Final = 8.0  # seconds that the end of the program waits for work to stop: a container gets ten


class JobQueue(AtWork):
    """Jobs of one folder, run one after another. `workers[kind](params, progress)` returns the id of its result.

    A worker calls `progress.update` or `progress.check` at least every two seconds, so that a cancel is felt. Any
    thread may call any method; all raise StoreError where the disk refuses.
    """

    def __init__(
        self,
        folder: Path,
        workers: Mapping[str, Worker],
        others: Others = nobody,
        *known: Understood,
        attendance: Attendance | None = None,
    ) -> None:
        """`others`: whether others are at work to whom these jobs give way; `known`: see `JobFolder`; `attendance`:
        who is here, and what becomes of the work of those who are not (None: everybody is)."""
        self._others = others
        self._folder = JobFolder(folder, *known)
        self._workers = {checked_name(kind, "kind of job"): worker for kind, worker in workers.items()}
        self._changed = threading.Condition()
        self._mine: dict[str, OwnJob] = {}
        self.attendance = attendance or Attendance()
        self._waiting = Turns(self._folder.claims, self.attendance.away)  # the desks that asked have their turns
        self._thread: threading.Thread | None = None
        self._owner: str | None = None
        self._alive: Lock | None = None
        self._closing = False
        self.counters = Counters()
        at_exit(self._close_at_exit)

    def submit(self, kind: str, title: str, params: Mapping[str, Any], claim: Claim | None = None) -> str:
        """Queue a job and return its id; the id of the equal job (kind and params) if one is queued or running.

        Either way the job is `claim`'s from here on (None: a program's). Raises ConfigError for an unknown kind, for
        params that JSON cannot hold, for more than a desk may have waiting, and after `close`.
        """
        self._check_kind(kind)
        plain = plain_params(title, params)
        self._here(claim)
        with self._folder.lock():
            views = self.jobs()
            twin = equal_job(views, kind, plain)
            if twin is not None:
                self._folder.claims.put(twin, claim or Claim())
                return twin
            job_id = f"{kind}-{uuid.uuid4().hex[:12]}"
            self._folder.prune(views)
            self._take(JobView(job_id, kind, title, plain, "queued", created=now()), claim or Claim())
            return job_id

    def resume(self, job_id: str, claim: Claim | None = None) -> str:
        """Queue an interrupted, failed or cancelled job again, here and under its own id, for `claim`.

        Returns the id of the equal job if one is queued or running. Raises ConfigError for a job that is done.
        """
        self._here(claim)
        with self._folder.lock():
            view = self.view(job_id)
            if view.active and not view.cancelling:
                self._folder.claims.put(job_id, claim or Claim())
                return job_id
            if view.state == "done" or view.active:
                state = "being cancelled" if view.active else "done"
                raise ConfigError(f"The job {view.title!r} is {state}; start a new one instead.")
            self._check_kind(view.kind)
            twin = equal_job(self.jobs(), view.kind, view.params)
            if twin is not None:
                self._folder.claims.put(twin, claim or Claim())
                return twin
            self._folder.forget_cancel(job_id)
            self._take(JobView(job_id, view.kind, view.title, view.params, "queued", created=now()), claim or Claim())
            return job_id

    def view(self, job_id: str) -> JobView:
        """The job as it is now. Raises StoreError for an id that is not known."""
        with self._changed:
            self._honour_wishes()
            job = self._mine.get(job_id)
            view = self._placed([job])[0] if job else self._folder.view(job_id, self._owner)
        if view is None:
            raise StoreError(f"There is no job {job_id!r}; it may have been removed: look at the list of jobs.")
        return view

    def jobs(self) -> tuple[JobView, ...]:
        """Every job of the folder, newest first."""
        with self._changed:
            self._honour_wishes()
            mine, owner = {view.job_id: view for view in self._placed(list(self._mine.values()))}, self._owner
        others = [self._folder.view(job_id, owner) for job_id in self._folder.job_ids() if job_id not in mine]
        views = [*mine.values(), *(view for view in others if view is not None)]
        return tuple(sorted(views, key=lambda v: (v.created, v.job_id), reverse=True))

    def cancel(self, job_id: str) -> None:
        """Stop a job, unless it is over: at once if it waits here, else at its next sign of life, also elsewhere."""
        with self._changed:
            if (job := self._mine.get(job_id)) is not None:
                self._cancel(job)
        if job is None and self.view(job_id).active:
            self._folder.want_cancel(job_id)

    @property
    def busy(self) -> bool:
        """Whether a job runs or waits here."""
        with self._changed:
            return any(job.view.active for job in self._mine.values())

    def wait(self, job_id: str, timeout: float | None = None) -> JobView:
        """The job when it is over, or as it is after `timeout` seconds."""
        limit = None if timeout is None else time.monotonic() + timeout
        while (view := self.view(job_id)).active:
            left = TICK if limit is None else min(TICK, limit - time.monotonic())
            if left <= 0:
                break
            with self._changed:
                if view.elsewhere or job_id in self._mine:
                    self._changed.wait(left)
        return view

    def forget(self, job_id: str) -> None:
        """Remove a finished job from the list; its result stays in the store. Raises ConfigError for an active one."""
        with self._folder.lock():
            view = self.view(job_id)
            if view.active:
                raise ConfigError(f"The job {view.title!r} is {view.state}; cancel it first.")
            with self._changed:
                self._mine.pop(job_id, None)
            self._folder.remove(job_id)

    def close(self, timeout: float = 5.0) -> None:
        """Stop: what is queued or running here becomes interrupted. Waits up to `timeout` seconds for the worker."""
        with self._changed:
            self._closing = True
            while self._waiting:
                self._finish(self._waiting.take(), "interrupted", error=CLOSED)
            self._changed.notify_all()
            thread = self._thread
            if thread is None and self._alive is not None:
                self._alive.release()
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout)

    def _run(self, job: OwnJob) -> None:
        title, result, error = job.view.title, None, None
        state: JobState = "failed"
        WORKING_FOR.set(lambda: self.desks(job.view.job_id))
        FOLLOWED.set(job.progress)
        try:
            result = str(self._workers[job.view.kind](copy.deepcopy(dict(job.view.params)), job.progress))
            state = "done"
        except Cancelled:
            state, error = self._stopped(job)
        except GoldenLayersError as sentence:
            error = str(sentence)
        except BaseException as defect:  # also SystemExit and the like: the thread must outlive every job
            _log.exception("The job %s failed", job.view.job_id)
            error = f"Something went wrong in {title}: {type(defect).__name__}: {one_line(defect)}"
        FOLLOWED.set(None)
        with self._changed:
            if state == "queued":
                self._wait_again(job)
            else:
                self._finish(job, state, result=result, error=error)

    def _tell_at_exit(self) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify_all()

    def _close_at_exit(self) -> None:
        self.close(_AT_EXIT)

    def _check_kind(self, kind: str) -> None:
        if kind not in self._workers:
            raise ConfigError(f"Jobs of kind {kind!r} are unknown; known are {', '.join(sorted(self._workers))}.")

    def _here(self, claim: Claim | None) -> None:
        if claim is not None and claim.desk:
            self.attendance.seen(claim.desk)

    def _take(self, view: JobView, claim: Claim) -> None:
        """Make the job ours to run, for `claim`; called inside the folder's lock."""
        with self._changed:
            if self._closing:
                raise ConfigError(f"The queue is closed, so {view.title!r} was not started; start the program again.")
            self._waiting.check_room(claim.desk)
            self._folder.claims.put(view.job_id, claim)
            if self._owner is None:
                self._owner, self._alive = self._folder.new_owner()
            job = OwnJob(view)
            self._write(job)
            self._mine[view.job_id] = job
            self._waiting.add(job)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="golden-layers-jobs", daemon=True)
                self._thread.start()
                at_exit(self._tell_at_exit)  # before any queue of this program is waited for: they stop side by side
            self._changed.notify_all()
