"""Rows on their way to the store, so that work that is stopped loses two seconds of it at most."""

import time
from typing import Final

import pandas as pd

from goldenlayers_core.runtime.store import Store

_FLUSH_SECONDS: Final = 2.0


class RowWriter:
    """A context that keeps rows for one table and key: written every two seconds, and at the end whatever happens."""

    def __init__(self, store: Store, table: str, key: str) -> None:
        self.store, self.table, self.key = store, table, key
        self.pending: list[pd.DataFrame] = []
        self.written = time.monotonic()

    def __enter__(self) -> "RowWriter":
        return self

    def __exit__(self, *_reason: object) -> None:
        self.flush()

    def add(self, rows: pd.DataFrame) -> None:
        """Keep some rows; write them where the last writing is long ago."""
        self.pending.append(rows)
        if time.monotonic() - self.written > _FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write what is kept."""
        if self.pending:
            self.store.append_rows(self.table, self.key, pd.concat(self.pending, ignore_index=True))
        self.pending, self.written = [], time.monotonic()
