"""Whether the program is well: can it store, do the queues move, is there memory and disk; what a running server did.

No torch, no model.
"""

import contextlib
import dataclasses
import os
import shutil
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil

from goldenlayers_core.errors import GoldenLayersError
from goldenlayers_core.runtime import JobQueue, JobView, Standing, Store, standing
from goldenlayers_core.runtime.counters import KindCount

if TYPE_CHECKING:
    from goldenlayers_core.tasks.workbench import Workbench

QUEUES: Final = ("quick", "slow")
LOCATION: Final = "location"  # the finding about where others reach the store
STILL: Final = (
    900.0  # seconds without progress after which running work counts as stuck; loading a large model is silent
)
WAITING: Final = 120.0  # seconds that a job may wait while nothing of its queue runs
LEAST_DISK: Final = 256 * 2**20  # bytes
LEAST_MEMORY: Final = 256 * 2**20  # bytes


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    name: str
    well: bool
    says: str


@dataclass(frozen=True, slots=True)
class Health:
    """Everything that was looked at, by the process that was asked."""

    findings: tuple[Finding, ...]
    resident_bytes: int  # of this process
    free_memory_bytes: int
    free_disk_bytes: int
    queued: int
    oldest_queued_seconds: float  # 0: none waits
    running: int
    longest_still_seconds: float  # since the running job that is longest without progress gave a sign; 0: none runs
    served: "Served | None" = None  # of the server that was asked; None where a command looks
    location: Standing | None = None  # where GOLDENLAYERS_STORE says that the store is; None: on this disk alone

    @property
    def well(self) -> bool:
        """Nothing is wrong."""
        return all(finding.well for finding in self.findings)

    @property
    def serves(self) -> bool:
        """Nothing is wrong here: a location that stays away ends no server, whose results wait to be sent."""
        return all(finding.well for finding in self.findings if finding.name != LOCATION)


@dataclass(frozen=True, slots=True)
class Model:
    """A model in memory."""

    name: str
    weight_bytes: int
    dtype: str
    device: str


@dataclass(frozen=True, slots=True)
class Served:
    """What a server holds and did since it began."""

    models: tuple[Model, ...]
    models_loaded: int  # times a model was loaded
    models_reused: int  # times one was there
    jobs: tuple[KindCount, ...]


def look_at(bench: "Workbench") -> Health:
    """The health of a server: its workbench's store and queues, the models it holds, what its jobs came to."""
    models = tuple(Model(card.name, card.n_bytes, card.dtype, card.device) for card in bench.cards())
    jobs = (*bench.quick.counters.rows(), *bench.slow.counters.rows())
    served = Served(models, bench.models_loaded, bench.models_reused, jobs)
    return dataclasses.replace(look(bench.home, shared=not bench.mode.demo), served=served)


def look(root: Path, shared: bool = True) -> Health:
    """The health of this process, of the store and queues in `root`, and of the store's location if it may have one."""
    stored = _writable(root)
    there = standing(root) if shared else None
    jobs = {queue: _active(root, queue) for queue in QUEUES}
    still = {job.job_id: _still(root, queue, job) for queue in QUEUES for job in jobs[queue] if job.state == "running"}
    ages = [_age(job) for queue in QUEUES for job in jobs[queue] if job.state == "queued"]
    disk, memory = _free_disk(root), psutil.virtual_memory().available
    return Health(
        findings=(
            stored,
            *([Finding(LOCATION, there.answers, str(there))] if there else []),
            *(_moves(queue, jobs[queue], still) for queue in QUEUES),
            _enough("memory", memory, LEAST_MEMORY),
            _enough("disk", disk, LEAST_DISK),
        ),
        resident_bytes=psutil.Process().memory_info().rss,
        free_memory_bytes=memory,
        free_disk_bytes=disk,
        queued=len(ages),
        oldest_queued_seconds=max(ages, default=0.0),
        running=len(still),
        longest_still_seconds=max(still.values(), default=0.0),
        location=there,
    )


def _writable(root: Path) -> Finding:
    """Whether a file can be written, read and deleted where results go."""
    probe, content = root / f".health-{uuid.uuid4().hex}", os.urandom(16)
    try:
        Store(root)  # raises for a newer version
        root.mkdir(parents=True, exist_ok=True)
        try:
            probe.write_bytes(content)
            kept = probe.read_bytes() == content
        finally:
            with contextlib.suppress(OSError):
                probe.unlink(missing_ok=True)
    except OSError as error:
        return Finding("store", False, f"The store cannot be written ({error.strerror or type(error).__name__}).")
    except GoldenLayersError as error:
        return Finding("store", False, str(error))
    return Finding(
        "store", kept, "The store can be written." if kept else "The store returned other bytes than it got."
    )


def _active(root: Path, queue: str) -> list[JobView]:
    """Jobs of a queue that a living process has queued or runs."""
    try:
        return [job for job in JobQueue(root / "jobs" / queue, {}).jobs() if job.active]
    except GoldenLayersError:  # a folder that cannot be read; the store's finding says so
        return []


def _moves(queue: str, jobs: list[JobView], still: dict[str, float]) -> Finding:
    running = [job.job_id for job in jobs if job.state == "running"]
    waiting = max((_age(job) for job in jobs if job.state == "queued"), default=0.0)
    stuck = max((still[job_id] for job_id in running), default=0.0)
    name, title = f"{queue} queue", f"The {queue} queue"
    if stuck > STILL:
        return Finding(name, False, f"{title} stands: its running job made no progress for {stuck:.0f} s.")
    if not running and waiting > WAITING:
        return Finding(name, False, f"{title} stands: a job has waited for {waiting:.0f} s and nothing runs.")
    return Finding(name, True, f"{title} moves." if jobs else f"{title} is empty.")


def _age(job: JobView) -> float:
    """Seconds since a job was submitted; 0 where the clock was set back or the time cannot be read."""
    try:
        return max((datetime.now(UTC) - datetime.fromisoformat(job.created)).total_seconds(), 0.0)
    except (TypeError, ValueError):
        return 0.0


def _still(root: Path, queue: str, job: JobView) -> float:
    """Seconds since a running job's record was last written, which it is with every progress."""
    try:
        return max(time.time() - (root / "jobs" / queue / f"{job.job_id}.json").stat().st_mtime, 0.0)
    except OSError:  # it has ended since
        return 0.0


def _free_disk(root: Path) -> int:
    """Bytes free where the store lies, or will lie."""
    there = next((folder for folder in (root, *root.parents) if folder.is_dir()), Path("/"))
    return shutil.disk_usage(there).free


def _enough(name: str, free: int, least: int) -> Finding:
    return Finding(name, free >= least, f"{free / 2**30:.1f} GiB of {name} are free.")
