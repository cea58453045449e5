"""A data frame as the bytes of a Parquet file, and back."""

import io

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from goldenlayers_core.errors import StoreError


class DamagedError(Exception):
    """Bytes that are not what they should be; the caller sets the file aside."""


def to_parquet(frame: pd.DataFrame, name: str, *, keep_index: bool) -> bytes:
    """Raises StoreError for columns that Parquet cannot hold (never pickles)."""
    if not all(isinstance(column, str) for column in frame.columns) or not frame.columns.is_unique:
        raise StoreError(
            f"The columns of {name!r} are {list(frame.columns)}; give every column a text name of its own."
        )
    sink = io.BytesIO()
    try:
        table = pa.Table.from_pandas(frame, preserve_index=None if keep_index else False)
        pq.write_table(table, sink, compression="zstd")
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise StoreError(f"{name!r} cannot be stored as Parquet ({one_line(error)}); use plain columns.") from error
    return sink.getvalue()


def to_arrow(data: bytes) -> pa.Table:
    """Raises DamagedError."""
    try:
        return pq.read_table(pa.BufferReader(data), use_threads=False)
    except (pa.ArrowException, OSError, TypeError, ValueError) as error:
        raise DamagedError(one_line(error)) from error


def from_parquet(data: bytes) -> pd.DataFrame:
    """Raises DamagedError."""
    return to_pandas(to_arrow(data))


def to_pandas(table: pa.Table) -> pd.DataFrame:
    """Raises DamagedError."""
    errors = (pa.ArrowException, TypeError, ValueError, KeyError)
    try:
        frame: pd.DataFrame = table.to_pandas(use_threads=False)
    except errors:
        try:  # the description of the columns may be damaged while they are not
            frame = table.replace_schema_metadata(None).to_pandas(use_threads=False)
        except errors as error:
            raise DamagedError(one_line(error)) from error
    return frame


def one_line(error: BaseException) -> str:
    """The error's message on one line, cut at 300 characters."""
    return " ".join(str(error).split())[:300] or type(error).__name__
