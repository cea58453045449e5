"""What a format is: how its records are recognised, and what is made of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from goldenlayers_core.datasets.record import Alias, Draft

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Format:
    """One published shape of records."""

    name: str
    description: str  # what a person should know about the requests it gives
    fits: Callable[[Row], bool]  # by the keys alone
    drafts: Callable[[Sequence[Row]], Sequence[Draft]]  # one draft per row, in order
    alias: Alias = field(default_factory=Alias)


def each(read: Callable[[Row], Draft]) -> Callable[[Sequence[Row]], Sequence[Draft]]:
    """Read every row by itself."""

    def read_all(rows: Sequence[Row]) -> Sequence[Draft]:
        return [read(row) for row in rows]

    return read_all


def has(row: Row, *keys: str) -> bool:
    """Whether the row has every one of these keys; None counts as absent (Parquet gives every row every key)."""
    return all(row.get(key) is not None for key in keys)
