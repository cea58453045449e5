"""Files as rows: CSV, TSV, JSON, JSON lines, Parquet, and what is refused."""

import io
import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from goldenlayers_core.datasets import MAX_BYTES, MAX_RECORDS, read_bytes, read_file, read_table
from goldenlayers_core.errors import DatasetError, EncodingError, FormatError

ROWS = [
    {"prompt": "The capital of Peru is", "subject": "Peru", "target_new": "Quito"},
    {"prompt": "The capital of Chile is", "subject": "Chile", "target_new": "Bogotá"},
]


def parquet(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer)
    return buffer.getvalue()


def delimited(delimiter: str) -> bytes:
    return pd.DataFrame(ROWS).to_csv(index=False, sep=delimiter).encode()


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (delimited(","), "csv"),
        (delimited(";"), "csv"),
        (delimited("\t"), "tsv"),
        (json.dumps(ROWS).encode(), "json"),
        (json.dumps(ROWS, indent=2).encode("utf-16"), "json"),
        (json.dumps({"data": ROWS}).encode(), "json"),
        (json.dumps({"version": 3, "records": ROWS}).encode(), "json"),
        (json.dumps({"examples": ROWS}).encode(), "json"),
        (json.dumps({"train": ROWS}).encode(), "json"),
        (json.dumps({"17": ROWS[0], "21": ROWS[1]}).encode(), "json"),
        (pd.DataFrame(ROWS).to_json().encode(), "json"),
        (pd.DataFrame(ROWS).to_json(orient="index").encode(), "json"),
        ("\n".join(map(json.dumps, ROWS)).encode(), "json-lines"),
        ("\r\n\r\n".join(map(json.dumps, ROWS)).encode(), "json-lines"),
        (parquet(pd.DataFrame(ROWS)), "parquet"),
    ],
)
def test_the_same_rows_from_every_container(data: bytes, kind: str) -> None:
    table = read_table(data, "whatever.bin")
    assert table.format == kind
    assert table.columns == ("prompt", "subject", "target_new")
    assert list(table.rows) == ROWS
    assert table.numbers == (1, 2)
    assert table.problems == ()


def test_one_record_alone() -> None:
    assert read_table(json.dumps(ROWS[0]).encode(), "x").rows == (ROWS[0],)


def test_quoted_cells_hold_delimiters_quotes_and_line_breaks() -> None:
    text = 'prompt,subject,target_new\r\n"He said ""hi"",\nthen Peru is",Peru,"Lima, Peru"\r\n'
    table = read_table(text.encode(), "x.csv")
    assert table.rows == ({"prompt": 'He said "hi",\nthen Peru is', "subject": "Peru", "target_new": "Lima, Peru"},)


def test_a_long_row_is_reported_and_a_short_one_is_filled() -> None:
    text = "prompt,subject,target_new\nPeru, or so, is,Peru,Lima\nChile is,Chile\n\nCuba is,Cuba,Havana,,\n"
    table = read_table(text.encode(), "x.csv")
    assert table.numbers == (2, 3)
    assert table.rows[0] == {"prompt": "Chile is", "subject": "Chile", "target_new": None}
    assert [issue.row for issue in table.problems] == [1]
    assert "5 cells but the header has 3" in table.problems[0].reason


def test_empty_and_repeated_column_names_are_told_apart() -> None:
    assert read_table(b"a,,a\n1,2,3\n", "x").columns == ("a", "column 2", "a (2)")


def test_a_broken_line_of_json_lines_costs_only_itself() -> None:
    lines = [json.dumps(ROWS[0]), '{"prompt": "cut off', json.dumps(ROWS[1]), "7"]
    dataset = read_bytes("\n".join(lines).encode(), "x.jsonl")
    assert dataset.n_records == 4
    assert [r.case_id for r in dataset.requests] == ["1", "3"]
    assert [(issue.row, "not valid JSON" in issue.reason) for issue in dataset.reported] == [(2, True), (4, False)]
    assert "a number" in dataset.reported[1].reason


def test_records_that_are_no_objects_are_reported() -> None:
    dataset = read_bytes(json.dumps([ROWS[0], 5, None, "text", [1], ROWS[1], True]).encode(), "x")
    assert dataset.n_records == 7
    assert [issue.row for issue in dataset.reported] == [2, 3, 4, 5, 7]
    assert dataset.reported[1].reason == "The record is empty, not an object with fields."


def test_parquet_with_nested_records_and_missing_values() -> None:
    frame = pd.DataFrame(
        {
            "prompt": ["The capital of Peru is", None],
            "subject": ["Peru", "Chile"],
            "target_new": ["Quito", "Lima"],
            "year": [1.0, float("nan")],
            "locality": [{"Group": [{"prompt": "The capital of Cuba is", "ground_truth": [["Havana"]]}]}, None],
        }
    )
    dataset = read_bytes(parquet(frame), "x")
    assert dataset.format == "knowedit-wiki-recent"
    assert [issue.row for issue in dataset.reported] == [2]
    assert dataset.requests[0].locality[0].answers == ("Havana",)
    assert dataset.requests[0].locality[0].name == "Group"


@pytest.mark.parametrize(
    ("data", "part"),
    [
        (b"", "is empty"),
        (b" \n\t ", "is empty"),
        ("\ufeff".encode(), "is empty"),
        (b"[]", "holds no records"),
        (b"{}", "holds no fields"),
        (b'{"data": []}', "holds no records"),
        (b"[1, 2]", "No record"),
        (b"prompt,subject,target_new\n", "holds no records"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "web page"),
        (b"Just a line of prose.", "neither JSON nor a table"),
        (b'[{"prompt": "a", "subj', "not valid JSON"),
        (b'{"prompt": "a"\n', "not valid JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b'[{"a": ' + b"9" * 5000 + b"}]", "a number that is too long"),
        (b'prompt,subject,target_new\n"never closed,Peru,Lima\nChile is,Chile,Lima\n', "never closed"),
        (b"prompt,subject,target_new\n" + b"x" * 200_000 + b",a,b\n", "131,072 characters"),
        (b"PAR1 but not really", "Parquet"),
        (parquet(pd.DataFrame(ROWS))[:-20], "Parquet"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_sentence(data: bytes, part: str) -> None:
    with pytest.raises(FormatError) as caught:
        read_bytes(data, "my file.csv")
    message = str(caught.value)
    assert part in message
    assert "my file.csv" in message
    assert message.endswith(".")
    assert "\n" not in message


def test_images_are_refused() -> None:
    with pytest.raises(EncodingError, match="PNG"):
        read_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100), "facts.json")


def test_parquet_with_two_columns_of_one_name() -> None:
    table = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], names=["prompt", "prompt"])
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    with pytest.raises(FormatError, match="two columns of the same name"):
        read_table(buffer.getvalue(), "x")


def test_size_and_record_limits_are_stated(tmp_path: Path) -> None:
    big = tmp_path / "big.json"
    with big.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(DatasetError, match="at most 64 MiB"):
        read_file(big)
    with pytest.raises(DatasetError, match="at most 64 MiB"):
        read_table(bytes(MAX_BYTES + 1), "x")
    with pytest.raises(DatasetError, match=f"more than {MAX_RECORDS:,} records"):
        read_table(b"[" + b"1," * MAX_RECORDS + b"1]", "x")
    with pytest.raises(DatasetError, match=f"more than {MAX_RECORDS:,} records"):
        read_table(b"a,b\n" + b"1,2\n" * (MAX_RECORDS + 5), "x")
    with pytest.raises(DatasetError, match=f"at most {MAX_RECORDS:,} records"):
        read_table(parquet(pd.DataFrame({"a": range(MAX_RECORDS + 1)})), "x")


def test_files_are_named_after_themselves_and_missing_ones_refused(tmp_path: Path) -> None:
    path = tmp_path / "facts.txt"
    path.write_bytes(json.dumps(ROWS).encode())
    dataset = read_file(path)
    assert dataset.name == "facts.txt"
    assert dataset.requests[0].source == "facts.txt"
    for wrong in (tmp_path / "none.json", tmp_path, "a\x00b", "~nobody-of-that-name/x"):
        with pytest.raises(DatasetError) as caught:
            read_file(wrong)
        assert str(caught.value).endswith(".")
