"""Put a sweep of the store (GOLDENLAYERS_CACHE) among those that come with the product.

    python -m benchmarks.ship RUN [FOLDER]             FOLDER: assets/sweeps unless named

What was measured on this machine alone, its seconds, is left out: it would be taken for the reader's own.
"""

import argparse
import dataclasses
import json
import shutil
from pathlib import Path

from goldenlayers_core.places import assets_folder
from goldenlayers_core.runtime import Store, StoredRun
from goldenlayers_core.tasks import open_workbench
from goldenlayers_core.tasks.shipped_sweep import COMES, FOLDER, MANIFEST

TIMED = ("seconds per edit", "computed now")


def ship(run: StoredRun, folder: Path) -> Path:
    """Write the run; returns where."""
    place = folder / run.manifest.run_id
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    summary = tuple(pair for pair in run.manifest.summary if pair[0] not in TIMED)
    title = run.manifest.title.removesuffix(COMES) + COMES
    manifest = dataclasses.replace(run.manifest, seconds=0.0, summary=summary, title=title)
    for name, frame in run.frames.items():
        frame.to_parquet(place / f"{name}.parquet", index=False, compression="zstd", compression_level=19)
    for name, text in run.texts.items():
        (place / f"{name}.txt").write_text(text, encoding="utf-8")
    content = json.dumps(dataclasses.asdict(manifest), indent=1, ensure_ascii=False)
    (place / MANIFEST).write_text(f"{content}\n", encoding="utf-8")
    return place


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("folder", type=Path, nargs="?", default=assets_folder() / FOLDER)
    options = parser.parse_args()
    store: Store = open_workbench().store
    place = ship(store.load_run(options.run), options.folder)
    size = sum(file.stat().st_size for file in place.iterdir())
    parser.exit(0, f"{size:,} bytes: {place}\n")


if __name__ == "__main__":
    main()
