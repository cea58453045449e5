"""The table of real edits that comes with the product, out of the single tables that benchmarks.edits wrote.

    python -m benchmarks.gather FOLDER [FILE]          FILE: assets/evidence.parquet unless named

Of rows of the same edit (fingerprint, data, way, request, layer) the one of the newest table counts.
"""

import argparse
from pathlib import Path

import pandas as pd

from goldenlayers_core.errors import DatasetError
from goldenlayers_core.places import assets_folder
from goldenlayers_core.results.truth.measured import measured_from
from goldenlayers_core.tasks.shipped_evidence import FILE

EDIT = ["fingerprint", "data", "way", "request", "layer"]  # what an edit is told by
ORDER = ["model", "data", "part", "way", "position", "layer"]
MOST = 5_000_000  # bytes


def gather(folder: Path) -> pd.DataFrame:
    """Every row of the folder's tables, each edit once. Raises DatasetError where there is none."""
    files = sorted(folder.glob("*.parquet"), key=lambda file: file.stat().st_mtime_ns)
    if not files:
        raise DatasetError(f"There is no table in {folder}; benchmarks.edits writes them.")
    table = pd.concat([pd.read_parquet(file) for file in files], ignore_index=True)
    table = table.drop_duplicates(EDIT, keep="last").sort_values(ORDER, kind="stable").reset_index(drop=True)
    for name in table.columns:
        if pd.api.types.is_string_dtype(table[name]):
            table[name] = table[name].astype(str).astype("category")
    return table


def write(table: pd.DataFrame, file: Path) -> int:
    """Write the table after reading it as the product will; its bytes. Raises DatasetError where it is too large."""
    measured_from(table)
    part = file.with_suffix(".part")
    table.to_parquet(part, index=False, compression="zstd", compression_level=19)
    size = part.stat().st_size
    if size > MOST:
        part.unlink()
        raise DatasetError(f"The table would take {size:,} bytes; it may take {MOST:,}. Gather fewer edits.")
    part.replace(file)
    return size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("file", type=Path, nargs="?", default=assets_folder() / FILE)
    options = parser.parse_args()
    table = gather(options.folder)
    size = write(table, options.file)
    parser.exit(0, f"{len(table):,} edits, {size:,} bytes: {options.file}\n")


if __name__ == "__main__":
    main()
