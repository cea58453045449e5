"""Long work in the background: one worker thread per queue, states on disk that every process sees.

    submit -> queued -> running -> done | failed | cancelled
                 \\________\\______> interrupted (its process ended)   --resume--> queued

A job that is queued or running is run by the queue that took it; other processes see it, and ask that one to cancel.
Whose it is, is another matter: of all who asked for it, by their claims (`claims`, `claimed`).
"""

import copy
import dataclasses
import functools
import logging
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from goldenlayers_core.errors import Cancelled, ConfigError, GoldenLayersError, StoreError
from goldenlayers_core.runtime import logs
from goldenlayers_core.runtime.claimed import ClaimedJobs
from goldenlayers_core.runtime.claims import Claim
from goldenlayers_core.runtime.counters import Counters
from goldenlayers_core.runtime.equal import equal_job, plain_params
from goldenlayers_core.runtime.frames import one_line
from goldenlayers_core.runtime.job_records import CLOSED, JobFolder, JobRecord, JobState, JobView, OwnJob, Understood
from goldenlayers_core.runtime.locks import Lock
from goldenlayers_core.runtime.manifest import now
from goldenlayers_core.runtime.names import checked_name
from goldenlayers_core.runtime.owned import WORKING_FOR
from goldenlayers_core.runtime.progress import Progress
from goldenlayers_core.runtime.turns import GivingWay, Others, Turns, nobody

Worker = Callable[[dict[str, Any], Progress], str]

_log = logging.getLogger(__name__)
_TICK = 0.25  # seconds between two looks at the disk, and between two writes of progress


class JobQueue(ClaimedJobs):
    """Jobs of one folder, run one after another. `workers[kind](params, progress)` returns the id of its result.

    A worker calls `progress.update` or `progress.check` at least every two seconds, so that a cancel is felt. Any
    thread may call any method; all raise StoreError where the disk refuses.
    """

    def __init__(
        self, folder: Path, workers: Mapping[str, Worker], others: Others = nobody, *known: Understood
    ) -> None:
        """`others`: whether others are at work to whom these jobs give way; `known`: see `JobFolder`."""
        self._others = others
        self._folder = JobFolder(folder, *known)
        self._workers = {checked_name(kind, "kind of job"): worker for kind, worker in workers.items()}
        self._changed = threading.Condition()
        self._mine: dict[str, OwnJob] = {}
        self._waiting = Turns(self._folder.claims)  # the desks that asked have their turns
        self._thread: threading.Thread | None = None
        self._owner: str | None = None
        self._alive: Lock | None = None
        self._closing = False
        self.counters = Counters()

    def submit(self, kind: str, title: str, params: Mapping[str, Any], claim: Claim | None = None) -> str:
        """Queue a job and return its id; the id of the equal job (kind and params) if one is queued or running.

        Either way the job is `claim`'s from here on (None: a program's). Raises ConfigError for an unknown kind, for
        params that JSON cannot hold, for more than a desk may have waiting, and after `close`.
        """
        self._check_kind(kind)
        plain = plain_params(title, params)
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
            left = _TICK if limit is None else min(_TICK, limit - time.monotonic())
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

    def _check_kind(self, kind: str) -> None:
        if kind not in self._workers:
            raise ConfigError(f"Jobs of kind {kind!r} are unknown; known are {', '.join(sorted(self._workers))}.")

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
            self._changed.notify_all()

    def _cancel(self, job: OwnJob) -> None:
        if job in self._waiting:
            self._waiting.remove(job)
            self._finish(job, "cancelled")
        elif job.view.active:
            job.cancel.set()
            job.view = dataclasses.replace(job.view, cancelling=True)
            self._try_write(job)

    def _honour_wishes(self) -> None:
        """Cancel what other processes asked us to cancel."""
        for job in [j for j in self._mine.values() if j.view.active and not j.cancel.is_set()]:
            if self._folder.cancel_wanted(job.view.job_id):
                self._cancel(job)

    def _work(self) -> None:
        try:
            while (job := self._next()) is not None:
                whose = functools.partial(self.desks, job.view.job_id)
                logs.told(job.view.job_id, functools.partial(self._run, job), whose)
        finally:
            if self._alive is not None:
                self._alive.release()

    def _next(self) -> OwnJob | None:
        with self._changed:
            while True:
                if self._closing:
                    return None
                self._honour_wishes()
                if self._waiting:
                    break
                self._changed.wait()
            job = self._waiting.take()
            job.started, job.began = time.time(), time.monotonic()
            job.view = dataclasses.replace(job.view, state="running")
            stop = functools.partial(self._should_stop, job)
            job.progress = Progress(functools.partial(self._report, job), stop, GivingWay(self._others, stop))
            self._try_write(job)
            self._changed.notify_all()
            return job

    def _placed(self, jobs: list[OwnJob]) -> list[JobView]:
        running = sum(job.view.state == "running" for job in self._mine.values())
        return self._waiting.placed(jobs, running)

    def _run(self, job: OwnJob) -> None:
        title, result, error = job.view.title, None, None
        state: JobState = "failed"
        WORKING_FOR.set(lambda: self.desks(job.view.job_id))
        try:
            result = str(self._workers[job.view.kind](copy.deepcopy(dict(job.view.params)), job.progress))
            state = "done"
        except Cancelled:
            closed = self._closing and not job.cancel.is_set()
            state, error = ("interrupted", CLOSED) if closed else ("cancelled", None)
        except GoldenLayersError as sentence:
            error = str(sentence)
        except BaseException as defect:  # also SystemExit and the like: the thread must outlive every job
            _log.exception("The job %s failed", job.view.job_id)
            error = f"Something went wrong in {title}: {type(defect).__name__}: {one_line(defect)}"
        with self._changed:
            self._finish(job, state, result=result, error=error)

    def _finish(self, job: OwnJob, state: JobState, *, result: str | None = None, error: str | None = None) -> None:
        ended = dataclasses.replace(job.now(), state=state, result=result, error=error)
        job.view = dataclasses.replace(ended, seconds_left=None, cancelling=False)
        self.counters.count(job)
        if self._try_write(job):  # from here on the disk knows; otherwise memory has to
            self._mine.pop(job.view.job_id, None)
        self._changed.notify_all()

    def _report(self, job: OwnJob, done: int, total: int, note: str) -> None:
        with self._changed:
            job.view = dataclasses.replace(job.view, done=done, total=total, note=note)
            job.unwritten = True
            if time.monotonic() - job.written >= _TICK:
                self._write_progress(job)

    def _should_stop(self, job: OwnJob) -> bool:
        if time.monotonic() - job.looked >= _TICK:
            job.looked = time.monotonic()
            with self._changed:
                self._honour_wishes()
                if job.unwritten and job.looked - job.written >= _TICK:
                    self._write_progress(job)
        return job.cancel.is_set() or self._closing

    def _write_progress(self, job: OwnJob) -> None:
        job.view = job.now()
        self._try_write(job, durable=False)

    def _write(self, job: OwnJob, *, durable: bool = True) -> None:
        job.written, job.unwritten = time.monotonic(), False
        self._folder.write(JobRecord(job.view, self._owner or "", job.started), durable=durable)

    def _try_write(self, job: OwnJob, *, durable: bool = True) -> bool:
        """Work goes on where its state cannot be written (a full disk): this process still knows it."""
        try:
            self._write(job, durable=durable)
        except StoreError as error:
            _log.warning("The state of job %s was not written: %s", job.view.job_id, error)
            return False
        return True
