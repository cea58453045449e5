"""Every kind of run becomes a report, whose numbers are those of the run."""

import re
from pathlib import Path

import markupsafe
import pytest

from goldenlayers_core.errors import StoreError
from goldenlayers_core.records import EditRequest, ModelSource, TraceConfig
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks import DatasetChoice, EditQuestion, ScoreQuestion, TraceQuestion, Workbench
from goldenlayers_core.tasks.editing import edit
from goldenlayers_core.tasks.questions import SearchQuestion, SweepQuestion
from goldenlayers_core.tasks.reporting import report_of, write_report
from goldenlayers_core.tasks.scoring import score
from goldenlayers_core.tasks.searching import search
from goldenlayers_core.tasks.serial import plain
from goldenlayers_core.tasks.stored import open_report, open_sweep
from goldenlayers_core.tasks.sweeping import sweep
from goldenlayers_core.tasks.tracing import trace

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
        "score": score(bench, ScoreQuestion(tiny, choice), progress),
        "edit-aware": score(bench, ScoreQuestion(tiny, choice, method="edit-aware"), progress),
        "sweep": sweep(bench, SweepQuestion(tiny, choice, settings=SETTINGS), progress),
        "search": search(bench, SearchQuestion(tiny, choice, settings=SETTINGS, seconds=5.0), progress),
        "trace": trace(bench, TraceQuestion(tiny, choice, TraceConfig(n_samples=2, answer="model")), progress),
        "edit": edit(bench, EditQuestion(tiny, plain(REQUEST), layer=1, settings=SETTINGS), progress),
    }


def test_every_kind_of_run(bench: Workbench, tiny: ModelSource, tmp_path: Path) -> None:
    made = runs(bench, tiny, tmp_path)
    for run_id in made.values():
        found = report_of(bench.store, run_id)
        facts = dict(found.facts)
        assert found.finding
        assert found.limits
        assert all(section.figure is not None or section.title for section in found.sections)
        assert {"model", "dataset", "run", "settings", "torch", "dtype", "cpu"} <= set(facts)
        assert run_id in facts["run"]
    swept = open_sweep(bench.store, made["sweep"])
    tables = [s.table for s in report_of(bench.store, made["sweep"]).sections if s.table is not None]
    assert any(len(table) == swept.n_requests * len(swept.layers) for table in tables)
    report = open_report(bench.store, made["edit"])
    first = report_of(bench.store, made["edit"]).sections[0].table
    assert first is not None
    assert list(first["P(Rome)"]) == [report.before.target_new_probability, report.after.target_new_probability]

    out = tmp_path / "report.html"
    write_report(bench.store, made["edit"], out)
    page = re.sub(r"<script.*?</script>", "", out.read_bytes().decode(), flags=re.S)
    assert str(markupsafe.escape(report.verdict)) in page


def test_a_run_that_is_not_there(bench: Workbench, tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        write_report(bench.store, "sweep-none", tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()
