"""The page Ground truth in AppTest: empty, at work, done, failed; on real sweeps of the bundled model, small ones."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from goldenlayers_core.records import ModelSource
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks import DatasetChoice, ScoreQuestion, Workbench, open_workbench
from goldenlayers_core.tasks.address import short
from goldenlayers_core.tasks.questions import SearchQuestion, SweepQuestion
from goldenlayers_core.tasks.scores.layer_scores import score
from goldenlayers_core.tasks.scores.predicting import estimate_question
from goldenlayers_core.tasks.scores.second_looks import other_estimates
from goldenlayers_core.tasks.truth.needed import advised, requests_needed
from goldenlayers_core.tasks.truth.stored_search import save_search
from goldenlayers_core.tasks.truth.stored_sweep import open_sweep, save_sweep
from goldenlayers_core.tasks.truth.sweep import sweep
from pages._shared import cached
from pages._truth import start as truth_start
from pages._truth import views
from tests import made_evidence
from tests.lending import lend_models
from tests.made_up import made_search, made_sweep
from tests.pages.benches import THREE, copied, words
from tests.pages.driving import go, opened, press, start, twins, unfolded, work_done
from tests.tiny import save_tiny

LAYERS = (0, 5, 15)
QUICK = {"steps": 4, "n_templates": 0}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder with a sweep of three requests and LGA on the same."""
    bench = open_workbench(lend_models(tmp_path_factory.mktemp("swept")))
    sweep(bench, SweepQuestion(choice=THREE, settings=QUICK, layers=LAYERS), Progress())
    score(bench, ScoreQuestion(choice=THREE), Progress())
    bench.close()
    return bench.root


@pytest.fixture
def bench(store_folder: Path, folder: Path) -> Workbench:
    copied(folder, store_folder)
    if (folder / "objects").exists():
        shutil.copytree(folder / "objects", store_folder / "objects", dirs_exist_ok=True)
    return cached.workbench()


@pytest.fixture
def run_id(bench: Workbench) -> str:
    return next(m.run_id for m in bench.store.runs() if m.kind == "sweep" and m.n_requests == 3)


@pytest.fixture
def app(run_id: str) -> AppTest:
    return start("ground_truth", sweep_run=run_id)


def more_than_few(fingerprint: str) -> pd.DataFrame:
    """Edits of ten requests that leave no doubt about layer 7."""
    return made_evidence.rows(made_evidence.peaked(10, 30, 7), fingerprint)


def numbers(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def test_an_empty_store_explains_offers_and_says_what_it_costs_first() -> None:
    app = start("ground_truth")
    text = words(app)
    assert ", and how sure?" in text
    assert "writes each of some facts into every layer" in text
    assert app.button(key="truth-go").label == "Sweep 12 requests at 30 layers"
    assert "360 edits take about" in text
    assert not app.metric
    app.segmented_control(key="truth-step").set_value(2).run()
    assert app.button(key="truth-go").label == "Sweep 12 requests at 15 layers"
    app.segmented_control(key="truth-mode").set_value("search").run()
    assert app.button(key="truth-go").label == "Search for 2 min"
    assert "A full sweep would take" in words(app)


def test_what_is_stored_is_shown_before_the_first_sweep(bench: Workbench) -> None:
    for manifest in bench.store.runs():
        if manifest.kind == "sweep":
            bench.store.delete_run(manifest.run_id)
    bench.model(ModelSource())
    text = words(start("ground_truth"))
    assert "What is known so far" in text
    assert "Not judged by real edits yet" in text


def test_the_sweep_that_comes_with_the_model_is_one_press_away(bench: Workbench) -> None:
    for manifest in bench.store.runs():
        if manifest.kind == "sweep":
            bench.store.delete_run(manifest.run_id)
    bench.model(ModelSource())
    app = start("ground_truth")
    assert app.button(key="truth-shipped").label.startswith("Open the sweep that comes with this model: ")
    press(app, "truth-shipped")
    assert "What is known so far" not in words(app)
    (run,) = [manifest for manifest in bench.store.runs() if manifest.kind == "sweep"]
    assert f"{run.n_requests} requests" in words(app)


def test_a_budgeted_search_stands_alone_until_a_sweep_judges_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = cached.workbench()
    made_evidence.none(monkeypatch)
    found = made_search(bench.model(ModelSource()).fingerprint)
    save_search(bench.store, SearchQuestion(), found)
    app = start("ground_truth")
    text = words(app)
    assert "Too few to tell: layer 2 is ahead so far: a budgeted search of real edits ended with it" in text
    assert "confidence 80 %" in text
    assert "2 rounds of real edits" in text
    assert any("round" in frame.value for frame in twins(app).dataframe)
    made_evidence.only(monkeypatch, tmp_path / "e.parquet", more_than_few(found.fingerprint))
    assert "real ROME edits that come with the model" in words(start("home"))  # of more than 6 requests


def test_the_button_sweeps_and_the_page_shows_what_it_found(tmp_path: Path) -> None:
    bench, tiny = cached.workbench(), ModelSource(str(save_tiny(tmp_path / "tiny")))
    bench.model(tiny)
    app = start("ground_truth", chosen_model=tiny, chosen_dataset=DatasetChoice("bundled-hard", "all", 2))
    next(slider for slider in app.slider if slider.label == "Requests").set_value(1)
    app.segmented_control(key="truth-step").set_value(2)
    app.toggle(key="truth-known").set_value(False)
    app.number_input(key="truth-rome-steps").set_value(2)
    app.number_input(key="truth-rome-n_templates").set_value(0)
    app.run()
    press(app, "truth-go")
    assert bench.jobs()[0].kind == "sweep"
    work_done(app)
    (run,) = [m for m in bench.store.runs() if m.kind == "sweep"]
    found = open_sweep(bench.store, run.run_id)
    assert (found.n_requests, found.layers) == (1, (0, 2))
    assert run.settings["settings"] == {"steps": 2, "n_templates": 0}
    assert app.session_state["sweep_run"] == run.run_id
    assert numbers(app)["Golden layer"] == str(found.golden_layer)


def test_the_card_says_which_layer_and_how_sure_with_every_number(
    bench: Workbench, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_evidence.none(monkeypatch)
    app = start("ground_truth", sweep_run=run_id)
    found, text = open_sweep(bench.store, run_id), words(app)
    assert f"Too few to tell: layer {found.golden_layer} is ahead so far: only 3 requests were swept" in text
    assert {"Golden layer", "Mean score", "Regret", "Chosen again", "Requests", "Time per edit"} == set(numbers(app))
    assert all(metric.help for metric in app.metric)
    assert "was chosen on the very requests it is judged on" in text
    assert run_id in text
    assert app.query_params["run"] == run_id


def test_other_estimates_stand_on_the_axis_where_they_are_asked_for(app: AppTest, bench: Workbench) -> None:
    assert "other estimates, from" not in words(app)
    (toggle,) = [one for one in app.toggle if one.label == "Other estimates"]
    assert not toggle.value
    toggle.set_value(True).run()
    assert not app.exception
    lga = next(m for m in bench.store.runs() if m.kind == "score")
    for one in other_estimates(*cached.scores(lga.run_id)):
        assert f"{one.info.title.lower()} {one.golden_layer}" in words(app)
    (chart,) = [one for one in app.get("plotly_chart") if "layer-card" in str(one.proto.id)]
    assert "hexagon-open" in chart.proto.spec


def test_what_is_missing_is_computed_on_the_same_requests(tmp_path: Path) -> None:
    bench, tiny = cached.workbench(), ModelSource(str(save_tiny(tmp_path / "tiny")))
    run = sweep(bench, SweepQuestion(tiny, THREE, settings=QUICK), Progress())
    score(bench, ScoreQuestion(tiny, THREE), Progress())
    app = start("ground_truth", chosen_model=tiny, sweep_run=run)
    absent = "edit-aware analysis, the line check, the damage to general text and causal tracing"
    assert f"Missing: {absent}, on" in app.button(key="truth-complete").help
    press(app, "truth-complete")
    assert {job.kind for job in bench.jobs()} == {"score", "trace"}
    assert {job.params["choice"]["limit"] for job in bench.jobs()} == {3}
    work_done(app)
    work_done(app)
    assert not [button for button in app.button if button.key == "truth-complete"]
    app.segmented_control(key="truth-view").set_value("trace").run()
    assert not app.exception
    assert "Trace this request" in [button.label for button in app.button]


def test_a_sweep_with_a_key_covariance_asks_for_estimates_of_its_own_edits(tmp_path: Path) -> None:
    bench, tiny = cached.workbench(), ModelSource(str(save_tiny(tmp_path / "tiny")))
    run = sweep(bench, SweepQuestion(tiny, THREE, settings={**QUICK, "covariance": "samples"}), Progress())
    score(bench, estimate_question(tiny, THREE, "damage"), Progress())
    app = start("ground_truth", chosen_model=tiny, sweep_run=run)
    assert "damage to general text" in app.button(key="truth-complete").help  # the one at hand is of other edits
    press(app, "truth-complete")
    asked = [ScoreQuestion.from_params(job.params) for job in bench.jobs() if job.kind == "score"]
    assert {one.method: one.covariance for one in asked} == {
        "lga": "identity",
        "edit-aware": "samples",
        "line-check": "samples",
        "damage": "samples",
    }
    for _ in asked:
        work_done(app)
    assert "predict ROME edits without" not in words(app)


@pytest.mark.parametrize("view", [name for name in views.VIEWS if name not in ("search", "trace")])
def test_every_view_draws_and_has_its_table(app: AppTest, view: str) -> None:
    app.segmented_control(key="truth-view").set_value(view).run()
    assert not app.exception
    assert not app.error
    assert app.query_params["view"] == view
    assert len(twins(app).dataframe) >= (2 if view == "carried" else 3)


def test_one_set_of_requests_cannot_say_how_its_layer_carries_over(app: AppTest) -> None:
    app.segmented_control(key="truth-view").set_value("carried").run()
    assert "Sweep another one" in app.info[0].value


def test_the_scrubber_reads_the_sweep_at_each_layer(app: AppTest, bench: Workbench, run_id: str) -> None:
    found = open_sweep(bench.store, run_id)
    app.selectbox(key="truth-request").select_index(1).run()
    for place, layer in enumerate(LAYERS):
        app.select_slider(key="truth-layer").set_value(layer).run()
        assert f"Edited at layer {layer}" in words(app)
        assert found.answers[1][place].strip()[:20] in words(app)
        assert app.query_params["layer"] == str(layer)
    assert app.session_state["open_request"] == found.request_digests[1]
    assert not [job for job in bench.jobs() if job.active]


def test_an_address_opens_run_request_layer_and_view(bench: Workbench, run_id: str) -> None:
    found = open_sweep(bench.store, run_id)
    app = opened("ground_truth", run=run_id, request=short(found.request_digests[2]), layer="15", view="requests")
    assert app.selectbox(key="truth-run").value == run_id
    assert app.selectbox(key="truth-request").value == 2
    assert app.select_slider(key="truth-layer").value == 15


def test_edit_opens_with_the_same_request_and_layer(app: AppTest, bench: Workbench, run_id: str) -> None:
    found = open_sweep(bench.store, run_id)
    bench.model(ModelSource())
    app.selectbox(key="truth-request").select_index(2).run()
    app.select_slider(key="truth-layer").set_value(15).run()
    press(app, "truth-edit-live")
    assert app.title[0].value == "Edit"
    go(app, "edit")
    assert app.selectbox(key="edit-request-digest").value == found.request_digests[2]
    assert app.slider(key="edit-layer").value == 15


def test_one_answer_everywhere(bench: Workbench, run_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = bench.model(ModelSource()).fingerprint
    made_evidence.only(monkeypatch, tmp_path / "e.parquet", more_than_few(known))
    for page in ("home", "ground_truth", "edit"):  # three requests are few, and do not decide
        said = words(start(page, sweep_run=run_id))
        assert "Use layer 7" in said, page
        assert "real ROME edits that come with the model" in said, page
        assert "ahead so far" not in said, page
    made_evidence.none(monkeypatch)
    text = words(start("home"))
    assert "by 3 requests of real ROME edits" in text
    assert "Too few to tell" in text
    assert "See the ground truth" in [button.label for button in start("home").button]


def test_a_run_that_is_gone_is_said(bench: Workbench) -> None:
    app = start("ground_truth", sweep_run="sweep-gone")
    assert "sweep-gone is no longer in the store" in words(app)
    assert app.metric


def test_a_sweep_whose_data_is_gone_is_one_sentence(bench: Workbench, run_id: str, store_folder: Path) -> None:
    for file in (store_folder / "runs" / run_id).rglob("*.parquet"):
        file.unlink()
    app = unfolded(start("ground_truth", sweep_run=run_id), truth_start.MORE)
    assert run_id in app.error[0].value.replace("\\", "")
    assert app.button(key="truth-go").label.startswith("Sweep ")


def test_work_that_fails_is_one_sentence_and_can_be_tried_again(bench: Workbench) -> None:
    app = unfolded(start("ground_truth", chosen_model=ModelSource("/nowhere/at/all")), truth_start.MORE)
    press(app, "truth-go")
    work_done(app)
    assert "There is no folder or file" in app.error[0].value.replace("\\", "")
    assert app.button(key="resume-sweep").label == "Try again"
    press(app, "dismiss-sweep")
    assert not app.error


def test_a_dataset_that_is_gone_is_one_sentence_and_no_button(bench: Workbench) -> None:
    app = unfolded(start("ground_truth", chosen_dataset=DatasetChoice("upload-gone")), truth_start.MORE)
    assert "no longer in the store" in app.error[0].value
    assert app.button(key="truth-go").disabled
    assert app.metric


def test_the_page_says_how_many_requests_it_takes_and_the_next_sweep_starts_with_so_many(
    bench: Workbench, run_id: str
) -> None:
    few = start("ground_truth", sweep_run=run_id)
    assert not [box for box in few.expander if box.label.startswith("How many requests")]  # three say nothing
    sweep_ = made_sweep(24, fingerprint=bench.model(ModelSource()).fingerprint)
    larger = save_sweep(bench.store, SweepQuestion(choice=DatasetChoice("bundled", "proxy", 24)), sweep_)
    app = unfolded(start("ground_truth", sweep_run=larger), truth_start.MORE)
    found = requests_needed(sweep_)
    assert found is not None
    (box,) = [box for box in app.expander if box.label.startswith("How many requests")]
    assert box.label == f"How many requests choose a layer? {found.enough} do here"
    slider = next(slider for slider in app.slider if slider.label == "Requests")
    assert slider.value == advised(found)
    assert "By the sweep on show" in slider.help.replace("\\", "")
    app = twins(unfolded(app, "truth-needed"))
    assert any(list(table.value) == ["requests", "within_0.01", "within_0.05"] for table in app.dataframe)
    assert "Drawn with replacement from the 24 swept" in words(app)
