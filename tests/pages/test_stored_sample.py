"""Stores and links of earlier versions still open: one sample of each, made by the version it is named after.

`tests/samples/store-N.zip` is a cache folder without its models: runs of every kind on the bundled model (2 or 3
requests), an uploaded table, and the rows, edits and job records behind them. `store-N.json` says what was in it, and
the addresses that its pages wrote. Version 1 is the store from before the files of the house moved into wings,
version 2 the one in which everything carries its digest, job records included.
"""

import json
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from goldenlayers_core.tasks.report import report_of
from goldenlayers_core.tasks.slides import slides
from pages._shared import cached
from tests.lending import lend_models
from tests.pages.conftest import app_on
from tests.pages.driving import opened, texts

SAMPLES = Path(__file__).parents[1] / "samples"
OPENERS = {
    "score": cached.scores,
    "sweep": cached.sweep,
    "search": cached.search,
    "trace": cached.trace,
    "edit": cached.report,
    "many-edits": cached.many,
    "tour": cached.tour,
}


@cache
def told(version: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SAMPLES / f"store-{version}.json").read_text(encoding="utf-8"))
    return found


VERSIONS = (1, 2)
RUNS = [(version, run_id) for version in VERSIONS for run_id in told(version)["runs"]]
LINKS = [(version, link) for version in VERSIONS for link in told(version)["links"]]


@pytest.fixture(scope="module", params=VERSIONS)
def version(request: pytest.FixtureRequest) -> int:
    """Of the store."""
    return int(request.param)


@pytest.fixture(scope="module", autouse=True)
def store_folder(version: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The sample of a version, unpacked: opening it writes nothing, so that all its tests share it."""
    folder = lend_models(tmp_path_factory.mktemp("sample") / "cache")
    with zipfile.ZipFile(SAMPLES / f"store-{version}.zip") as packed:
        packed.extractall(folder)
    with app_on(folder) as there:
        yield there


def test_every_run_is_listed_under_its_title(version: int) -> None:
    found = {m.run_id: m.title for m in cached.workbench().store.runs()}
    assert found == {run_id: run["title"] for run_id, run in told(version)["runs"].items()}


@pytest.mark.parametrize(("version", "run_id"), RUNS, indirect=["version"])
def test_a_run_opens_and_is_told_as_it_was(version: int, run_id: str) -> None:
    run, store = told(version)["runs"][run_id], cached.workbench().store
    OPENERS[run["kind"]](run_id)
    report = report_of(store, run_id)
    assert report.finding
    assert len(report.sections) == run["sections"] + 1  # the stack of layers came later
    if run["screens"]:
        assert len(slides(store, run_id)) == run["screens"] + (2 if run["kind"] == "tour" else 3)  # title, stack, end


def test_numbers_are_those_that_were_stored(version: int) -> None:
    runs = {run["kind"]: run_id for run_id, run in told(version)["runs"].items()}
    sweep = cached.sweep(runs["sweep"])
    assert sweep.layers == (0, 3)
    assert sweep.golden_layer == 3
    scores, selection = cached.scores("score-eff6811742410c59")
    assert scores.values.shape == (3, 30)
    assert selection.golden_layer == 16
    report = cached.report("edit-e1df0906eee4cd15")
    assert (report.layer, report.took, report.after.answer.split()[0]) == (3, True, "Switzerland.")


def test_what_stands_beside_the_runs_opens() -> None:
    bench = cached.workbench()
    (upload,) = bench.upload_cards()
    assert [r.subject for r in bench.dataset(upload.reference).requests] == ["France", "Italy"]
    store = bench.store
    for name in store.names("token-traces"):
        cached.token_trace(name)
    for name in store.names("edits"):
        assert cached.edit_card(name).layers
    assert {job.state for job in bench.jobs()} == {"done"}
    assert len(bench.jobs()) == 11
    assert bench.store.problems() == ()


@pytest.mark.parametrize(
    ("version", "link"), LINKS, indirect=["version"], ids=[f"{n}-{link['asked']['run']}" for n, link in LINKS]
)
def test_a_link_of_that_time_puts_its_run_on_show(version: int, link: dict[str, Any]) -> None:
    app, run_id = opened(link["page"], **link["asked"]), link["asked"]["run"]
    kind = told(version)["runs"][run_id]["kind"]
    kind = {"many-edits": "many"}.get(kind, kind)
    assert app.session_state[f"{kind}_run"] == run_id
    assert "is not in this" not in texts(app)
