"""Sweeps that come with the product, request by request with every answer: assets/sweeps/<run>. No torch.

The table of the evidence (tasks.shipped_evidence) holds numbers alone; lessons show answers. `python -m
benchmarks.ship RUN` puts a run of the store there.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pandas as pd

from goldenlayers_core.places import assets_folder
from goldenlayers_core.runtime import RunManifest, Store
from goldenlayers_core.runtime.frames import DamagedError
from goldenlayers_core.runtime.manifest import manifest_from

FOLDER: Final = "sweeps"
MANIFEST: Final = "manifest.json"
COMES: Final = " (comes with the product)"  # how its title ends


def shipped_sweeps(folder: Path | None = None) -> Iterator[tuple[Path, RunManifest]]:
    """Where each is, and what it is; one that cannot be read is passed over."""
    for place in sorted((folder or assets_folder() / FOLDER).glob(f"*/{MANIFEST}")):
        try:
            yield place.parent, manifest_from(json.loads(place.read_text(encoding="utf-8")))
        except (OSError, ValueError, DamagedError):
            continue


def coming(fingerprint: str, folder: Path | None = None) -> RunManifest | None:
    """What the sweep of these weights that comes with the product is; None without one."""
    return next((run for _, run in shipped_sweeps(folder) if run.fingerprint == fingerprint), None)


def adopt(store: Store, fingerprint: str, folder: Path | None = None) -> RunManifest | None:
    """The sweep of these weights that comes with the product, from then on a run of the store; None without one.

    Where it is in the store it is left as it is: a person may have given it another title. Raises StoreError where the
    disk refuses.
    """
    for place, manifest in shipped_sweeps(folder):
        if manifest.fingerprint != fingerprint:
            continue
        kept = next((run for run in store.runs() if run.run_id == manifest.run_id), None)
        if kept is not None:
            return kept
        try:
            frames = {file.stem: pd.read_parquet(file) for file in sorted(place.glob("*.parquet"))}
            texts = {file.stem: file.read_text(encoding="utf-8") for file in sorted(place.glob("*.txt"))}
        except (OSError, ValueError):
            continue
        store.save_run(manifest, frames, texts)
        return manifest
    return None
