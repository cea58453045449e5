"""Every kind of run becomes a report and a zip of the same figures and tables, whose numbers are those of the run."""

import io
import json
import re
import zipfile
from pathlib import Path

import markupsafe
import pandas as pd
import pytest

from goldenlayers_core.errors import StoreError
from goldenlayers_core.figures.export import find_browser
from goldenlayers_core.records import EditRequest, ModelSource, TraceConfig
from goldenlayers_core.reports import report_zip
from goldenlayers_core.reports.columns import meaning
from goldenlayers_core.results.present.tour import Tour
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks import DatasetChoice, EditQuestion, ScoreQuestion, TraceQuestion, Workbench
from goldenlayers_core.tasks.edit.many_edits import many_edits
from goldenlayers_core.tasks.edit.one_edit import edit
from goldenlayers_core.tasks.edit.stored import open_report
from goldenlayers_core.tasks.present.stored_tour import TourQuestion, save_tour
from goldenlayers_core.tasks.questions import ManyEditsQuestion, SearchQuestion, SweepQuestion
from goldenlayers_core.tasks.report import report_of, write_report, zip_bytes
from goldenlayers_core.tasks.scores.layer_scores import score
from goldenlayers_core.tasks.scores.trace import trace
from goldenlayers_core.tasks.serial import plain
from goldenlayers_core.tasks.truth.search import search
from goldenlayers_core.tasks.truth.stored_search import save_search
from goldenlayers_core.tasks.truth.stored_sweep import open_sweep
from goldenlayers_core.tasks.truth.sweep import sweep
from tests.made_up import made_search

FACTS = "prompt,subject,target_new,target_true\n" + "\n".join(
    f"The capital of {country} is,{country},{new},{true}"
    for country, new, true in (("France", "Rome", "Paris"), ("Japan", "Oslo", "Tokyo"), ("Spain", "Lisbon", "Madrid"))
)
SETTINGS = {"steps": 2, "n_templates": 0}
REQUEST = EditRequest("1", "The capital of France is", "France", "Rome", "Paris")


def runs(bench: Workbench, tiny: ModelSource, folder: Path) -> dict[str, str]:
    """One run of every kind on a tiny model."""
    file = folder / "capitals.csv"
    file.write_text(FACTS)
    choice, progress = DatasetChoice(str(file)), Progress()
    return {
        "score": (scored := score(bench, ScoreQuestion(tiny, choice), progress)),
        "edit-aware": score(bench, ScoreQuestion(tiny, choice, method="edit-aware"), progress),
        "line-check": score(bench, ScoreQuestion(tiny, choice, method="line-check"), progress),
        "damage": score(bench, ScoreQuestion(tiny, choice, method="damage"), progress),
        "sweep": sweep(bench, SweepQuestion(tiny, choice, settings=SETTINGS), progress),
        "search": search(bench, SearchQuestion(tiny, choice, settings=SETTINGS, seconds=5.0), progress),
        "trace": trace(bench, TraceQuestion(tiny, choice, TraceConfig(n_samples=2, answer="model")), progress),
        "edit": (edited := edit(bench, EditQuestion(tiny, plain(REQUEST), layer=1, settings=SETTINGS), progress)),
        "many-edits": many_edits(bench, ManyEditsQuestion(tiny, choice, layer=1, settings=SETTINGS), progress),
        "tour": toured(bench, scored, edited),
    }


def toured(bench: Workbench, score_run: str, edit_run: str) -> str:
    """A tour of these two runs."""
    report = open_report(bench.store, edit_run)
    found = Tour(model="tiny", prompt=report.prompt, score_run=score_run, edit_run=edit_run, evidence="by hand")
    provenance = {"torch": "2", "dtype": "float32", "cpu": "some"}
    return save_tour(bench.store, TourQuestion(), found, (report,), provenance)


def check_zip(bench: Workbench, run_id: str) -> None:
    """Everything of the report is in the zip, and the README explains it."""
    report = report_of(bench.store, run_id)
    folder = zipfile.ZipFile(io.BytesIO(report_zip(report)))
    names, readme = folder.namelist(), folder.read("README.txt").decode()
    assert json.loads(folder.read("provenance.json"))["run_id"] == run_id
    for words in (report.finding, *report.limits, "arXiv 2602.20207", "PNG and SVG were not drawn", run_id):
        assert words in readme
    for place, section in enumerate(report.sections, 1):
        stems = [name for name in names if name.split("/")[-1].startswith(f"{place:02d}-")]
        if section.figure is not None:
            (page,) = [name for name in stems if name.endswith(".html")]
            assert "Plotly.newPlot" in folder.read(page).decode()
            assert section.figure.layout.meta["title"] in readme
            assert section.table is not None  # its twin
        if section.table is not None:
            (csv,) = [name for name in stems if name.endswith(".csv")]
            (parquet,) = [name for name in stems if name.endswith(".parquet")]
            assert len(pd.read_csv(io.BytesIO(folder.read(csv)))) == len(section.table)
            assert list(pd.read_parquet(io.BytesIO(folder.read(parquet))).columns) == list(section.table.columns)
            assert not [name for name in section.table.columns if not meaning(name)]


def test_every_kind_of_run(bench: Workbench, tiny: ModelSource, tmp_path: Path) -> None:
    made = runs(bench, tiny, tmp_path)
    for kind, run_id in made.items():
        found = report_of(bench.store, run_id)
        facts = dict(found.facts)
        assert found.finding
        assert found.limits
        assert all(section.figure is not None or section.title for section in found.sections)
        assert {"model", "dataset", "run", "settings", "torch", "dtype", "cpu"} <= set(facts)
        assert run_id in facts["run"]
        check_zip(bench, run_id)
        stacks = [s for s in found.sections if s.name == "layer-stack"]
        assert len(stacks) == (kind != "tour")  # this tour is of no model that is known
        assert all(len(stack.table) == 3 for stack in stacks)  # the model's layers
    edited = report_of(bench.store, made["edit"]).sections[-1].table
    assert list(edited["layer"][edited["named_by"].str.contains("edited")]) == [1]
    swept = open_sweep(bench.store, made["sweep"])
    tables = [s.table for s in report_of(bench.store, made["sweep"]).sections if s.table is not None]
    assert any(len(table) == swept.n_requests * len(swept.layers) for table in tables)
    report = open_report(bench.store, made["edit"])
    first = report_of(bench.store, made["edit"]).sections[0].table
    assert first is not None
    assert zip_bytes(bench.store, made["edit"]) == zip_bytes(bench.store, made["edit"])  # the same run, the same bytes
    bench.store.annotate_run(made["edit"], "for <Friday>", True)
    noted = dict(report_of(bench.store, made["edit"]).facts)
    assert (noted["note"], noted["starred"]) == ("for <Friday>", "yes")
    assert (
        "note: for <Friday>"
        in zipfile.ZipFile(io.BytesIO(zip_bytes(bench.store, made["edit"]))).read("README.txt").decode()
    )
    assert list(first["P(Rome)"]) == [report.before.target_new_probability, report.after.target_new_probability]

    out = tmp_path / "report.html"
    write_report(bench.store, made["edit"], out)
    page = re.sub(r"<script.*?</script>", "", out.read_bytes().decode(), flags=re.S)
    assert str(markupsafe.escape(report.verdict)) in page


@pytest.mark.skipif(find_browser() is None, reason="no Chromium or Chrome on this machine")
def test_pictures_where_a_browser_draws_them(bench: Workbench, tmp_path: Path) -> None:
    run_id = save_search(bench.store, SearchQuestion(), made_search())
    out = tmp_path / "search.zip"
    write_report(bench.store, run_id, out, pictures=True)
    folder = zipfile.ZipFile(out)
    assert folder.read("figures/01-race.png").startswith(b"\x89PNG")
    assert b"<svg" in folder.read("figures/01-race.svg")[:300]
    assert "PNG and SVG were not drawn" not in folder.read("README.txt").decode()


def test_a_run_that_is_not_there(bench: Workbench, tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        write_report(bench.store, "sweep-none", tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()
