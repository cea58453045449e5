"""Rows that grow: one folder per (table, key), one Parquet shard per append.

A shard is never changed. Compaction writes the merged shard first and removes its sources afterwards, so at every
moment all rows are there at least once; readers drop the doubles, also those of two machines that merged at once.
"""

import logging
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import accumulate
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from goldenlayers_core.errors import StoreError
from goldenlayers_core.runtime import atomic, digests
from goldenlayers_core.runtime.frames import DamagedError, to_arrow, to_pandas, to_parquet
from goldenlayers_core.runtime.here import Here
from goldenlayers_core.runtime.locks import try_lock
from goldenlayers_core.runtime.reaching import AwayError

_log = logging.getLogger(__name__)
WRITTEN = "_written"  # number of the append; "later wins" survives compaction because rows carry it
MAX_SHARDS = 64
_MERGED = "merged-"
_ATTEMPTS = 50
_PAGE = 1000  # objects that one answer of a bucket lists
ROW_KEYS = ("request", "layer")  # what a row is told by, where it has a request
_EARLY = 2**62  # above what early shards carry, whose names tell no number: nanoseconds since 1970


class Tables:
    """The `tables/` folder of a store. `lock` is held while shards are merged or cleared."""

    def __init__(self, folder: Path, lock: Path, place: Here) -> None:
        self._folder = folder
        self._lock = lock
        self._place = place

    def append(self, table: str, key: str, frame: pd.DataFrame) -> None:
        """One new shard; nothing for an empty frame. Raises StoreError."""
        if not frame.empty:
            self._put(table, key, frame, *self._next(self._folder / table / key))

    def add(self, table: str, key: str, missing: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
        """Append what `missing` says of the rows that are here. The append is numbered before they are read: two that
        add the same rows at once, neither of which sees the other's, number them alike, and readers see them once.
        Raises StoreError."""
        place = self._next(self._folder / table / key)
        if not (frame := missing(self.read(table, key))).empty:
            self._put(table, key, frame, *place)

    def _put(self, table: str, key: str, frame: pd.DataFrame, number: int, n_shards: int) -> None:
        if WRITTEN in frame.columns:
            raise StoreError(f"The column name {WRITTEN!r} is kept for the store; name that column otherwise.")
        folder = self._folder / table / key
        data = to_parquet(frame.assign(**{WRITTEN: number}), f"{table}/{key}", keep_index=False)
        self._place.put(folder / _shard_name("", data, number), data)
        if n_shards >= MAX_SHARDS:
            self._compact(folder)

    def read(self, table: str, key: str) -> pd.DataFrame:
        """All rows in the order written; of rows with equal request (and layer) the last, and where there is no request
        a row of several shards once. Raises StoreError."""
        folder = self._folder / table / key
        parts = self._consistent(folder)
        if not parts:
            return pd.DataFrame()
        try:
            return _merge(parts).drop(columns=WRITTEN).reset_index(drop=True)
        except DamagedError as error:
            raise StoreError(f"The rows of {table} {key!r} cannot be read ({error}); clear {table!r}.") from error

    def _compact(self, folder: Path) -> None:
        lock = try_lock(self._lock)
        if lock is None:  # another process is at it
            return
        try:
            sources = self._shards(folder)
            self._place.bring(sources)
            parts = [part for path in sources if (part := self._load(path)) is not None]
            if len(parts) > 1:
                data = to_parquet(_merge(parts), folder.name, keep_index=False)
                merged = folder / _shard_name(_MERGED, data, max(map(_number, sources)))
                self._place.put(merged, data)
                # of two machines that merge at once the later gives way, and cleared rows do not come back
                for path in sources if self._place.all_there(sources) else [merged]:
                    self._place.drop(path)
        except (OSError, StoreError, DamagedError) as error:  # the rows are safe as they are
            _log.warning("The shards of %s were not merged: %s", folder, error)
        finally:
            lock.release()

    def _next(self, folder: Path) -> tuple[int, int]:
        """A number above that of every append that has ended, in whichever process and by whatever clock; and how many
        shards there were.

        Appends at the same time may get the same number: neither is later than the other. A listing during which shards
        were merged may lack both the sources and what became of them, so it is made again. Where a shared location
        stays away, what is known here counts.
        """
        for _ in range(_ATTEMPTS):
            try:
                before = self._shards(folder)
                after = self._again(folder, before)
            except AwayError:
                near = [folder / name for name in self._place.near(folder)]
                return max(map(_number, near), default=0) + 1, 0
            if {path for path in after if path.name.startswith(_MERGED)} <= set(before):
                return max(map(_number, (*before, *after)), default=0) + 1, len(after)
        raise _rewritten(folder)

    def _shards(self, folder: Path) -> list[Path]:
        return [folder / name for name in self._place.names(folder) if name.endswith(".parquet")]

    def _again(self, folder: Path, before: list[Path]) -> list[Path]:
        """A second listing, where a single one may have missed both the sources of a merge and what became of them."""
        return before if self._place.steady and len(before) < _PAGE else self._shards(folder)

    def _load(self, path: Path) -> pa.Table | None:
        """The shard, or None for a damaged one. Raises FileNotFoundError for one that has just been merged."""
        data = atomic.read_bytes(self._place.found(path))
        try:
            if path.name.removeprefix(_MERGED).split("-")[0] != digests.of_bytes(data)[:16]:
                raise DamagedError("its digest is another than its name's")
            table = to_arrow(data)
            if WRITTEN not in table.column_names:
                raise DamagedError("it was not written by this store")
        except DamagedError as reason:
            self._place.set_aside(path, reason)
            return None
        return table

    def _consistent(self, folder: Path) -> list[pa.Table]:
        """Every shard of one moment: if shards were merged while we read, what we hold may lack rows, so read again."""
        for _ in range(_ATTEMPTS):
            before = self._shards(folder)
            try:
                self._place.bring(before)
                parts = [part for path in before if (part := self._load(path)) is not None]
            except FileNotFoundError:
                continue
            merged = {path for path in self._again(folder, before) if path.name.startswith(_MERGED)}
            if merged <= set(before):
                return parts
            time.sleep(0.002)
        raise _rewritten(folder)


def _shard_name(prefix: str, data: bytes, number: int) -> str:
    return f"{prefix}{digests.of_bytes(data)[:16]}-{number:x}-{uuid.uuid4().hex}.parquet"


def _number(path: Path) -> int:
    """The highest number among a shard's rows, by its name."""
    parts = path.stem.removeprefix(_MERGED).split("-")
    try:
        return int(parts[1], 16) if len(parts) == 3 else _EARLY
    except ValueError:
        return _EARLY


def _rewritten(folder: Path) -> StoreError:
    return StoreError(f"{folder} is being rewritten all the time by another process; try again when that has finished.")


def _merge(parts: list[pa.Table]) -> pd.DataFrame:
    try:
        # Arrow first: it keeps the type of a column that is all missing in one shard
        frame = to_pandas(pa.concat_tables(parts, promote_options="permissive"))
    except (pa.ArrowException, DamagedError):
        frame = pd.concat([to_pandas(part) for part in parts], ignore_index=True)
    if "request" in frame.columns:
        keys = [name for name in ROW_KEYS if name in frame.columns]
        return frame.sort_values(WRITTEN, kind="stable").drop_duplicates(keys, keep="last")
    if len(parts) > 1:
        frame = frame[_first_seen(frame, [part.num_rows for part in parts])]
    return frame.sort_values(WRITTEN, kind="stable")


def _first_seen(frame: pd.DataFrame, lengths: Sequence[int]) -> list[bool]:
    """Whether each row is in no shard before its own: two machines may have merged the same ones.

    It is the same row where every value and the number of its append are; what one append wrote twice stays twice.
    """
    keep, most, rows = list[bool](), Counter[str](), row_keys(frame)
    for start, length in zip(accumulate(lengths, initial=0), lengths, strict=False):
        here = Counter[str]()
        for row in rows[start : start + length]:
            here[row] += 1
            keep.append(here[row] > most[row])
        most |= here
    return keep


def row_keys(frame: pd.DataFrame) -> list[str]:
    """A text per row, equal for equal rows."""
    rows = frame[sorted(frame.columns)].itertuples(index=False, name=None)
    return [repr([cell.tolist() if isinstance(cell, np.ndarray) else cell for cell in row]) for row in rows]
