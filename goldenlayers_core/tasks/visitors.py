"""Visitors of the demo mode: what one may have, and the deletion of everything of one who was not here for long."""

import time
from contextlib import suppress
from typing import Final

from goldenlayers_core.errors import ConfigError, DatasetError, StoreError
from goldenlayers_core.runtime.visits import Visits, delete_named, delete_older, stored_bytes
from goldenlayers_core.tasks.workbench import UPLOAD, Workbench

_EVERY: Final = 300.0  # seconds between two looks for what is old
_MIB: Final = 2**20


def visit(bench: Workbench, desk: str) -> None:
    """A desk is here: remember it, and every few minutes delete what is old. Raises StoreError."""
    if not bench.mode.demo:
        return
    visits = Visits(bench.home)
    visits.seen(desk)
    if visits.due(_EVERY):
        expire(bench, time.time())


def expire(bench: Workbench, now: float) -> None:
    """Delete everything of the desks that were not here for the stated time, and what was computed before it.

    `bench` is the machine's own, not a desk's; `now` is in seconds since 1970. Only in the demo mode, whose store is a
    folder that holds nothing else. Raises StoreError.
    """
    if not bench.mode.demo:
        raise ConfigError("Only the demo mode deletes what is old; delete your runs on the page Runs.")
    before = now - 3600 * bench.mode.limits.hours
    visits, owned = Visits(bench.home), bench.store.owned
    for desk in visits.gone(before):
        _end_jobs(bench, desk)
        for name in owned.names(desk):
            owned.drop(desk, name)
            if not owned.owners(name):
                bench.let_go(name)
                delete_named(bench.store, name)
        visits.forget(desk)
    delete_older(bench.store, before, owned.every())


def _end_jobs(bench: Workbench, desk: str) -> None:
    """Stop a desk's work, and remove the records that no other desk has a part in."""
    for queue in (bench.quick, bench.slow):
        for job_id, claims in queue.claimed().items():
            if not any(claim.desk == desk for claim in claims):
                continue
            with suppress(StoreError, ConfigError):  # removed meanwhile, or it still runs: the next look comes
                queue.withdraw(job_id, desk)
                if all(claim.desk == desk for claim in claims):
                    queue.forget(job_id)


def check_upload(bench: Workbench, desk: str, n_bytes: int) -> None:
    """Raises DatasetError where a visitor may not upload another file of so many bytes."""
    if not bench.mode.demo:
        return
    limits, mine = bench.mode.limits, [n for n in bench.store.owned.names(desk) if n.startswith(UPLOAD)]
    if len(mine) >= limits.uploads:
        raise DatasetError(
            f"You have uploaded {len(mine)} files, and this demo takes {limits.uploads}; use one of them."
        )
    if n_bytes + stored_bytes(bench.store, mine) > limits.upload_mib * _MIB:
        raise DatasetError(
            f"With this file of {n_bytes / _MIB:.1f} MiB your uploads would exceed the {limits.upload_mib} MiB of this "
            "demo; upload a smaller one."
        )
    check_room(bench, desk, n_bytes)


def check_room(bench: Workbench, desk: str, n_bytes: int = 0) -> None:
    """Raises ConfigError where a visitor's things and so many bytes more are over the limit."""
    if not bench.mode.demo:
        return
    most = bench.mode.limits.stored_mib
    if stored_bytes(bench.store, bench.store.owned.names(desk)) + n_bytes > most * _MIB:
        raise ConfigError(
            f"Your runs and uploads reach the {most} MiB of this demo; delete some runs on the page Runs."
        )


def check_jobs(bench: Workbench, desk: str) -> None:
    """Raises ConfigError where a visitor has enough work waiting or under way."""
    if not bench.mode.demo:
        return
    most, active = bench.mode.limits.jobs, 0
    for queue in (bench.quick, bench.slow):
        for job_id, claims in queue.claimed().items():
            if any(claim.desk == desk and claim.state == "open" for claim in claims):
                with suppress(StoreError):
                    active += queue.view(job_id).active
    if active >= most:
        raise ConfigError(
            f"{active} pieces of your work wait or run, as many as this demo takes; wait for one of them."
        )
