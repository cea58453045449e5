"""One file that needs nothing else, with everything a reader has to know."""

import io
import re

import numpy as np
import pandas as pd
import pytest

from goldenlayers_core.figures import race
from goldenlayers_core.reports import Report, Section, report_html
from goldenlayers_core.reports.bundle import csv_text
from goldenlayers_core.reports.page import MOST_ROWS
from tests.made_up import made_search

HOSTILE = "<script>alert('x')</script> {{ 7 * 7 }}"


def report(**changed: object) -> Report:
    found = made_search()
    content: dict[str, object] = {
        "title": "A search",
        "finding": "Layer 3 is left.",
        "sections": (Section(race(found), found.to_frame()),),
        "facts": (("model", "tiny"), ("seed", "0")),
        "limits": ("Few requests.",),
    }
    return Report(**{**content, **changed})  # type: ignore[arg-type]


def test_it_holds_finding_figure_definition_table_provenance_and_limits() -> None:
    found = made_search()
    drawn = race(found)
    page = report_html(report())
    text = re.sub(r"<script.*?</script>", "", page, flags=re.S)
    for words in ("Layer 3 is left.", drawn.layout.meta["title"], "Few requests.", "<dt>seed</dt><dd>0</dd>"):
        assert words in text
    assert text.count("<tr>") == len(found.to_frame()) + 1
    assert "Plotly.newPlot" in page


def test_it_asks_nothing_of_the_network() -> None:
    page = report_html(report())
    tags = re.findall(r"<(?:script|link|img|iframe)[^>]*>", re.sub(r"<script[^>]*>.*?</script>", "", page, flags=re.S))
    assert tags == []
    assert not re.search(r"<script[^>]+src=", page)


def test_nothing_in_it_is_taken_for_markup() -> None:
    table = pd.DataFrame({HOSTILE: [HOSTILE]})
    page = report_html(report(title=HOSTILE, finding=HOSTILE, sections=(Section(None, table, HOSTILE, (HOSTILE,)),)))
    assert HOSTILE not in page
    assert "{{ 7 * 7 }}" in page
    assert page.count("alert(&#39;x&#39;)") == 7  # title twice, finding, heading, paragraph, column, cell
    assert "plotly" not in page.lower()  # without a figure its library stays out


def test_a_long_table_is_cut_and_says_so() -> None:
    table = pd.DataFrame({"number": np.arange(MOST_ROWS + 5)})
    page = report_html(report(sections=(Section(None, table, "Long"),)))
    assert f"{MOST_ROWS + 5:,} rows; the first {MOST_ROWS:,} are here" in page
    assert page.count("<tr>") == MOST_ROWS + 1


@pytest.mark.parametrize(("value", "shown"), [(float("nan"), ""), (0.123456, "0.1235"), (True, "True"), (3, "3")])
def test_cells(value: object, shown: str) -> None:
    page = report_html(report(sections=(Section(None, pd.DataFrame({"a": [value]}, dtype=object), "T"),)))
    assert f"<td>{shown}</td>" in page


def test_a_cell_that_a_spreadsheet_would_compute_is_text_and_numbers_stay_numbers() -> None:
    computed = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "=", "-"]
    texts = [*computed, "plain", "-5", "+1.5e3", "", "a=b"]
    table = pd.DataFrame({"=said": texts, "n": [-1.5] * len(texts)})
    read = pd.read_csv(io.StringIO(csv_text(table)), dtype=str, keep_default_na=False)
    assert list(read.columns) == ["'=said", "n"]
    assert list(read["'=said"]) == [f"'{text}" for text in computed] + texts[len(computed) :]
    assert set(read["n"]) == {"-1.5"}
