"""The page Layer scores in AppTest, on the bundled model."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from goldenlayers_core.attribution.selection import select
from goldenlayers_core.figures.text import number
from goldenlayers_core.records import LgaConfig, ModelSource, SelectionConfig
from goldenlayers_core.results.scores.robustness import sentence
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks import DatasetChoice, ScoreQuestion, Workbench
from goldenlayers_core.tasks.address import short
from goldenlayers_core.tasks.scores.layer_scores import score
from goldenlayers_core.tasks.scores.second_looks import other_estimates, other_ways
from goldenlayers_core.tasks.scores.stored import open_scores
from pages._scores.card import picked
from pages._shared import cached
from tests import made_evidence
from tests.pages.benches import THREE, copied, scored, words
from tests.pages.driving import go, press, start, stored_scores, twins, work_done
from tests.tiny import save_tiny


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scored(tmp_path_factory.mktemp("scored"))


@pytest.fixture
def bench(store_folder: Path, folder: Path) -> Workbench:
    """The workbench of the pages, with one run in its store."""
    copied(folder, store_folder)
    return cached.workbench()


@pytest.fixture
def run_id(bench: Workbench) -> str:
    (run,) = bench.store.runs()
    return run.run_id


def test_an_empty_store_says_what_is_missing_and_offers_it() -> None:
    app = start("layer_scores")
    assert "No layer scores yet" in words(app)
    assert app.button(key="score").label == "Score 32 requests"
    assert not app.metric
    other = start("layer_scores", chosen_dataset=THREE)
    assert other.button(key="score").label == "Score 3 requests"
    assert other.button(key="score-bundled").label.startswith("Score 32 requests of the bundled proxy")


def test_the_button_scores_with_the_settings_and_shows_the_golden_layer(bench: Workbench) -> None:
    app = start("layer_scores", chosen_dataset=THREE)
    app.selectbox(key="scores-scope").select("mlp_out")
    app.number_input(key="scores-fence").set_value(2.0)
    press(app, "score")
    work_done(app)
    shown = app.session_state["score_run"]
    manifest = next(m for m in bench.store.runs() if m.run_id == shown)
    asked = ScoreQuestion.from_params(manifest.settings)
    assert (asked.choice, asked.config.scope, asked.selection.fence) == (THREE, "mlp_out", 2.0)
    numbers = {metric.label: metric.value for metric in app.metric}
    assert numbers["Golden layer"] == dict(manifest.summary)["golden layer"]
    assert numbers["Requests"] == "3"
    assert app.query_params["run"] == shown
    assert not app.button(key="score").disabled


def test_the_card_says_what_the_scores_do_not_prove_and_what_real_edits_say(
    bench: Workbench, run_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_evidence.none(monkeypatch)
    text = words(start("layer_scores", score_run=run_id))
    assert "No edit was run, and only an edit tells" in text
    assert "no real edit of this model has judged it" in text or "real edits have not said yet" in text
    scores, selection = open_scores(bench.store, run_id)
    best = (selection.golden_layer + 7) % scores.n_layers
    table = made_evidence.rows(made_evidence.peaked(10, scores.n_layers, best), scores.fingerprint)
    made_evidence.only(monkeypatch, tmp_path / "e.parquet", table)
    text = words(start("layer_scores", score_run=run_id))
    assert "less (95 % interval 0.3" in text
    assert f"than layer {best}" in text
    assert "10 requests of bundled" in text


def test_the_page_says_which_reading_of_lga_its_scores_are_of(bench: Workbench, run_id: str) -> None:
    answer = score(bench, ScoreQuestion(choice=THREE, config=LgaConfig(loss_on="answer")), Progress())
    both = {run_id: "loss on prompt and answer", answer: "loss on the answer"}
    for shown, said in both.items():
        app = start("layer_scores", score_run=shown)
        captions = [str(caption.value).replace("\\", "") for caption in app.caption]
        assert any(f"{said}, scope mlp, old answer" in text and shown in text for text in captions)
        assert any(text.endswith(f"{said.capitalize()}.") for text in captions)
        options = app.selectbox(key="scores-run").options
        assert [words in option for option in options for words in both.values()].count(True) == 2
        assert {words for option in options for words in both.values() if words in option} == set(both.values())


def test_other_ways_and_other_estimates_are_folded_in_beside_the_pick(bench: Workbench, run_id: str) -> None:
    scores, selection = open_scores(bench.store, run_id)
    app = start("layer_scores", score_run=run_id)
    ways, estimates = other_ways(scores, selection), other_estimates(scores, selection)
    assert sentence(ways) in words(app)
    (folded,) = [one for one in app.expander if "other estimates" in one.label]
    assert not folded.proto.expanded
    picks, others = (table.value for table in folded.table)
    assert picks.shape == (4 * 4, 5)  # scopes, and ways of adding up a loss
    assert picks["Weights"].unique().tolist() == ["MLP", "MLP output", "Attention", "Whole block"]
    asked = {"sequence": "prompt and answer, mean", "answer": "answer, mean"}[scores.loss_on]
    assert picks["Loss on"][0] == asked
    assert int(picks["Fences"][0]) == selection.golden_layer
    assert others["Layer"].astype(int).tolist() == [one.golden_layer for one in estimates]
    assert "Mean absolute gradient" in others["Estimate"].tolist()
    assert all(one.info.definition in words(app) for one in estimates)


def test_a_run_of_before_both_readings_says_so(bench: Workbench) -> None:
    app = start("layer_scores", score_run=stored_scores())
    (folded,) = [one for one in app.expander if "other estimates" in one.label]
    assert "score again for both" in folded.markdown[0].value
    assert len(folded.table) == 1


def test_predicted_scores_have_no_other_ways(bench: Workbench) -> None:
    edit_aware = score(bench, ScoreQuestion(choice=THREE, method="edit-aware"), Progress())
    app = start("layer_scores", score_run=edit_aware)
    assert app.metric
    assert not [one for one in app.expander if "other estimates" in one.label]


def test_the_selectbox_opens_a_request(bench: Workbench, run_id: str) -> None:
    scores, _ = open_scores(bench.store, run_id)
    app = start("layer_scores", score_run=run_id)
    app.selectbox(key="scores-request").select_index(2).run()
    assert app.session_state["open_request"] == scores.request_digests[2]
    assert app.query_params["request"] == short(scores.request_digests[2])
    assert f"case {scores.case_ids[2]}" in words(app)
    assert len(twins(app).dataframe) >= 4  # each figure has its table


@pytest.mark.parametrize(("button", "state"), [("edit-golden", "golden"), ("edit-early", "early")])
def test_edit_opens_at_the_layer_of_the_button(bench: Workbench, run_id: str, button: str, state: str) -> None:
    _, selection = open_scores(bench.store, run_id)
    app = start("layer_scores", score_run=run_id)
    press(app, button)
    assert app.title[0].value == "Edit"
    go(app, "edit")  # AppTest forgets where a script sent it
    press(app, "edit-load")  # the scores came from the store, so no model is in memory: the layer waits for it
    work_done(app)
    assert app.slider(key="edit-layer").value == {"golden": selection.golden_layer, "early": 5}[state]


def test_edit_opens_with_the_request_on_show(bench: Workbench, run_id: str) -> None:
    scores, _ = open_scores(bench.store, run_id)
    bench.model(ModelSource())
    app = start("layer_scores", score_run=run_id)
    app.selectbox(key="scores-request").select_index(1).run()
    press(app, "edit-request")
    assert app.title[0].value == "Edit"
    assert app.selectbox(key="edit-request-digest").value == scores.request_digests[1]


def test_looks_are_kept_over_a_visit_elsewhere(bench: Workbench, run_id: str) -> None:
    app = start("layer_scores", score_run=run_id)
    app.segmented_control(key="scores-scale").set_value("raw").run()
    go(app, "home")
    go(app, "layer_scores")
    assert app.segmented_control(key="scores-scale").value == "raw"


def test_a_run_that_is_gone_is_said(bench: Workbench, run_id: str) -> None:
    app = start("layer_scores", score_run="score-gone")
    assert "score-gone is no longer in the store" in words(app)
    assert app.metric


def test_a_dataset_that_is_gone_is_one_sentence_and_no_button(bench: Workbench, run_id: str) -> None:
    app = start("layer_scores", chosen_dataset=DatasetChoice("upload-gone"))
    assert "no longer in the store" in app.error[0].value
    assert app.button(key="score").disabled
    assert app.metric  # the stored run is on show all the same


def test_skipped_requests_are_listed_with_their_reason(bench: Workbench) -> None:
    table = b"prompt,subject,target_new,target_true\nThe capital of France is,France,Rome,Paris\nBees make,Bees,tea,\n"
    reference, _ = bench.upload(table, "two.csv")
    question = ScoreQuestion(choice=DatasetChoice(reference))
    app = start("layer_scores", score_run=score(bench, question, Progress()))
    assert {metric.label: metric.value for metric in app.metric}["Requests"] == "1 of 2"
    assert any(expander.label == "1 request skipped, and why" for expander in app.expander)
    reasons = next(frame.value for frame in app.dataframe if "reason" in frame.value)
    assert "no true answer" in reasons["reason"][0]


def test_the_edits_that_are_predicted_may_be_written_with_a_key_covariance(tmp_path: Path, bench: Workbench) -> None:
    app = start("layer_scores", chosen_dataset=THREE, chosen_model=ModelSource(str(save_tiny(tmp_path / "tiny"))))
    assert not [box for box in app.selectbox if box.key == "scores-covariance"]  # LGA predicts no edits
    app.segmented_control(key="scores-method").set_value("damage").run()
    assert app.selectbox(key="scores-covariance").value == "identity"
    app.selectbox(key="scores-covariance").set_value("samples").run()
    press(app, "score")
    work_done(app)
    assert not app.exception
    manifest = next(m for m in bench.store.runs() if m.run_id == app.session_state["score_run"])
    assert ScoreQuestion.from_params(manifest.settings).covariance == "samples"
    assert app.query_params["settings"] == "covariance.samples"
    assert "edits with the key covariance of" in words(app)
    assert any("Damage, key covariance" in option for option in app.selectbox(key="scores-run").options)
    press(app, "edit-golden")
    assert app.session_state["edit-rome-covariance"] == "samples"  # the edit as it was predicted


def test_the_method_can_be_chosen_and_its_parts_are_shown(bench: Workbench, run_id: str) -> None:
    app = start("layer_scores", chosen_dataset=THREE)
    app.segmented_control(key="scores-method").set_value("edit-aware").run()
    assert not [box for box in app.selectbox if box.key in ("scores-scope", "scores-old")]  # LGA's own
    press(app, "score")
    work_done(app)
    shown = app.session_state["score_run"]
    assert shown != run_id
    manifest = next(m for m in bench.store.runs() if m.run_id == shown)
    assert ScoreQuestion.from_params(manifest.settings).method == "edit-aware"
    numbers = {metric.label: metric.value for metric in app.metric}
    assert numbers["Golden layer"] == dict(manifest.summary)["golden layer"]
    assert 0 <= float(numbers["Predicted score"]) <= 1
    text = words(app)
    assert "These are predictions from gradients" in text
    assert "fitted to real ROME edits of the bundled model" in text
    assert "Tukey" not in text
    for part in ("feasible", "spread", "harm", "portability", "score"):
        app.segmented_control(key="scores-part").set_value(part).run()
        assert not app.exception, app.exception[0].value
    app.selectbox(key="scores-run").select(run_id).run()  # the run of the other method opens as before
    assert "Summed score S" in {metric.label for metric in app.metric}
    assert app.segmented_control(key="scores-scale").value == "row"


def test_what_resamples_pick_more_often_stands_first() -> None:
    """The golden layer does not stand before one that is picked twice as often."""
    values = np.random.default_rng(0).normal(0, 1, (6, 12))
    selection = select(values, SelectionConfig(n_resamples=200))
    share = np.zeros(12)
    golden = selection.golden_layer
    other, third = [layer for layer in range(12) if layer != golden][:2]
    share[[other, golden, third]] = (0.52, 0.23, 0.25)
    said = picked(dataclasses.replace(selection, pick_share=share))
    assert said == f"52 % pick layer {other}, 25 % layer {third}, 23 % layer {golden}"
    share[[other, golden, third]] = (0.1, 0.9, 0.0)
    assert picked(dataclasses.replace(selection, pick_share=share)) == f"90 % pick layer {golden}, 10 % layer {other}"


def test_the_damage_is_chosen_scored_and_shown_in_nats(bench: Workbench, tmp_path: Path) -> None:
    app = start("layer_scores", chosen_model=ModelSource(str(save_tiny(tmp_path / "tiny"))), chosen_dataset=THREE)
    app.segmented_control(key="scores-method").set_value("damage").run()
    assert not [box for box in app.selectbox if box.key in ("scores-scope", "scores-old", "scores-loss")]
    assert not [box for box in app.checkbox if box.key == "scores-portability"]  # it asks no probe
    press(app, "score")
    work_done(app)
    scores, selection = open_scores(bench.store, app.session_state["score_run"])
    assert scores.method == "damage"
    numbers = {metric.label: metric.value for metric in app.metric}
    assert numbers["Golden layer"] == str(selection.golden_layer)
    nats = float(np.exp(-selection.totals[selection.golden_layer]))
    assert numbers["Damage, nats per token"] == number(nats, 2)
    text = words(app)
    assert "This predicts how little an edit would move text" in text
    assert "not whether it takes" in text
    assert "cosine" not in text.lower()
    assert "predicted score" not in text.lower()
    for scale in ("symlog", "raw"):
        app.segmented_control(key="scores-scale").set_value(scale).run()
        assert not app.exception, app.exception[0].value
    assert app.query_params["method"] == "damage"
