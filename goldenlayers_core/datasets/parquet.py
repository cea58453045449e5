"""Parquet as records. Nothing in a Parquet file is ever executed."""

import io
from typing import Any

from goldenlayers_core.datasets.text import MAX_RECORDS, shorten
from goldenlayers_core.errors import DatasetError, FormatError

_MAX_UNPACKED = 8 * 64 * 2**20  # bytes; a small file can unpack to anything


def is_parquet(data: bytes) -> bool:
    """Whether the content is Parquet (by its first four bytes)."""
    return data[:4] == b"PAR1"


def read_parquet(data: bytes, name: str) -> list[dict[str, Any]]:
    """Every row as a dict of Python values. Raises FormatError (damaged) and DatasetError (too many or too large)."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        source = pq.ParquetFile(io.BytesIO(data))
        meta = source.metadata
        unpacked = sum(meta.row_group(i).total_byte_size for i in range(meta.num_row_groups))
        if meta.num_rows > MAX_RECORDS or unpacked > _MAX_UNPACKED:
            raise DatasetError(
                f"{shorten(name)} has {meta.num_rows:,} records and {unpacked / 2**20:.0f} MiB unpacked; at most "
                f"{MAX_RECORDS:,} records and {_MAX_UNPACKED // 2**20} MiB are read, so split it."
            )
        names = source.schema_arrow.names
        if len(set(names)) < len(names):
            raise FormatError(f"{shorten(name)} has two columns of the same name; rename one.")
        rows: list[dict[str, Any]] = source.read().to_pylist()
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise FormatError(f"{shorten(name)} is damaged or cut-short Parquet; save it again.") from error
    return rows
