"""What a Parquet file says of itself, read without its library, which aborts the process on some damaged files.

A file ends with its metadata in Thrift's compact protocol, four bytes with their length, and "PAR1". Of the structs
FileMetaData, RowGroup, ColumnChunk and ColumnMetaData only what tells how much the file unpacks to is looked at.
"""

from dataclasses import dataclass
from typing import Any, Final

_ROW_GROUPS, _NUM_ROWS = 4, 3  # of FileMetaData
_COLUMNS = 1  # of RowGroup
_META_DATA = 3  # of ColumnChunk
_NEEDED, _NUM_VALUES, _UNCOMPRESSED = (1, 2, 3, 4, 5, 6, 7, 9), 5, 6  # of ColumnMetaData
_MAX_LENGTH: Final = 4 * 2**20  # bytes
_DEPTH: Final = 16
_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 12
_INTEGERS: Final = (4, 5, 6)


@dataclass(frozen=True, slots=True)
class Footer:
    """How much a Parquet file holds by its own account."""

    n_rows: int
    n_columns: int  # leaves: a list of texts is one
    n_values: int  # of all columns, missing ones included
    n_bytes: int  # of all pages, uncompressed


def read_footer(data: bytes) -> Footer:
    """The account at a file's end. Raises ValueError for one that is damaged, cut short or of unusual length."""
    length = int.from_bytes(data[-8:-4], "little")
    if data[-4:] != b"PAR1" or not 0 < length <= min(_MAX_LENGTH, len(data) - 12):
        raise ValueError("no metadata")
    content = _Reader(data[-8 - length : -8]).struct(_DEPTH)
    n_rows, groups = content.get(_NUM_ROWS), content.get(_ROW_GROUPS)
    if not isinstance(n_rows, int) or not isinstance(groups, list):
        raise ValueError("incomplete metadata")
    chunks = [_chunks(group) for group in groups]
    if n_rows < 0 or len({len(group) for group in chunks}) > 1:
        raise ValueError("contradictory metadata")
    flat = [chunk for group in chunks for chunk in group]
    n_values, n_bytes = (sum(chunk[key] for chunk in flat) for key in (_NUM_VALUES, _UNCOMPRESSED))
    return Footer(n_rows, len(chunks[0]) if chunks else 0, n_values, n_bytes)


def _chunks(group: Any) -> list[dict[int, Any]]:
    columns = group.get(_COLUMNS, []) if isinstance(group, dict) else []
    if not isinstance(columns, list):
        raise ValueError("a group without its columns")
    found = [column.get(_META_DATA) if isinstance(column, dict) else None for column in columns]
    for chunk in found:
        if not isinstance(chunk, dict) or any(key not in chunk for key in _NEEDED):
            raise ValueError("a column without its metadata")
        if any(not isinstance(chunk[key], int) or chunk[key] < 0 for key in (_NUM_VALUES, _UNCOMPRESSED)):
            raise ValueError("a column of a negative size")
    return [chunk for chunk in found if isinstance(chunk, dict)]


class _Reader:
    """Thrift's compact protocol as {field: value}: integers, bytes, lists, structs."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def struct(self, depth: int) -> dict[int, Any]:
        """The fields up to the struct's end."""
        found: dict[int, Any] = {}
        field = 0
        while (head := self._byte()) != 0:
            field = field + (head >> 4) if head >> 4 else self._zigzag()
            kind = head & 15
            found[field] = kind == _TRUE if kind in (_TRUE, _FALSE) else self._value(kind, depth)
        return found

    def _value(self, kind: int, depth: int) -> Any:
        if depth == 0:
            raise ValueError("nested too deeply")
        if kind in _INTEGERS:
            return self._zigzag()
        if kind in (_TRUE, _FALSE, _BYTE):
            return self._byte()
        if kind == _DOUBLE:
            return self._take(8)
        if kind == _BINARY:
            return self._take(self._varint())
        if kind == _STRUCT:
            return self.struct(depth - 1)
        if kind in (_LIST, _SET):
            head = self._byte()
            length = self._varint() if head >> 4 == 15 else head >> 4
            if length > len(self._data) - self._at:
                raise ValueError("a list that is longer than its file")
            return [self._value(head & 15, depth - 1) for _ in range(length)]
        raise ValueError("a value of an unknown kind")

    def _byte(self) -> int:
        return self._take(1)[0]

    def _take(self, length: int) -> bytes:
        if length > len(self._data) - self._at:
            raise ValueError("cut short")
        self._at += length
        return self._data[self._at - length : self._at]

    def _varint(self) -> int:
        value = shift = 0
        while shift < 70:
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7
        raise ValueError("a number that is too long")

    def _zigzag(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)
