"""Jobs on disk: `<job_id>.json` is a job's state, `<job_id>.claims` who asked for it, `<job_id>.cancel` a wish of
another process, `owners/<id>.lock` a lock that a queue holds as long as its process lives."""

import dataclasses
import json
import math
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, get_args

from goldenlayers_core.errors import GoldenLayersError, StoreError
from goldenlayers_core.runtime import atomic, digests
from goldenlayers_core.runtime.claims import Claims
from goldenlayers_core.runtime.frames import DamagedError
from goldenlayers_core.runtime.locks import Lock, is_held, locked, try_lock
from goldenlayers_core.runtime.names import checked_name
from goldenlayers_core.runtime.progress import Progress

JobState = Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]
Understood = Callable[[str, Mapping[str, Any]], object]  # raises for params that its kind of job does not understand
KEPT = 200  # finished jobs
CLOSED = "The program stopped before this job was finished; resume it to go on from what is stored."
_INTERRUPTED = "The program that ran this job ended before the job did; resume it to go on from what is stored."


@dataclass(frozen=True)
class JobView:
    """A job at one moment."""

    job_id: str
    kind: str
    title: str
    params: Mapping[str, Any]
    state: JobState
    done: int = 0
    total: int = 0  # 0: not known yet
    note: str = ""
    seconds: float = 0.0  # spent running
    seconds_left: float | None = None  # None: not known yet
    result: str | None = None  # what the worker returned, once done
    error: str | None = None  # one sentence, once failed or interrupted
    created: str = ""  # ISO 8601, UTC
    cancelling: bool = False  # asked to stop, not stopped yet
    elsewhere: bool = False  # belongs to another living process (or queue)
    before: int = 0  # jobs that come before it, where it is queued here

    @property
    def active(self) -> bool:
        """Queued or running."""
        return self.state in ("queued", "running")


@dataclass(frozen=True)
class JobRecord:
    """A job and the queue it belongs to. `started` is in seconds since 1970, 0 before the start."""

    view: JobView
    owner: str
    started: float = 0.0


class OwnJob:
    """A job in the memory of the queue that runs it. Guarded by the queue's condition, but for `cancel`."""

    def __init__(self, view: JobView) -> None:
        self.view = view
        self.cancel = threading.Event()
        self.progress = Progress()
        self.started = 0.0  # time.time
        self.began = 0.0  # time.monotonic, as the next two
        self.written = 0.0
        self.looked = 0.0  # for wishes of other processes
        self.unwritten = False  # there is progress that the disk does not know
        self.left = ""  # it stops because nobody who asked is here: it "ends" or "yields" to others

    def now(self) -> JobView:
        """The view with its times as of now."""
        if self.view.state != "running":
            return self.view
        seconds = time.monotonic() - self.began
        return dataclasses.replace(self.view, seconds=seconds, seconds_left=self.progress.seconds_left())


class JobFolder:
    """The folder that all queues of all processes share."""

    def __init__(self, folder: Path, *known: Understood) -> None:
        """A record is damaged, too, where one of `known` raises for its kind and params."""
        self.path = Path(folder).expanduser().absolute()
        self._known_params = known
        self.claims = Claims(self.path)
        self._threads = threading.RLock()
        self._known: dict[str, tuple[tuple[int, ...], JobRecord]] = {}  # finished jobs, by file identity

    @contextmanager
    def lock(self) -> Iterator[None]:
        """One process and one thread at a time decide which jobs there are."""
        with self._threads, locked(self.path / ".lock"):
            yield

    def new_owner(self) -> tuple[str, Lock]:
        """A name for a queue, alive as long as the lock is held. Call inside `lock()`."""
        name = uuid.uuid4().hex
        lock = try_lock(self._owner(name))
        if lock is None:
            raise StoreError(f"{self.path} is in use by another program; set GOLDENLAYERS_CACHE to another folder.")
        return name, lock

    def write(self, record: JobRecord, *, durable: bool = True) -> None:
        """Raises StoreError."""
        data = json.dumps(digests.sealed(dataclasses.asdict(record))).encode()
        atomic.write_bytes(self._file(record.view.job_id), data, durable=durable)

    def read(self, job_id: str) -> JobRecord | None:
        """None where there is no such job; a damaged record is set aside."""
        path = self._file(job_id)
        try:
            with path.open("rb") as file:
                status = os.fstat(file.fileno())
                identity = (status.st_ino, status.st_mtime_ns, status.st_size)
                known = self._known.get(job_id)
                if known is not None and known[0] == identity:
                    return known[1]
                data = file.read()
        except FileNotFoundError:
            self._known.pop(job_id, None)
            return None
        except OSError as error:
            raise atomic.disk_error(error, path, "read") from error
        try:
            record = _record(digests.opened(json.loads(data)), job_id)
            for understood in self._known_params:
                understood(record.view.kind, record.view.params)
        except (LookupError, TypeError, ValueError, RecursionError, DamagedError, GoldenLayersError) as reason:
            atomic.set_aside(path, reason)
            return None
        if not record.view.active:
            self._known[job_id] = (identity, record)
        return record

    def job_ids(self) -> list[str]:
        """Every job on disk."""
        if not self.path.is_dir():
            return []
        with atomic.disk_errors(self.path, "read"):
            return sorted(p.stem for p in self.path.iterdir() if p.suffix == ".json" and p.name[0] != ".")

    def view(self, job_id: str, mine: str | None) -> JobView | None:
        """The job as `mine` (a queue's name) sees it."""
        record = self.read(job_id)
        if record is None or not record.view.active:
            return record.view if record else None
        if not is_held(self._owner(record.owner)):
            record = self.read(job_id)  # it may have finished, and its process ended, since we read it
            if record is None or not record.view.active:
                return record.view if record else None
            return dataclasses.replace(
                record.view, state="interrupted", error=_INTERRUPTED, seconds_left=None, cancelling=False
            )
        running = record.view.state == "running"
        return dataclasses.replace(
            record.view,
            elsewhere=record.owner != mine,
            cancelling=record.view.cancelling or self.cancel_wanted(job_id),
            seconds=max(time.time() - record.started, 0.0) if running else 0.0,
        )

    def remove(self, job_id: str) -> None:
        """Raises StoreError."""
        self.forget_cancel(job_id)
        with atomic.disk_errors(self._file(job_id), "deleted"):
            self._file(job_id).unlink(missing_ok=True)
        self._known.pop(job_id, None)
        self.claims.remove(job_id)

    def want_cancel(self, job_id: str) -> None:
        """Ask the owner, wherever it lives, to stop the job. Raises StoreError."""
        atomic.write_bytes(self._wish(job_id), b"cancel\n")

    def cancel_wanted(self, job_id: str) -> bool:
        """Whether another process asked to stop the job; no, where a disk does not tell."""
        try:
            return self._wish(job_id).exists()
        except OSError:
            return False

    def forget_cancel(self, job_id: str) -> None:
        """Raises StoreError."""
        with atomic.disk_errors(self._wish(job_id), "deleted"):
            self._wish(job_id).unlink(missing_ok=True)

    def prune(self, views: Iterable[JobView], keep: int = KEPT) -> None:
        """Remove the oldest finished jobs beyond `keep`, dead owners' locks and stale files. Call inside `lock()`."""
        finished = sorted((v for v in views if not v.active), key=lambda v: (v.created, v.job_id), reverse=True)
        for view in finished[keep:]:
            self.remove(view.job_id)
        for path in (self.path / "owners").glob("*.lock"):
            if not is_held(path):
                path.unlink(missing_ok=True)
        for path in self.path.glob(".*.tmp"):
            if atomic.is_stale(path):
                path.unlink(missing_ok=True)
        for job_id in self.claims.every():  # of a process that ended between a claim and its job
            if not self._file(job_id).exists():
                self.claims.remove(job_id)

    def _file(self, job_id: str) -> Path:
        return self.path / f"{checked_name(job_id, 'job')}.json"

    def _wish(self, job_id: str) -> Path:
        return self.path / f"{checked_name(job_id, 'job')}.cancel"

    def _owner(self, name: str) -> Path:
        return self.path / "owners" / f"{checked_name(name, 'queue')}.lock"


def _record(content: Any, job_id: str) -> JobRecord:
    """Raises LookupError, TypeError or ValueError for a damaged record."""
    view = JobView(
        **{f.name: content["view"][f.name] for f in dataclasses.fields(JobView) if f.name in content["view"]}
    )
    numbers = (view.done, view.total, view.seconds, view.seconds_left or 0.0, view.before, content["started"])
    texts = (view.kind, view.title, view.note, view.created, view.result or "", view.error or "", content["owner"])
    if view.job_id != job_id or view.state not in get_args(JobState) or not isinstance(view.params, dict):
        raise ValueError("it does not describe this job")
    if not all(isinstance(n, int | float) for n in numbers) or not all(isinstance(t, str) for t in texts):
        raise TypeError("a field has the wrong type")
    if not all(math.isfinite(n) and n >= 0 for n in numbers):
        raise ValueError("a number is none that can be")
    datetime.fromisoformat(view.created)
    if not content["owner"].isalnum():
        raise ValueError("it has no owner")
    return JobRecord(view, content["owner"], float(content["started"]))
