"""A kind of probe that nobody has is "not asked" in what is printed and written: never 0, never NaN."""

import csv
import io
import json
import math

import pandas as pd

from goldenlayers_core.commands.answers import edit_answer
from goldenlayers_core.commands.answers_trace import evaluation_answer, evaluation_lines
from goldenlayers_core.reports import Report, Section, csv_text, report_html
from goldenlayers_core.results import ProbeOutcome
from goldenlayers_core.results.edit.evaluation import EditEvaluation, ProbeRate
from tests.made_up import made_report, view


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_an_evaluation() -> None:
    rates = (
        ProbeRate("edited", "rewrite", 1, 1, 0, 1, 0, 2.0),
        ProbeRate("others", "portability", 3, 0, 0, 0, 3, 0.1),  # nothing is expected: they are only compared
    )
    found = EditEvaluation(
        "e" * 64, "rome", (5,), "Paris is in", "Paris", "Italy", "tiny", "a table", 2, "a", 0, rates, (2.0, 2.0), (5, 5)
    )
    told = evaluation_answer(found)
    assert [(rate["before"], rate["after"], rate["unchanged"]) for rate in told["rates"]] == [
        (0, 1, 0),
        (None, None, 3),
    ]
    assert {"group": "edited", "kind": "locality"} in told["not_asked"]
    assert len(told["not_asked"]) == 6
    lines = evaluation_lines(found)
    assert sum(line.split()[:1] == ["others"] and line.endswith("not asked") for line in lines) == 3
    assert [(row["before"], row["after"]) for row in rows(csv_text(found.to_frame()))][1] == ("not asked", "not asked")
    alone = EditEvaluation(
        "e" * 64, "rome", (5,), "Paris is in", "Paris", "Italy", "tiny", "a table", 1, "a", 0, rates[:1], (2, 2), (5, 5)
    )
    assert evaluation_answer(alone)["locality"] == {"unchanged": None, "n_probes": 0}
    assert any(line.startswith("locality: not asked") for line in evaluation_lines(alone))


def test_one_edit() -> None:
    said = view("Rome", 0.9, math.nan)
    outcome = ProbeOutcome("Paris is in", "rewrite", "", ("Italy",), said, said, True, 0.0)
    report = made_report((outcome,), said, said)
    told = edit_answer(report)
    assert told["after"]["target_true_probability"] is None
    assert told["rates"] == {"rewrite": {"good": 1, "n_probes": 1}}
    assert told["not_asked"] == ["rephrase", "locality", "portability"]
    json.dumps(told, allow_nan=False)
    (row,) = rows(csv_text(report.to_frame()))
    assert (row["p_true_after"], row["p_new_after"]) == ("not asked", "0.9")
    page = report_html(Report("An edit", "It took.", (Section(None, report.to_frame(), open_table=True),), (), ()))
    assert page.count("<td>not asked</td>") == 2


def test_a_table_that_does_not_say_what_its_gaps_are_keeps_them_empty() -> None:
    assert csv_text(pd.DataFrame({"a": [1.0, math.nan]})) == 'a\r\n1.0\r\n""\r\n'
