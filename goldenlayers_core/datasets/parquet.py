"""Parquet as records. Nothing in the file is ever executed, and little is unpacked before it is known how much."""

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from goldenlayers_core.datasets.parquet_footer import Footer, read_footer
from goldenlayers_core.datasets.text import MAX_CELLS, MAX_COLUMNS, MAX_RECORDS, shorten
from goldenlayers_core.errors import DatasetError, FormatError

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_MAX_UNPACKED: Final = 256 * 2**20  # bytes of text and numbers; a small file can unpack to anything
_BATCH: Final = 4096  # rows
_NESTED_BATCH: Final = 256


def is_parquet(data: bytes) -> bool:
    """Whether the content is Parquet (by its first four bytes)."""
    return data[:4] == b"PAR1"


def read_parquet(data: bytes, name: str) -> list[dict[str, Any]]:
    """Every row as a dict of Python values. Raises FormatError (damaged) and DatasetError (too many or too large)."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        _check_promised(read_footer(data), name)
        plain = pq.ParquetFile(io.BytesIO(data))
        names = plain.schema_arrow.names
        leaves = [plain.schema.column(place) for place in range(len(plain.schema))]
        # Text stays in its dictionary until its length is known, and equal texts are one object afterwards. The library
        # can do so for whole columns only; of texts inside lists fewer are unpacked at a time.
        texts = [leaf.path for leaf in leaves if leaf.physical_type == "BYTE_ARRAY" and leaf.path in names]
        source = pq.ParquetFile(io.BytesIO(data), read_dictionary=texts, pre_buffer=False)
        batch = _BATCH if all(leaf.path in names for leaf in leaves) else _NESTED_BATCH
        if len(set(names)) < len(names):
            raise FormatError(f"{shorten(name)} has two columns of the same name; rename one.")
        return list(_rows(source, batch, name))
    except MemoryError as error:
        raise DatasetError(f"{shorten(name)} unpacks to more than it may; {_allowed()}") from error
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise FormatError(f"{shorten(name)} is damaged or cut-short Parquet; save it again.") from error


def _check_promised(footer: Footer, name: str) -> None:
    """Refuse what the file itself says is too much: rows, columns, values, bytes."""
    if footer.n_columns > MAX_COLUMNS:
        raise DatasetError(
            f"{shorten(name)} has {footer.n_columns:,} columns; at most {MAX_COLUMNS:,} are read, so leave out what is "
            "not needed."
        )
    if footer.n_rows > MAX_RECORDS or footer.n_values > MAX_CELLS or footer.n_bytes > _MAX_UNPACKED:
        raise DatasetError(
            f"{shorten(name)} has {footer.n_rows:,} records, {footer.n_values:,} values and "
            f"{footer.n_bytes / 2**20:.0f} MiB unpacked; {_allowed()}"
        )


def _allowed() -> str:
    return (
        f"at most {MAX_RECORDS:,} records, {MAX_CELLS:,} values and {_MAX_UNPACKED // 2**20} MiB are read, so split it."
    )


def _rows(source: "pq.ParquetFile", size: int, name: str) -> Iterator[dict[str, Any]]:
    unpacked = rows = 0
    for batch in source.iter_batches(size, use_threads=False):
        unpacked += sum(map(_unpacked, batch.columns))
        rows += batch.num_rows
        if unpacked > _MAX_UNPACKED or rows > MAX_RECORDS:
            raise DatasetError(f"{shorten(name)} unpacks to more than it may; {_allowed()}")
        columns = {field.name: _values(column) for field, column in zip(batch.schema, batch.columns, strict=True)}
        if columns:
            yield from (dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True))
        else:
            yield from ({} for _ in range(batch.num_rows))


def _unpacked(column: "pa.Array") -> int:
    """The bytes of a column's values once every text stands by itself."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        lengths = pc.fill_null(pc.binary_length(column.dictionary), 0).cast(pa.int64())
        return int(pc.sum(lengths.take(column.indices)).as_py() or 0)
    return int(column.nbytes)


def _values(column: "pa.Array") -> list[Any]:
    import pyarrow as pa

    if not pa.types.is_dictionary(column.type):
        return list(column.to_pylist())
    texts = column.dictionary.to_pylist()
    return [None if place is None else texts[place] for place in column.indices.to_pylist()]
