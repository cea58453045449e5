"""Whatever comes, reading gives a dataset that accounts for every record, or one sentence."""

import io
import json
import random
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from goldenlayers_core.datasets import ColumnMapping, guess_mapping, read_bytes
from goldenlayers_core.errors import DatasetError
from goldenlayers_core.records import Dataset

# The keys that some reader looks at.
KEYS = (
    "prompt subject target_new target_true ground_truth rephrase_prompt rephrases paraphrase_prompts locality "
    "portability locality_prompt locality_ground_truth requested_rewrite relation_id case_id src alt answers loc "
    "loc_ans rephrase text labels concept attribute known_id str true_aliases split neighborhood_prompts name "
    "Reasoning data records format version requests"
)
WRAPPERS = "rows row data train test validation 0 1 columns index error prompts subject target_new en de"
FUZZ = settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["", " ", "Paris", "The city of Paris is", "{}", "a|b", "[", "\ud800", "golden-layers"])
    | st.text(max_size=8)
)
keys = st.sampled_from(KEYS.split()) | st.text(max_size=3)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=5), max_leaves=12
)
probes = st.dictionaries(
    st.text(max_size=3), st.lists(st.fixed_dictionaries({"prompt": values, "ground_truth": values}), max_size=3)
)
rewrites = st.fixed_dictionaries(dict.fromkeys(("prompt", "subject", "target_new", "target_true", "question"), values))
SHAPES: tuple[dict[str, Any], ...] = (
    {
        "requested_rewrite": st.fixed_dictionaries(
            dict.fromkeys(("prompt", "subject", "target_new", "target_true"), values)
        )
    },
    dict.fromkeys(("prompt", "subject", "target_new", "ground_truth", "rephrase_prompt", "locality_prompt"), values),
    dict.fromkeys(("src", "subject", "alt", "answers", "rephrase", "loc", "loc_ans"), values),
    {"text": values, "labels": values, "concept": values, "locality": probes},
    {"prompt": values, "subject": values, "target_new": values, "locality": probes, "portability": probes | values},
    dict.fromkeys(("prompt", "subject", "attribute", "relation_id", "known_id"), values),
    dict.fromkeys(("prompt", "subject", "target_new", "rephrases", "true_aliases", "locality", "split"), values),
    {"requested_rewrite": st.lists(rewrites, max_size=3) | values, "questions": values, "new_answer": values}
    | dict.fromkeys(("new_answer_alias", "single_hops", "new_single_hops"), values),
    {"requested_rewrite": st.dictionaries(st.sampled_from(["prompt", "subject", "answer_new"]), values), "loc": values},
    {"prompts": values, "subject": values, "target_new": values, "locality_inputs": probes | values},
    dict.fromkeys(("question", "answer", "para_question", "sub_question", "sub_answer"), values),
    {"en": st.fixed_dictionaries({"prompt": values, "subject": values, "target_new": values}), "de": values},
    {"row": values, "row_idx": values, "truncated_cells": values},
)
records = st.one_of(*(st.fixed_dictionaries(shape, optional={"case_id": values}) for shape in SHAPES)) | values


def check(data: bytes, mapping: ColumnMapping | None = None) -> Dataset | None:
    """Read, and hold what every reader promises."""
    try:
        dataset = read_bytes(data, "fuzz", mapping)
    except DatasetError as error:
        message = str(error)
        assert message.endswith(".")
        assert "\n" not in message
        assert len(message) < 2000
        message.encode()
        return None
    rejected = [issue.row for issue in dataset.reported]
    assert dataset.n_records == len(dataset.requests) + len(rejected)
    assert rejected == sorted(set(rejected))
    assert all(1 <= row <= dataset.n_records for row in rejected)
    assert all(issue.severity == "remark" and issue.row not in rejected for issue in dataset.remarks)
    assert len({r.case_id for r in dataset.requests}) == len(dataset.requests)
    unnamed = sum(issue.reason.startswith("No subject is given") for issue in dataset.remarks)
    assert unnamed == sum(not request.subject for request in dataset.requests)
    assert unnamed in (0, len(dataset.requests))  # a file names its subjects, or it does not
    for request in dataset.requests:
        assert request.subject in request.prompt
        assert request.target_new.strip()
        assert len(request.digest) == 32  # can be written as UTF-8
        assert all(p.prompt for p in request.probes)
    return dataset


@FUZZ
@given(st.lists(records, max_size=6) | values)
def test_any_json(content: Any) -> None:
    check(json.dumps(content).encode())


@FUZZ
@given(st.dictionaries(st.sampled_from(WRAPPERS.split()), st.lists(records, max_size=3) | records | values, max_size=4))
def test_any_wrapper(content: Any) -> None:
    check(json.dumps(content).encode())


@FUZZ
@given(st.lists(st.sampled_from(["{", "}", "[", "]", ",", ":", "\n", " ", "1", '"a"', '{"a": 1}', '{"prompt": "x"}'])))
def test_any_json_written_one_after_another(pieces: list[str]) -> None:
    check("".join(['{"prompt": "Paris is", "subject": "Paris", "target_new": "x"}', *pieces]).encode())


@FUZZ
@given(st.lists(records, min_size=1, max_size=6))
def test_any_json_lines(content: list[Any]) -> None:
    check("\n".join(json.dumps(item) for item in content).encode())


@FUZZ
@given(st.lists(st.lists(st.text(max_size=12) | st.sampled_from(["Paris", "in Paris"]), max_size=5), max_size=6))
def test_any_cells_under_a_good_header(cells: list[list[str]]) -> None:
    buffer = io.StringIO()
    pd.DataFrame(
        [[*row, *[""] * 5][:5] for row in cells], columns=["prompt", "subject", "alt", "rephrase", "loc"]
    ).to_csv(buffer, index=False, errors="replace")
    data = buffer.getvalue().encode("utf-8", "replace")
    check(data)
    check(data, ColumnMapping("loc", "alt", "prompt", "subject", "rephrase"))


@FUZZ
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes(data: bytes) -> None:
    check(data)


@FUZZ
@given(st.lists(records, min_size=1, max_size=4), st.lists(keys, min_size=3, max_size=3))
def test_any_records_under_any_mapping(content: list[Any], columns: list[str]) -> None:
    check(json.dumps(content).encode(), ColumnMapping(*columns))


SIMPLE = ("prompt", "subject", "target_new")
CONTAINERS = "json json-lines csv csv-latin-1 parquet parquet-groups call rows splits one-after-another csv-sep"


def example() -> list[dict[str, Any]]:
    probes = {"Reasoning": [{"prompt": "The capital of Peru lies in", "ground_truth": [["Ecuador"]]}]}
    return [
        {"prompt": f"The capital of {s} is", "subject": s, "target_new": "Quito", "locality": probes, "portability": {}}
        for s in ("Peru", "Chile", "Cuba", "Zürich")
    ]


def containers() -> list[bytes]:
    frame = pd.DataFrame(example())
    parquet, grouped = io.BytesIO(), io.BytesIO()
    frame.drop(columns="portability").to_parquet(parquet)
    table = pa.Table.from_pandas(frame.drop(columns="portability"))
    pq.write_table(table, grouped, row_group_size=1, compression="zstd", data_page_size=64, use_dictionary=False)
    call = {f"{key}s" if key == "prompt" else key: [r[key] for r in example()] for key in SIMPLE}
    rows = [{"row_idx": n, "row": record} for n, record in enumerate(example())]
    return [
        json.dumps(example()).encode(),
        "\n".join(json.dumps(record, ensure_ascii=False) for record in example()).encode("utf-16"),
        frame.to_csv(index=False).encode(),
        frame.to_csv(index=False, sep=";").encode("latin-1"),
        parquet.getvalue(),
        grouped.getvalue(),
        json.dumps(call).encode(),
        json.dumps({"rows": rows}).encode(),
        json.dumps({"train": example()[:3], "test": example()[3:]}).encode(),
        "".join(json.dumps(record, indent=1) for record in example()).encode(),
        b"sep=;\n" + frame.to_csv(index=False, sep=";").encode(),
    ]


@pytest.mark.parametrize("data", containers(), ids=CONTAINERS.split())
def test_cut_short_and_damaged_files(data: bytes) -> None:
    dataset = check(data)
    assert dataset is not None
    assert len(dataset.requests) == 4
    dice = random.Random(0)
    for _ in range(300):
        check(data[: dice.randrange(len(data))])
        damaged = bytearray(data)
        for _ in range(dice.randrange(1, 4)):
            damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        check(bytes(damaged))


@FUZZ
@given(st.lists(st.text(max_size=10)))
def test_any_columns_can_be_guessed(columns: list[str]) -> None:
    used = guess_mapping(columns).used
    assert set(used.values()) <= set(columns)
    assert len(set(used.values())) == len(used)
