"""Both ways to score, through the store: parts kept, runs told apart, old runs still LGA's."""

import dataclasses
import json

import numpy as np
import pytest

from goldenlayers_core.attribution.damage import expected
from goldenlayers_core.attribution.edit_aware import iter_edit_aware
from goldenlayers_core.errors import ConfigError, GoldenLayersError, RequestError
from goldenlayers_core.records import EditAwareConfig, LgaConfig, ModelSource
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks import DatasetChoice, ScoreQuestion, open_workbench
from goldenlayers_core.tasks.recommendation import recommend, score_method
from goldenlayers_core.tasks.scores.curvature import curvatures_of
from goldenlayers_core.tasks.scores.layer_scores import layer_scores, score
from goldenlayers_core.tasks.scores.stored import open_scores
from tests.tiny import save_tiny

LONG = "make " * 300  # more than a tiny model takes


@pytest.fixture
def bench(tmp_path):
    made = open_workbench(tmp_path / "cache")
    yield made
    made.close()


@pytest.fixture
def question(bench, tmp_path) -> ScoreQuestion:
    rows = [
        {"prompt": "The capital of France is", "subject": "France", "target_new": "Rome", "target_true": "Paris"},
        {"prompt": f"Bees {LONG}", "subject": "Bees", "target_new": "tea", "target_true": "honey"},
        {
            "prompt": "The capital of Japan is",
            "subject": "Japan",
            "target_new": "Paris",
            "target_true": "",
            "rephrase": "In Japan, the capital is",
            "locality_prompt": "The capital of Italy is",
        },
    ]
    reference, dataset = bench.upload(json.dumps(rows).encode(), "three.json")
    assert [len(r.rephrases) for r in dataset.requests] == [0, 0, 1]
    tiny = ModelSource(str(save_tiny(tmp_path / "tiny")))
    return ScoreQuestion(tiny, DatasetChoice(reference), method="edit-aware")


def test_predictions_are_stored_with_their_parts_and_open_as_they_were(bench, question):
    scores, selection = layer_scores(bench, question, Progress())
    assert scores.method == "edit-aware"
    assert [part.name for part in scores.parts] == ["feasible", "spread", "harm"]
    run_id = score(bench, question, Progress())
    opened, chosen = open_scores(bench.store, run_id)
    np.testing.assert_array_equal(opened.values, scores.values)
    for part in scores.parts:
        np.testing.assert_array_equal(opened.part(part.name).values, part.values)
    assert (chosen.golden_layer, chosen.by, chosen.outliers) == (selection.golden_layer, "mean", ())
    (run,) = bench.store.runs()
    assert run.title.startswith("Edit-aware analysis of ")
    assert score_method(run) == "edit-aware"
    assert score(bench, question, Progress()) == run_id
    with pytest.raises(GoldenLayersError, match="feasible, spread, harm"):
        opened.part("cosine")


def test_a_request_without_probes_is_scored_by_its_rewrite_alone_and_needs_no_old_answer(bench, question):
    scores, selection = layer_scores(bench, question, Progress())
    assert scores.n_requests == 2  # the one that is too long is skipped, with the reason
    assert "takes at most" in scores.skipped[0][1]
    np.testing.assert_array_equal(scores.values[0], scores.part("feasible").values[0])
    assert np.isnan(scores.part("harm").values[0]).all()
    assert ((scores.values >= 0) & (scores.values <= 1)).all()
    means = [part.values[1] for part in scores.parts]
    np.testing.assert_allclose(scores.values[1], (means[0] + means[1] + 1 - means[2]) / 3)
    np.testing.assert_allclose(selection.totals, scores.values.mean(axis=0))


def test_only_what_is_new_is_computed_and_settings_do_not_share(bench, question):
    first = dataclasses.replace(question, choice=dataclasses.replace(question.choice, limit=1))
    assert layer_scores(bench, first, Progress())[0].n_computed == 1
    assert layer_scores(bench, question, Progress())[0].n_computed == 1
    rebatched = dataclasses.replace(question, edit_aware=EditAwareConfig(token_budget=7), config=LgaConfig("block"))
    assert layer_scores(bench, rebatched, Progress())[0].n_computed == 0  # nothing that changes a number
    other = dataclasses.replace(question, edit_aware=EditAwareConfig(precision="bfloat16"))
    assert layer_scores(bench, other, Progress())[0].n_computed == 2


def test_both_methods_live_beside_each_other_and_only_lga_recommends(bench, question):
    aware = score(bench, question, Progress())
    handle = bench.model(question.model)
    assert recommend(bench.store, handle.fingerprint) is None
    lga = score(bench, dataclasses.replace(question, method="lga"), Progress())
    assert aware != lga
    assert open_scores(bench.store, lga)[0].parts == ()
    found = recommend(bench.store, handle.fingerprint)
    assert found is not None
    assert found.run_id == lga


def test_a_question_stored_before_there_were_methods_is_lgas():
    old = {"model": {"source": "bundled"}, "config": {"scope": "mlp"}, "selection": {"fence": 1.0}}
    question = ScoreQuestion.from_params(old)
    assert (question.method, question.settings) == ("lga", LgaConfig(loss_on="answer"))
    again = ScoreQuestion.from_params(json.loads(json.dumps(ScoreQuestion(method="edit-aware").to_params())))
    assert again == ScoreQuestion(method="edit-aware")
    with pytest.raises(ConfigError, match="lga, edit-aware"):
        ScoreQuestion(method="guess")


def test_nothing_to_score_is_one_sentence(bench, question):
    rows = [{"prompt": f"Bees {LONG}", "subject": "Bees", "target_new": "tea"}]
    reference, _ = bench.upload(json.dumps(rows).encode(), "one.json")
    with pytest.raises(RequestError, match="None of the 1 requests can be scored"):
        layer_scores(bench, dataclasses.replace(question, choice=DatasetChoice(reference)), Progress())


def test_the_line_check_is_a_method_of_its_own_with_the_same_parts(bench, question):
    asked = dataclasses.replace(question, method="line-check")
    scores, selection = layer_scores(bench, asked, Progress())
    assert (scores.method, selection.by) == ("line-check", "mean")
    assert [part.name for part in scores.parts] == ["feasible", "spread", "harm"]
    assert not np.array_equal(scores.values, layer_scores(bench, question, Progress())[0].values)
    run_id = score(bench, asked, Progress())
    opened, _ = open_scores(bench.store, run_id)
    np.testing.assert_array_equal(opened.values, scores.values)
    run = next(r for r in bench.store.runs() if r.run_id == run_id)
    assert run.title.startswith("Line check of ")
    assert score_method(run) == "line-check"
    assert layer_scores(bench, asked, Progress())[0].n_computed == 0


def test_the_damage_is_what_the_predicted_edits_cost_general_text_and_asks_no_probe(bench, question):
    asked = dataclasses.replace(question, method="damage")
    scores, selection = layer_scores(bench, asked, Progress())
    assert (scores.method, scores.parts, selection.by) == ("damage", (), "mean")
    handle = bench.model(asked.model)
    weights = curvatures_of(bench.store, handle, Progress())
    for index, digest in enumerate(scores.request_digests):
        request = next(r for r in bench.dataset(asked.choice.dataset).requests if r.digest == digest)
        bare = dataclasses.replace(request, rephrases=(), locality=(), portability=())
        (effects,) = iter_edit_aware(handle, [bare], EditAwareConfig())
        np.testing.assert_allclose(np.exp(-scores.values[index]), expected(weights, effects)[0], rtol=1e-6)
    assert selection.golden_layer == int(scores.values.mean(axis=0).argmax())
    np.testing.assert_allclose(scores.to_frame()["damage"], np.exp(-scores.values).ravel())
    run_id = score(bench, asked, Progress())
    opened, _ = open_scores(bench.store, run_id)
    np.testing.assert_array_equal(opened.values, scores.values)
    run = next(r for r in bench.store.runs() if r.run_id == run_id)
    assert run.title.startswith("Damage to general text of ")
    assert score_method(run) == "damage"
    assert layer_scores(bench, asked, Progress())[0].n_computed == 0
