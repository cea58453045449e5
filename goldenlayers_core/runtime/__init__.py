"""The store on disk, background jobs, run manifests. No torch."""

from goldenlayers_core.places import cache_root
from goldenlayers_core.runtime.at_work import Worker
from goldenlayers_core.runtime.claims import Claim
from goldenlayers_core.runtime.job_records import JobState, JobView
from goldenlayers_core.runtime.jobs import JobQueue
from goldenlayers_core.runtime.manifest import RunManifest, StoredRun, new_run_id, now
from goldenlayers_core.runtime.names import checked_name
from goldenlayers_core.runtime.opened import store_at
from goldenlayers_core.runtime.progress import Progress
from goldenlayers_core.runtime.provenance import provenance
from goldenlayers_core.runtime.row_writer import RowWriter
from goldenlayers_core.runtime.standing import Standing, standing
from goldenlayers_core.runtime.store import Problem, Store, Usage

__all__ = [
    "Claim",
    "JobQueue",
    "JobState",
    "JobView",
    "Problem",
    "Progress",
    "RowWriter",
    "RunManifest",
    "Standing",
    "Store",
    "StoredRun",
    "Usage",
    "Worker",
    "cache_root",
    "checked_name",
    "new_run_id",
    "now",
    "provenance",
    "standing",
    "store_at",
]
