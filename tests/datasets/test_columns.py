"""Any table through a column mapping."""

import io
import json
from typing import Any

import pandas as pd
import pytest

from goldenlayers_core.datasets import ColumnMapping, guess_mapping, read_bytes, read_table
from goldenlayers_core.datasets.columns import cell_list
from goldenlayers_core.errors import MappingError
from goldenlayers_core.records import Dataset


def as_csv(*rows: dict[str, Any], **options: Any) -> bytes:
    return pd.DataFrame(rows).to_csv(index=False, **options).encode()


def remarks(dataset: Dataset) -> str:
    return " ".join(issue.reason for issue in dataset.remarks)


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (
            ("Prompt", "SUBJECT", "Target New", "Target-True", "Paraphrases", "Case ID"),
            ColumnMapping("Prompt", "SUBJECT", "Target New", "Target-True", "Paraphrases", case_id="Case ID"),
        ),
        (
            ("src", "subject", "alt", "answers", "rephrase", "loc", "loc_ans"),
            ColumnMapping("src", "subject", "alt", "answers", "rephrase", "loc", "loc_ans"),
        ),
        (
            ("relation", "relation_prefix", "prompt", "relation_id", "target_false", "target_true", "subject"),
            ColumnMapping("prompt", "subject", "target_false", "target_true", relation="relation"),
        ),
        (
            ("requested_rewrite.prompt", "requested_rewrite.subject", "requested_rewrite.target_new.str"),
            ColumnMapping("requested_rewrite.prompt", "requested_rewrite.subject", "requested_rewrite.target_new.str"),
        ),
        (
            ("question", "entity", "new_answer", "answer", "portability_prompt", "portability_ground_truth"),
            ColumnMapping(
                "question",
                "entity",
                "new_answer",
                "answer",
                portability_prompt="portability_prompt",
                portability_answer="portability_ground_truth",
            ),
        ),
        (("a", "b", ""), ColumnMapping()),
        ((), ColumnMapping()),
    ],
)
def test_columns_are_guessed_by_their_names(columns: tuple[str, ...], expected: ColumnMapping) -> None:
    assert guess_mapping(columns) == expected


def test_a_table_with_known_names_reads_without_a_mapping() -> None:
    data = as_csv(
        {"Question": "The capital of Peru is", "Entity": "Peru", "New answer": "Quito", "Answer": "Lima", "id": 9},
        {"Question": "The capital of Chile is", "Entity": "chile", "New answer": "Lima", "Answer": "", "id": 9},
        {"Question": "The capital of Cuba is", "Entity": "Haiti", "New answer": "Lima", "Answer": "Havana", "id": 8},
        {"Question": "", "Entity": "Cuba", "New answer": "Lima", "Answer": "Havana", "id": 7},
        sep=";",
    )
    dataset = read_bytes(data, "facts.dat")
    assert dataset.format == "table"
    assert "prompt from Question" in dataset.description
    assert [(r.case_id, r.subject, r.target_new, r.target_true) for r in dataset.requests] == [
        ("9", "Peru", "Quito", "Lima"),
        ("9-2", "Chile", "Lima", ""),
    ]
    assert "No true target, unlike other records" in remarks(dataset)
    assert [issue.row for issue in dataset.reported] == [3, 4]
    assert dataset.reported[1].reason == "The field Question is missing or empty."


def test_a_mapping_decides_whatever_the_content_looks_like() -> None:
    record = {
        "subject": "x",
        "src": "x?",
        "alt": "y",
        "answers": ["z"],
        "loc": "l",
        "loc_ans": "m",
        "other": "x now is",
    }
    data = json.dumps([record]).encode()
    assert read_bytes(data, "f").format == "zsre-mend"
    dataset = read_bytes(data, "f", ColumnMapping(prompt="other", subject="subject", target_new="loc_ans"))
    assert dataset.format == "table"
    assert (dataset.requests[0].prompt, dataset.requests[0].target_new) == ("x now is", "m")
    assert dataset.requests[0].locality == ()


def test_missing_fields_and_unknown_columns_are_named_with_the_columns_there_are() -> None:
    data = b"frage,wer,neu\nWhere is Peru?,Peru,Asia\n"
    with pytest.raises(MappingError) as caught:
        read_bytes(data, "fragen.csv")
    assert str(caught.value) == (
        "fragen.csv has the columns frage, wer, neu; "
        "say which of them holds prompt and which holds subject and which holds target_new."
    )
    with pytest.raises(MappingError, match="there is no column nue"):
        read_bytes(data, "fragen.csv", ColumnMapping("frage", "wer", "nue"))
    with pytest.raises(MappingError, match="which of them holds subject"):
        read_bytes(data, "fragen.csv", ColumnMapping("frage", None, "neu"))
    assert read_bytes(data, "fragen.csv", ColumnMapping("frage", "wer", "neu")).requests[0].target_new == "Asia"


def test_a_table_of_many_columns_keeps_its_message_short() -> None:
    header = ",".join(f"column_with_a_rather_long_name_number_{i:04}_and_more" for i in range(500))
    with pytest.raises(MappingError, match="and 480 more") as caught:
        read_bytes(f"{header}\n{',' * 499}x\n".encode(), "wide.csv")
    assert len(str(caught.value)) < 1200


def test_list_cells() -> None:
    data = as_csv(
        {
            "prompt": "The capital of Peru is",
            "subject": "Peru",
            "target_new": "Quito",
            "ground_truth": '["Lima", "City of Lima"]',
            "rephrases": "Peru's capital is | Peru is governed from",
            "locality_prompt": "['The capital of Cuba is', 'The capital of Chile is']",
            "locality_answer": "[['Havana', 'La Habana'], 'Santiago']",
            "portability_prompt": "The capital of Peru lies in",
            "portability_answer": "Ecuador|Republic of Ecuador",
        }
    )
    request = read_bytes(data, "x", guess_mapping(read_table(data, "x").columns)).requests[0]
    assert request.true_answers == ("Lima", "City of Lima")
    assert [p.prompt for p in request.rephrases] == ["Peru's capital is", "Peru is governed from"]
    assert [p.answers for p in request.locality] == [("Havana", "La Habana"), ("Santiago",)]
    assert request.portability[0].answers == ("Ecuador", "Republic of Ecuador")


def test_probes_without_answers_in_a_table() -> None:
    rows = [{"prompt": "Peru is", "subject": "Peru", "target_new": "a", "loc": "Cuba is", "portability": "Peru was"}]
    dataset = read_bytes(json.dumps(rows).encode(), "x")
    assert dataset.requests[0].locality[0].answers == ()
    assert dataset.requests[0].portability == ()
    assert "1 of 1 probes in portability_prompt have no answer and were left out" in remarks(dataset)


def test_probes_that_carry_their_answers_in_one_column() -> None:
    probes = {"Group": [{"prompt": "Cuba is", "ground_truth": "big"}]}
    rows = [{"question": "Peru is", "subject": "Peru", "target_new": "a", "locality": probes}]
    request = read_bytes(json.dumps(rows).encode(), "x").requests[0]
    assert (request.locality[0].prompt, request.locality[0].answers) == ("Cuba is", ("big",))


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("a", "a"),
        ("a|b | c", ["a", "b", "c"]),
        ('["a", "b"]', ["a", "b"]),
        ("['it\\'s', None]", ["it's", None]),
        ('["\\d"]', ["\\d"]),
        ("[not a list]", "[not a list]"),
        ("[1, 2", "[1, 2"),
        ("[__import__('os')]", "[__import__('os')]"),
        ("[" * 5000 + "]" * 5000, "[" * 5000 + "]" * 5000),
        ("{}", "{}"),
        ("{} is in {}", "{} is in {}"),
        ("{'a': 1}", {"a": 1}),
        ("", ""),
        (None, None),
        (3, 3),
        (["x"], ["x"]),
    ],
)
def test_how_a_cell_becomes_a_list(cell: Any, value: Any) -> None:
    assert cell_list(cell) == value


def test_numbers_and_missing_cells_in_parquet() -> None:
    frame = pd.DataFrame(
        {
            "prompt": ["Peru was founded in", "Cuba was founded in", None],
            "subject": ["Peru", "Cuba", "Chile"],
            "target_new": [1900.0, float("nan"), 3.0],
            "target_true": [1821, 1902, 1818],
            "rephrases": [["Peru began in", None], [], None],
        }
    )
    buffer = io.BytesIO()
    frame.to_parquet(buffer)
    dataset = read_bytes(buffer.getvalue(), "x", guess_mapping(frame.columns))
    assert dataset.n_records == 3
    assert [(r.target_new, r.target_true) for r in dataset.requests] == [("1900", "1821")]
    assert [p.prompt for p in dataset.requests[0].rephrases] == ["Peru began in"]
    assert [issue.row for issue in dataset.reported] == [2, 3]
