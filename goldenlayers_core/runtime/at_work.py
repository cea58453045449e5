"""The worker thread of a queue: whose turn it is, the work itself, what it came to."""

import dataclasses
import functools
import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from goldenlayers_core.errors import StoreError
from goldenlayers_core.runtime import logs
from goldenlayers_core.runtime.attendance import Attendance
from goldenlayers_core.runtime.claimed import ClaimedJobs
from goldenlayers_core.runtime.counters import Counters
from goldenlayers_core.runtime.job_records import CLOSED, JobRecord, JobState, JobView, OwnJob
from goldenlayers_core.runtime.locks import Lock
from goldenlayers_core.runtime.progress import Progress
from goldenlayers_core.runtime.turns import GivingWay, Others, Turns

Worker = Callable[[dict[str, Any], Progress], str]

_log = logging.getLogger(__name__)
TICK = 0.25  # seconds between two looks at the disk, and between two writes of progress


class AtWork(ClaimedJobs):
    """The part of a queue that works. All but `_work` is called with `_changed` held, or takes it."""

    _others: Others
    _workers: Mapping[str, Worker]
    _changed: threading.Condition
    _mine: dict[str, OwnJob]
    _waiting: Turns
    _owner: str | None
    _alive: Lock | None
    _closing: bool
    attendance: Attendance
    counters: Counters

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
                self._stop_left()
                if self._waiting:
                    break
                self._changed.wait()
            job = self._waiting.take()
            job.started, job.began, job.left = time.time(), time.monotonic(), ""
            job.view = dataclasses.replace(job.view, state="running")
            stop = functools.partial(self._should_stop, job)
            job.progress = Progress(functools.partial(self._report, job), stop, GivingWay(self._others, stop))
            self._try_write(job)
            self._changed.notify_all()
            return job

    def _stop_left(self) -> None:
        """Work that waits for nobody who is here does not wait for its turn, where such work is stopped."""
        for job in self._waiting.left() if self.attendance.ends else ():
            self._waiting.remove(job)
            self._finish(job, "interrupted", error=self.attendance.sentence)

    def _run(self, job: OwnJob) -> None:
        raise AssertionError("the queue brings it")

    def _stopped(self, job: OwnJob) -> tuple[JobState, str | None]:
        """What a job that was stopped is now, and why."""
        if job.cancel.is_set():
            return "cancelled", None
        if self._closing:
            return "interrupted", CLOSED
        if job.left == "ends":
            return "interrupted", self.attendance.sentence
        return ("queued" if job.left else "cancelled"), None  # its worker may give up by itself

    def _wait_again(self, job: OwnJob) -> None:
        """Others go first; what was finished is in the store."""
        job.view = dataclasses.replace(job.view, state="queued", done=0, total=0, note="", seconds=0.0)
        self._waiting.add(job)
        self._try_write(job)
        self._changed.notify_all()

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
            if time.monotonic() - job.written >= TICK:
                self._write_progress(job)

    def _should_stop(self, job: OwnJob) -> bool:
        if time.monotonic() - job.looked >= TICK:
            job.looked = time.monotonic()
            with self._changed:
                self._honour_wishes()
                job.left = job.left or self._leave(job)
                if job.unwritten and job.looked - job.written >= TICK:
                    self._write_progress(job)
        return job.cancel.is_set() or self._closing or bool(job.left)

    def _leave(self, job: OwnJob) -> str:
        """What becomes of a running job where nobody who asked is here: it "ends"; or it "yields" if others wait."""
        if not self._waiting.is_left(job):
            return ""
        if self.attendance.ends:
            return "ends"
        return "yields" if len(self._waiting) > len(self._waiting.left()) else ""

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

    def _placed(self, jobs: list[OwnJob]) -> list[JobView]:
        running = sum(job.view.state == "running" for job in self._mine.values())
        return self._waiting.placed(jobs, running)
