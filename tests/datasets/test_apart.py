"""Reading in a process of its own: the same dataset, and limits on time and memory that hold."""

import io
import json
import os
import time
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from goldenlayers_core.datasets import ColumnMapping, Reading, apart, is_quick, outline_apart, read_apart, read_bytes
from goldenlayers_core.datasets.parquet_footer import read_footer
from goldenlayers_core.errors import Cancelled, DatasetError, FormatError, LanguageError, MappingError

ROWS = [
    {
        "prompt": f"The capital of {{}} number {n} is",
        "subject": f"Land {n}",
        "target_new": "\u6771\u4eac",
        "ground_truth": ["Lima", "City"],
        "rephrase_prompt": f"Land {n} is governed from",
        "locality": {"G": [{"prompt": f"Isle {n} is", "ground_truth": [["a", "b"]]}]},
        "portability": {"R": [{"prompt": f"By {n} is", "ground_truth": "c"}]},
        "extra": n,
    }
    for n in range(1500)
]


def parquet(table: pa.Table, **options: Any) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, **options)
    return buffer.getvalue()


def test_the_dataset_is_the_same_as_without_a_process() -> None:
    data = json.dumps([*ROWS, {"prompt": "x"}, 5], ensure_ascii=False).encode()
    assert not is_quick(data)
    ticks: list[float] = []
    assert read_apart(data, "made.json", progress=ticks.append) == read_bytes(data, "made.json")
    assert ticks == sorted(ticks)
    assert is_quick(data[:1000])
    assert not is_quick(b"PAR1" + bytes(10))


def test_options_and_refusals_cross_over() -> None:
    padding = " " * apart.SMALL
    rows = [{"a": "Peru is in", "b": "Asia"}]
    data = (json.dumps(rows) + padding).encode()
    with pytest.raises(MappingError, match="which of them holds subject"):
        read_apart(data, "made", ColumnMapping("a", None, "b"))
    assert read_apart(data, "made", ColumnMapping("a", None, "b"), subjects={1: "Peru"}).requests[0].subject == "Peru"
    found = outline_apart(data, "made")
    assert (found.columns, found.head, found.n_rows) == (("a", "b"), (("Peru is in", "Asia"),), 1)
    facts = [{"en": {"prompt": "Peru is in"}, "de": {"prompt": "Peru ist in"}}]
    with pytest.raises(LanguageError, match="choose one of en, de") as caught:
        read_apart((json.dumps(facts) + padding).encode(), "made")
    assert caught.value.languages == ("en", "de")
    with pytest.raises(FormatError, match="is empty"):
        outline_apart(padding.encode() + b" ", "made")


LONG = pa.DictionaryArray.from_arrays(pa.array([0] * 8000, pa.int32()), pa.array(["x" * 2**20]))


@pytest.mark.parametrize(
    ("make", "part"),
    [
        (lambda: parquet(pa.table({"prompt": LONG}), compression="zstd"), "unpacks to more than it may"),
        (lambda: parquet(pa.table({"a": pa.array([["x"] * 10_000] * 800)})), "8,000,000 values"),
        (lambda: parquet(pa.table({f"c{n}": pa.nulls(100_000) for n in range(80)})), "8,000,000 values"),
        (lambda: parquet(pa.table({f"c{n}": [1] for n in range(2100)})), "2,100 columns"),
    ],
    ids=["one long text", "long lists", "missing values", "columns"],
)
def test_a_small_parquet_file_that_unpacks_to_much_is_refused(make: Callable[[], bytes], part: str) -> None:
    data = make()
    assert len(data) < 2**20
    with pytest.raises(DatasetError, match=part):
        read_bytes(data, "made")


def test_dictionaries_and_missing_texts_are_read() -> None:
    texts = pa.array(["Peru is", None, "Cuba is"] * 3).dictionary_encode()
    nested = pa.array([["a", None], None, []] * 3)
    table = pa.table({"prompt": texts, "subject": texts, "target_new": ["x"] * 9, "rephrase": nested})
    assert [r.row for r in read_bytes(parquet(table, row_group_size=2), "made").reported] == [2, 5, 8]
    table = table.set_column(1, "subject", pa.array(["Peru", "x", "Cuba"] * 3))
    dataset = read_bytes(parquet(table), "made")
    assert len(dataset.requests) == 6
    assert dataset.requests[0].rephrases[0].prompt == "a"


def test_the_account_of_a_parquet_file() -> None:
    data = parquet(pa.table({"a": ["x", "y", None], "b": [[1, 2], [], [3]]}), row_group_size=2)
    footer = read_footer(data)
    assert (footer.n_rows, footer.n_columns, footer.n_values) == (3, 2, 3 + 4)
    assert footer.n_bytes > 0
    for damaged in (data[:-9] + data[-8:], data[:-8] + b"\xff\xff\xff\x7f" + b"PAR1", b"PAR1PAR1PAR1", data[:-1]):
        with pytest.raises(ValueError, match=r"."):
            read_footer(damaged)


def test_a_group_whose_columns_are_a_number_is_damaged() -> None:
    account = bytes((0x36, 2, 0x19, 0x1C, 0x15, 2, 0, 0))  # one row, one group, its columns: 1
    data = b"PAR1" + account + len(account).to_bytes(4, "little") + b"PAR1"
    with pytest.raises(ValueError, match="without its columns"):
        read_footer(data)
    with pytest.raises(DatasetError, match="is damaged or cut-short Parquet; save it again"):
        read_bytes(data, "x.parquet")


def test_memory_is_limited_by_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    data = json.dumps(ROWS * 40).encode()
    monkeypatch.setattr(apart, "MAX_MEMORY", 48 * 2**20)
    with pytest.raises(DatasetError, match="could not be read with 48 MiB of memory"):
        read_apart(data, "made.json")


def test_time_is_limited_and_a_reading_can_be_stopped() -> None:
    data = json.dumps(ROWS * 20).encode()
    with Reading(data, "made.json", max_seconds=0.0) as reading, pytest.raises(DatasetError, match="within 0 seconds"):
        reading.result(0.0)
    reading = Reading(data, "made.json")
    assert reading.result() is None
    reading.close()
    with pytest.raises(Cancelled, match="was stopped"):
        reading.result()

    def stop(seconds: float) -> None:
        raise Cancelled("Enough.")

    begun = time.monotonic()
    with pytest.raises(Cancelled, match="Enough"):
        read_apart(data, "made.json", progress=stop)
    assert time.monotonic() - begun < 30


@pytest.mark.skipif(os.name != "posix", reason="ends a process by a signal")
def test_a_process_that_dies_is_one_sentence() -> None:
    with Reading(json.dumps(ROWS * 20).encode(), "made.json") as reading:
        reading._process.kill()
        with pytest.raises(DatasetError, match="or is damaged; save it again") as caught:
            reading.result(30.0)
    assert "\n" not in str(caught.value)
