"""Runs: list, open, rename, delete, compare, background work, disk use."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from goldenlayers_core.records import ModelSource
from goldenlayers_core.runtime import JobView, digests
from goldenlayers_core.runtime.attendance import Attendance
from goldenlayers_core.tasks import DatasetChoice, ScoreQuestion
from goldenlayers_core.tasks.questions import SweepQuestion
from goldenlayers_core.tasks.truth.stored_sweep import save_sweep
from pages._shared import cached, show
from tests.made_up import made_sweep
from tests.pages.driving import go, opened, press, start, stored_edit, stored_scores, texts


def test_an_empty_store_leads_to_the_first_step() -> None:
    app = start("runs")
    assert "No run is stored yet" in app.info[0].value
    assert any(link.label == "Three steps to a first result" for link in app.get("page_link"))
    assert "Nothing is stored yet." in texts(app)


def test_runs_are_listed_with_what_they_found() -> None:
    stored_scores()
    stored_edit()
    app = start("runs")
    shown = texts(app).replace("\\", "")
    assert "golden layer" in shown
    assert "LGA (mlp, loss on the answer)" in shown
    assert "6 requests" in shown
    assert "the edit took" in shown
    assert "France: Paris → Rome (ROME, layer 5)" in shown
    app.button_group(key="runs-kind").set_value("edit").run()
    assert "LGA (mlp" not in texts(app).replace("\\", "")


@pytest.mark.parametrize(
    ("make", "page", "state"), [(stored_scores, "Layer scores", "score_run"), (stored_edit, "Edit", "edit_run")]
)
def test_a_run_opens_on_its_page(make, page: str, state: str) -> None:
    run_id = make()
    app = start("runs")
    app.button(key=f"open-runs-{run_id}").click().run()
    assert app.title[0].value == page
    assert app.session_state[state] == run_id


def test_a_run_is_renamed() -> None:
    run_id = stored_scores()
    app = start("runs")
    app.text_input(key=f"title-{run_id}").set_value("My *first* run")
    press(app, f"rename-{run_id}")
    assert "My \\*first\\* run" in texts(app)
    assert cached.workbench().store.load_run(run_id).manifest.title == "My *first* run"


def test_a_run_is_starred_and_noted() -> None:
    first, second = stored_scores(seed=1), stored_scores(seed=2)
    app = start("runs")
    press(app, f"star-runs-{first}")
    app.text_area(key=f"note-{first}").set_value("for *Friday*")
    press(app, f"keep-note-{first}")
    found = cached.workbench().store.load_run(first).manifest
    assert (found.starred, found.note) == (True, "for *Friday*")
    assert "for \\*Friday\\*" in texts(app)
    app.button_group(key="runs-kind").set_value("starred").run()
    assert [b.key for b in app.button if str(b.key).startswith("open-runs-")] == [f"open-runs-{first}"]
    press(app, f"star-runs-{first}")
    assert "No run is starred yet" in app.info[0].value
    assert second in {m.run_id for m in cached.workbench().store.runs()}


def test_a_deleted_run_is_gone_and_off_the_pages() -> None:
    run_id = stored_scores()
    app = start("runs", score_run=run_id)
    press(app, f"delete-{run_id}")
    assert not cached.workbench().store.runs()
    assert "score_run" not in app.session_state
    assert "No run is stored yet" in app.info[0].value


def test_two_runs_are_compared() -> None:
    first, second = stored_scores(seed=1), stored_scores(seed=2)
    twins = {f"{show.TWIN}compare-{a}-{b}": True for a, b in ((first, second), (second, first))}
    app = start("runs", **twins)
    assert {app.selectbox(key="compare-a").value, app.selectbox(key="compare-b").value} == {first, second}
    assert len(app.get("plotly_chart")) == 1
    table = app.dataframe[0].value
    assert list(table["run"].unique()) == ["A", "B"]
    app.selectbox(key="compare-b").set_value(app.selectbox(key="compare-a").value).run()
    assert "Choose two different runs." in texts(app)


def test_runs_of_different_models_are_compared_too() -> None:
    stored_scores(seed=1)
    stored_scores(seed=2, n_layers=5)
    app = start("runs")
    assert len(app.get("plotly_chart")) == 1
    assert not app.error


def test_many_runs_are_shown_in_pages() -> None:
    for seed in range(12):
        stored_scores(seed=seed)
    app = start("runs")
    openers = [b for b in app.button if str(b.key).startswith("open-runs-")]
    assert len(openers) == 8
    app.get("pagination")[0].set_value(2).run()
    assert len([b for b in app.button if str(b.key).startswith("open-runs-")]) == 4


def interrupted() -> JobView:
    """A job that stopped before it was done."""
    bench = cached.workbench()
    job_id = bench.submit(ScoreQuestion(), "Scoring something")
    bench.slow.cancel(job_id)
    return bench.slow.wait(job_id, 60)


def test_runs_says_why_work_was_interrupted() -> None:
    bench = cached.workbench()
    job = interrupted()
    why = Attendance(1800.0, ends=True).sentence
    record = bench.slow._folder.read(job.job_id)
    assert record is not None
    bench.slow._folder.write(dataclasses.replace(record, view=dataclasses.replace(job, state="interrupted", error=why)))
    shown = texts(start("runs"))
    assert "interrupted. No page of those who asked was open for 30 minutes" in shown
    assert "the program stopped" not in shown
    bench.slow.forget(job.job_id)


def test_stopped_work_can_be_resumed_or_removed() -> None:
    job = interrupted()
    assert job.state == "cancelled"
    app = start("runs")
    assert "Scoring something" in texts(app)
    press(app, f"again-{job.job_id}")
    assert cached.workbench().job(job.job_id).active
    assert app.session_state["job:score"] == job.job_id
    cached.workbench().slow.cancel(job.job_id)
    cached.workbench().slow.wait(job.job_id, 60)
    app.run()
    press(app, f"forget-{job.job_id}")
    assert not cached.workbench().jobs()


def test_disk_use_is_shown_and_cleared_after_a_second_thought() -> None:
    stored_scores()
    app = start("runs")
    assert "**Runs** " in texts(app)
    press(app, "clear-now-runs")
    assert not cached.workbench().store.runs()


def test_damaged_runs_are_told_and_stop_nothing() -> None:
    run_id = stored_scores()
    store = cached.workbench().store
    (store.root / "runs" / run_id / "manifest.json").write_text("{")
    app = start("runs")
    assert "set aside" in app.warning[0].value
    assert "No run is stored yet" in app.info[0].value


def test_equal_work_that_stopped_twice_is_listed_once() -> None:
    first, second = interrupted(), interrupted()
    assert first.job_id != second.job_id
    app = start("runs")
    assert len([b for b in app.button if str(b.key).startswith("again-")]) == 1
    press(app, f"forget-{second.job_id}")
    assert not cached.workbench().jobs()


def plain_with(**fields: Any) -> Callable[[bytes], bytes]:
    """Makes of a record one without a digest whose job has other fields."""

    def changed(data: bytes) -> bytes:
        record = digests.opened(json.loads(data))
        return json.dumps({**record, "view": {**record["view"], **fields}}).encode()

    return changed


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda data: data[: len(data) // 2],
    "empty": lambda data: b"",
    "another title": lambda data: data.replace(b"Scoring", b"Storing"),
    "another list": lambda data: b"[1, 2]",
    "no such date": plain_with(created="yesterday"),
    "no such state": plain_with(state="odd"),
    "less than nothing": plain_with(state="interrupted", done=-4, total=2),
    "no such settings": plain_with(params={"model": [], "nonsense": 1}),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_job_records_are_named_and_take_no_page_down(store_folder: Path, damage: str) -> None:
    job = interrupted()
    path = store_folder / "jobs" / "slow" / f"{job.job_id}.json"
    app = start("runs")
    press(app, f"again-{job.job_id}")  # followed in this tab, too
    cached.workbench().slow.cancel(job.job_id)
    cached.workbench().slow.wait(job.job_id, 60)
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    for page in ("home", "layer_scores", "runs"):
        go(app, page)
    (warning,) = app.warning
    assert f"jobs/slow/{job.job_id}" in warning.value.replace("\\", "")
    assert "This job could not be read and was set aside; start it again" in warning.value
    assert "Scoring something" not in texts(app)
    press(app, "clear-now-all")
    assert not app.warning


def test_a_damaged_load_takes_no_page_down(store_folder: Path) -> None:
    bench = cached.workbench()
    app = start("home")
    job_id = bench.submit(ModelSource("nowhere/at-all"), "Loading something")
    bench.quick.wait(job_id, 60)
    path = store_folder / "jobs" / "quick" / f"{job_id}.json"
    path.write_bytes(plain_with(state="done", result="f" * 32, params={"model": {"sauce": 1}})(path.read_bytes()))
    app.session_state["job:load"] = job_id
    for page in ("home", "runs"):
        go(app, page)
    assert f"jobs/quick/{job_id}" in app.warning[0].value.replace("\\", "")


def test_two_sweeps_of_the_same_requests_are_told_apart_by_their_layers_and_settings() -> None:
    store, choice = cached.workbench().store, DatasetChoice("bundled", "proxy", 12)
    save_sweep(store, SweepQuestion(choice=choice), made_sweep())
    save_sweep(store, SweepQuestion(choice=choice, settings={"steps": 8}), made_sweep(layers=(0, 3)))
    app = start("runs")
    words = texts(app).replace("\\", "")
    assert "all 30 layers" in words
    assert "Sweep (ROME, steps 8)" in words
    assert "layers 0 and 3" in words
    assert "steps 8, 2 layers" in "".join(app.selectbox(key="compare-sweep-a").options)


def test_two_sweeps_are_compared_and_the_address_keeps_which() -> None:
    store, choice = cached.workbench().store, DatasetChoice("bundled", "proxy", 12)
    assert "Compare two sweeps" not in [header.value for header in start("runs").header]
    first = save_sweep(store, SweepQuestion(choice=choice), made_sweep())
    other = dataclasses.replace(made_sweep(seed=1, peak=12), method="emmet")
    second = save_sweep(store, SweepQuestion(choice=choice, method="emmet"), other)
    app = opened("runs", sa=first, sb=second)
    assert "Compare two sweeps" in [header.value for header in app.header]
    assert (app.selectbox(key="compare-sweep-a").value, app.selectbox(key="compare-sweep-b").value) == (first, second)
    assert (app.query_params["sa"], app.query_params["sb"]) == (first, second)
    shown = texts(app).replace("\\", "")
    assert "Both on the 12 requests that they share" in shown
    assert "What differs: the method or its settings" in shown
    app.selectbox(key="compare-sweep-b").set_value(first).run()
    assert "Choose two different sweeps." in texts(app)
