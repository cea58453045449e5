"""The table of real edits that comes with the product, out of the single tables that benchmarks.edits wrote.

    python -m benchmarks.gather FOLDER [FILE] [--anew]          FILE: assets/evidence.parquet unless named

The tables are added to what FILE holds, unless it is to be made anew; what it holds of answers that were judged by
other rules than today's is left out. Of rows of the same edit (fingerprint, data, way, request, layer) the one of the
newest table counts.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from goldenlayers_core.errors import DatasetError
from goldenlayers_core.places import assets_folder
from goldenlayers_core.results.truth.measured import measured_from
from goldenlayers_core.tasks.shipped_evidence import FILE
from goldenlayers_core.texts import JUDGEMENT

EDIT = ["fingerprint", "data", "way", "request", "layer"]  # what an edit is told by
ORDER = ["model", "data", "part", "way", "position", "layer"]
MOST = 5_000_000  # bytes


def kept(file: Path | None = None) -> pd.DataFrame:
    """What a table (None: the product's own) holds of edits judged by today's rules; empty where there is none."""
    path = file or assets_folder() / FILE
    if not path.exists():
        return pd.DataFrame()
    table = pd.read_parquet(path)
    return table[table["judgement"] == JUDGEMENT] if "judgement" in table else table.iloc[:0]


def together(tables: Sequence[pd.DataFrame], same: Sequence[str] = EDIT, order: Sequence[str] = ORDER) -> pd.DataFrame:
    """Each edit once, in the table's order; of the same edit the row of the last table that has it. Of other tables
    `same` names the columns that a row is told by."""
    table = pd.concat([one.astype(_plain(one)) for one in tables], ignore_index=True)
    return table.drop_duplicates(list(same), keep="last").sort_values(list(order), kind="stable").reset_index(drop=True)


def with_categories(table: pd.DataFrame) -> pd.DataFrame:
    """The table with its words as categories, which take a fraction of the place."""
    words = [name for name in table.columns if pd.api.types.is_string_dtype(table[name])]
    return table.astype(dict.fromkeys(words, "str")).astype(dict.fromkeys(words, "category"))


def _plain(table: pd.DataFrame) -> dict[str, str]:
    """Words as words: tables of which each has categories of its own do not go together."""
    return {name: "str" for name in table.columns if isinstance(table[name].dtype, pd.CategoricalDtype)}


def gather(folder: Path, base: Path | None = None) -> pd.DataFrame:
    """Every row of the folder's tables and of the base, each edit once. Raises DatasetError where there is none."""
    files = sorted(folder.glob("*.parquet"), key=lambda file: file.stat().st_mtime_ns)
    if not files:
        raise DatasetError(f"There is no table in {folder}; benchmarks.edits writes them.")
    tables = [pd.read_parquet(file) for file in files]
    old = kept(base) if base else pd.DataFrame()
    return with_categories(together([old, *tables] if len(old) else tables))


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
    parser.add_argument("--anew", action="store_true", help="leave out what FILE holds")
    options = parser.parse_args()
    table = gather(options.folder, None if options.anew else options.file)
    size = write(table, options.file)
    parser.exit(0, f"{len(table):,} edits, {size:,} bytes: {options.file}\n")


if __name__ == "__main__":
    main()
